//go:build failpoints

// Package failpoint marks the points at which tests kill the process.
package failpoint

import (
	"os"
	"syscall"
)

// Reach kills this process with SIGKILL if LIFECYCLE_FAILPOINT names the point.
func Reach(name string) {
	if os.Getenv("LIFECYCLE_FAILPOINT") == name {
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {} // until the signal arrives
	}
}
