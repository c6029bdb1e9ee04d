package testfiles

import (
	"os"
	"os/exec"
	"testing"
)

// SmallDisk returns a folder on a tmpfs of 1 MiB, unmounted after the test. Without root on Linux the test is skipped,
// and fails in CI.
func SmallDisk(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", dir).CombinedOutput(); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatalf("no small disk: %v: %s", err, out)
		}
		t.Skipf("SKIPPED: no small disk: %v: %s", err, out)
	}
	t.Cleanup(func() {
		if out, err := exec.Command("umount", dir).CombinedOutput(); err != nil {
			t.Errorf("%v: %s", err, out)
		}
	})
	return dir
}
