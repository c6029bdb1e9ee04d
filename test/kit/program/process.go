package program

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"

	"lifecycle-sync/test/kit/testdb"
)

var (
	// binary is the program with failpoints, built once for all tests of a package.
	binary = sync.OnceValues(build)
	folder string
)

// Main runs a package's tests on recycled databases and removes the binary that they built.
func Main(m *testing.M) {
	code := testdb.Recycle(m).Run()
	_ = os.RemoveAll(folder)
	os.Exit(code)
}

func build() (path string, err error) {
	if folder, err = os.MkdirTemp("", "lifecycle-sync"); err != nil {
		return "", err
	}
	path = filepath.Join(folder, "lifecycle-sync")
	if out, err := exec.Command("go", "build", "-tags", "failpoints", "-o", path, "lifecycle-sync").CombinedOutput(); err != nil {
		return "", fmt.Errorf("building: %w\n%s", err, out)
	}
	return path, nil
}

// Process is the binary at work. The test's end kills it.
type Process struct {
	job
	cmd *exec.Cmd
}

// Fork starts the binary with the program's settings and further ones. It sees nothing else of the test's environment but
// PATH. A test package that starts processes calls Main in its TestMain.
func (p *Program) Fork(env []string, args ...string) *Process {
	p.Helper()
	path, err := binary()
	if err != nil {
		p.Fatal(err)
	}
	c := &Process{job: job{t: p, done: make(chan struct{})}, cmd: exec.Command(path, args...)}
	c.cmd.Dir, c.cmd.Stdout, c.cmd.Stderr = p.TempDir(), &c.Out, &c.Out
	c.cmd.Env = append(append([]string{"HOME=" + c.cmd.Dir, "PATH=" + os.Getenv("PATH")}, p.Environ...), env...)
	if err := c.cmd.Start(); err != nil {
		p.Fatal(err)
	}
	go func() {
		defer close(c.done)
		_ = c.cmd.Wait() // End and EndedBy read the outcome
	}()
	p.Cleanup(func() { c.End(syscall.SIGKILL) })
	return c
}

// Signal sends a signal to the process unless it has ended.
func (c *Process) Signal(signal os.Signal) {
	c.t.Helper()
	if err := c.cmd.Process.Signal(signal); err != nil && !errors.Is(err, os.ErrProcessDone) {
		c.t.Fatal(err)
	}
}

// Wait waits until the process has ended and returns its exit code, -1 after a signal.
func (c *Process) Wait() int {
	<-c.done
	return c.cmd.ProcessState.ExitCode()
}

// End sends a signal and waits until the process has ended.
func (c *Process) End(signal os.Signal) int {
	c.t.Helper()
	c.Signal(signal)
	return c.Wait()
}

// EndedBy is the signal that ended the process, 0 for none. It waits for the end.
func (c *Process) EndedBy() syscall.Signal {
	<-c.done
	if status, ok := c.cmd.ProcessState.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return status.Signal()
	}
	return 0
}
