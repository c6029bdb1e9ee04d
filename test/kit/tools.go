package kit

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Missing ends a test that cannot run here: it skips the test, loudly, and fails it in CI.
func Missing(t testing.TB, what string) {
	t.Helper()
	if os.Getenv("CI") != "" {
		t.Fatalf("%s: in CI this must be tested", what)
	}
	t.Skipf("SKIPPED: %s", what)
}

// Long skips a rare case that takes long, loudly. make test-long runs it, with TEST_LONG set.
func Long(t testing.TB) {
	t.Helper()
	if os.Getenv("TEST_LONG") == "" {
		t.Skip("SKIPPED: takes long: run make test-long, or set TEST_LONG=1")
	}
}

// Tool is the path of something that test/tools installed, such as "versitygw-v1.8.0/versitygw". Without it the test is
// skipped, and fails in CI.
func Tool(t testing.TB, name string) string {
	t.Helper()
	cache, err := exec.Command("go", "env", "GOCACHE").Output()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(filepath.Dir(strings.TrimSpace(string(cache))), "lifecycle-sync-tools", name)
	if _, err := os.Stat(path); err != nil {
		Missing(t, name+" is not installed: run make test, or test/tools")
	}
	return path
}

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
