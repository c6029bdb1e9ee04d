package testdb

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// SmallDisk creates a tablespace on a disk of size MiB, which resize changes. It needs root on Linux; otherwise the test is
// skipped, and fails in CI.
func (c *Cluster) SmallDisk(t testing.TB, tablespace string, size int) (resize func(size int)) {
	t.Helper()
	dir := filepath.Join(c.dir, tablespace)
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	mount := func(options string) {
		t.Helper()
		if out, err := exec.Command("mount", "-t", "tmpfs", "-o", options, "tmpfs", dir).CombinedOutput(); err != nil {
			if os.Getenv("CI") != "" {
				t.Fatalf("no small disk: %v: %s", err, out)
			}
			t.Skipf("SKIPPED: no small disk: %v: %s", err, out)
		}
	}
	mount(fmt.Sprintf("size=%dm", size))
	t.Cleanup(func() {
		c.Stop("immediate")
		if out, err := exec.Command("umount", dir).CombinedOutput(); err != nil {
			t.Errorf("%v: %s", err, out)
		}
	})
	give(t, dir)
	run(t, c.server().String(), fmt.Sprintf("CREATE TABLESPACE %s LOCATION '%s'", tablespace, dir))
	return func(size int) { mount(fmt.Sprintf("remount,size=%dm", size)) }
}
