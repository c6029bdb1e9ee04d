package program

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"sync"
	"syscall"
	"testing"

	"lifecycle-sync/test/kit"
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
	t              testing.TB
	cmd            *exec.Cmd
	Stdout, Stderr kit.Buffer
	Out            kit.Buffer // both, as they came
	ended          chan struct{}
}

// Start starts the binary in a folder. It sees nothing of the test's environment but PATH and what env holds. A test
// package that starts processes calls Main in its TestMain.
func Start(t testing.TB, dir string, env []string, args ...string) *Process {
	t.Helper()
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	p := &Process{t: t, cmd: exec.Command(path, args...), ended: make(chan struct{})}
	p.cmd.Dir, p.cmd.Stdout, p.cmd.Stderr = dir, io.MultiWriter(&p.Stdout, &p.Out), io.MultiWriter(&p.Stderr, &p.Out)
	p.cmd.Env = append([]string{"HOME=" + dir, "PATH=" + os.Getenv("PATH"), "SYNC_SCHEDULE=off", "SYNC_FULL_SCHEDULE=off"}, env...)
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(p.ended)
		_ = p.cmd.Wait() // Wait and Killed read the outcome
	}()
	t.Cleanup(func() { p.End(syscall.SIGKILL) })
	return p
}

// Wait waits until the process has ended and returns its exit code, -1 after a signal.
func (p *Process) Wait() int {
	<-p.ended
	return p.cmd.ProcessState.ExitCode()
}

// Signal sends a signal to the process unless it has ended.
func (p *Process) Signal(signal os.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(signal); err != nil && !errors.Is(err, os.ErrProcessDone) {
		p.t.Fatal(err)
	}
}

// End sends a signal and waits until the process has ended.
func (p *Process) End(signal os.Signal) int {
	p.t.Helper()
	p.Signal(signal)
	return p.Wait()
}

// Ended reports whether the process has ended.
func (p *Process) Ended() bool {
	select {
	case <-p.ended:
		return true
	default:
		return false
	}
}

// EndedBy is the signal that ended the process, 0 for none. It waits for the end.
func (p *Process) EndedBy() syscall.Signal {
	<-p.ended
	if status, ok := p.cmd.ProcessState.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return status.Signal()
	}
	return 0
}

// String returns the process's outcome, if it has ended, and its output.
func (p *Process) String() string {
	state := "running"
	if p.Ended() {
		state = p.cmd.ProcessState.String()
	}
	return fmt.Sprintf("%s\n--- stdout\n%s--- stderr\n%s", state, &p.Stdout, &p.Stderr)
}

// Says waits until the process has printed a text.
func (p *Process) Says(text string) {
	p.t.Helper()
	kit.Eventually(p.t, text, func() bool {
		ended := p.Ended()
		said := p.Out.Contains(text)
		if ended && !said {
			p.t.Fatalf("ended without printing %q: %s", text, p)
		}
		return said
	}, p)
}

var serving = regexp.MustCompile(`Serving http://([0-9.:]+)/`)

// Address waits until the process serves and returns host:port.
func (p *Process) Address() string {
	p.t.Helper()
	p.Says("Serving http://")
	return serving.FindStringSubmatch(p.Out.String())[1]
}
