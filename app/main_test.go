package app_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestMain builds the program once, with the failpoints compiled in.
func TestMain(m *testing.M) { os.Exit(withBinary(m)) }

// binary is the program under test.
var binary string

func withBinary(m *testing.M) int {
	dir, err := os.MkdirTemp("", "lifecycle-sync")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	binary = filepath.Join(dir, "lifecycle-sync")
	if out, err := exec.Command("go", "build", "-tags", "failpoints", "-o", binary, "lifecycle-sync").CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "building: %v\n%s", err, out)
		return 1
	}
	return m.Run()
}
