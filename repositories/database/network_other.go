//go:build !linux

package database

import (
	"syscall"
	"time"
)

// userTimeout does nothing: other systems have no such option, or another one.
func userTimeout(time.Duration) func(network, address string, c syscall.RawConn) error { return nil }
