//go:build failpoints

// Package failpoint marks the instants at which tests kill the process.
package failpoint

import (
	"os"
	"syscall"
)

// Reach kills this process, as hard as kill -9 does, at the instant that LIFECYCLE_FAILPOINT
// names.
func Reach(name string) {
	if os.Getenv("LIFECYCLE_FAILPOINT") == name {
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {} // the signal is on its way
	}
}
