package kit

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash/fnv"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// Missing ends a test that cannot run here: it skips the test with a prominent warning, and fails it in CI.
func Missing(t testing.TB, what string) {
	t.Helper()
	if os.Getenv("CI") != "" {
		t.Fatalf("%s: in CI this must be tested", what)
	}
	t.Skipf("SKIPPED: %s", what)
}

// IsLong reports whether make test-long runs the tests: they take hours and leave nothing out.
func IsLong() bool { return os.Getenv("TEST_LONG") != "" }

// Long skips a slow test with a prominent warning, unless make test-long runs it.
func Long(t testing.TB) {
	t.Helper()
	if !IsLong() {
		t.Skip("SKIPPED: takes long: run make test-long, or set TEST_LONG=1")
	}
}

// Daily returns n of a slow test's cases, different ones every day. make test-long runs all of them.
func Daily[T any](t testing.TB, n int, cases ...T) []T {
	t.Helper()
	if IsLong() || n >= len(cases) {
		return cases
	}
	chosen := make([]T, n)
	for i := range chosen {
		chosen[i] = cases[(turn(t)*n+i)%len(cases)]
	}
	t.Logf("%d of %d cases today; TEST_LONG=1 runs all", n, len(cases))
	return chosen
}

// Rare skips a slow test of a rare fault on three of four days, with a prominent warning. make test-long runs it.
func Rare(t testing.TB) {
	t.Helper()
	if !IsLong() && turn(t)%4 != 0 {
		t.Skip("SKIPPED today, as on three of four days: run make test-long, or set TEST_LONG=1")
	}
}

// turn is a number that grows by one every day and starts at a different value for each test.
func turn(t testing.TB) int {
	t.Helper()
	name := fnv.New32a()
	_, _ = name.Write([]byte(t.Name())) // a hash never fails
	return int(name.Sum32()) + Day()
}

// Day is the number of the day (UTC).
func Day() int { return int(time.Now().Unix() / (24 * 60 * 60)) }

// Tool is the path of something that test/tools installed, such as "versitygw-v1.8.0/versitygw". Without it the test is
// skipped, and fails in CI.
func Tool(t testing.TB, name string) string {
	t.Helper()
	dir, err := toolsDir()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, name)
	if _, err := os.Stat(path); err != nil {
		Missing(t, name+" is not installed: run make test, or test/tools")
	}
	return path
}

// toolsDir is the folder that test/tools installs into, next to Go's build cache.
var toolsDir = sync.OnceValues(func() (string, error) {
	cache, err := exec.Command("go", "env", "GOCACHE").Output()
	return filepath.Join(filepath.Dir(strings.TrimSpace(string(cache))), "lifecycle-sync-tools"), err
})

// NodeModules is the folder with the packages that a package-lock.json names, as test/tools installed them.
func NodeModules(t testing.TB, lock string) string {
	t.Helper()
	content, err := os.ReadFile(lock)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(content)
	return Tool(t, "npm-"+hex.EncodeToString(sum[:6])+"/node_modules")
}

// SmallDisk mounts a disk of size MiB at an empty folder until the test ends, after stop. resize changes its size. It
// needs root on Linux.
func SmallDisk(t testing.TB, dir string, size int, stop func()) (resize func(size int)) {
	t.Helper()
	mount := func(options string) {
		t.Helper()
		if out, err := exec.Command("mount", "-t", "tmpfs", "-o", options, "tmpfs", dir).CombinedOutput(); err != nil {
			Missing(t, fmt.Sprintf("no small disk: %v: %s", err, out))
		}
	}
	mount(fmt.Sprintf("size=%dm", size))
	t.Cleanup(func() {
		stop()
		if out, err := exec.Command("umount", dir).CombinedOutput(); err != nil {
			t.Errorf("%v: %s", err, out)
		}
	})
	return func(size int) { mount(fmt.Sprintf("remount,size=%dm", size)) }
}

// FreeAddress is an address on loopback whose port no process uses.
func FreeAddress(t testing.TB) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}
