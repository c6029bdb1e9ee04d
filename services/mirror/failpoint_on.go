//go:build failpoints

package mirror

import (
	"os"
	"syscall"
)

// failpoint kills this process, as hard as kill -9 does, at the instant that LIFECYCLE_FAILPOINT
// names.
func failpoint(name string) {
	if os.Getenv("LIFECYCLE_FAILPOINT") == name {
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {} // the signal is on its way
	}
}
