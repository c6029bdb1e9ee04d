package main

import (
	"bytes"
	"fmt"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// usage is what a child process took.
type usage struct {
	elapsed   time.Duration // from its start to its end
	kilobytes int64         // the most memory it had resident
}

// measured runs a process to its end. The error of one that fails carries what it wrote.
func measured(cmd *exec.Cmd) (usage, error) {
	var written bytes.Buffer
	cmd.Stdout, cmd.Stderr = &written, &written
	start := time.Now()
	err := cmd.Run()
	elapsed := time.Since(start)
	if err != nil {
		return usage{}, failure(cmd, err, written.Bytes())
	}
	return usage{elapsed, resident(cmd)}, nil
}

// resident is the peak memory of an ended process. The kernel counts what it shared with this process
// before it became itself, so a figure below our own peak would be ours.
func resident(cmd *exec.Cmd) int64 {
	used, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	switch {
	case !ok:
		return 0
	case runtime.GOOS == "darwin":
		return used.Maxrss >> 10 // bytes there
	default:
		return used.Maxrss
	}
}

// output runs a process to its end and returns its standard output, trimmed.
func output(cmd *exec.Cmd) (string, error) {
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		return "", failure(cmd, err, errs.Bytes())
	}
	return strings.TrimSpace(out.String()), nil
}

// piped lets the one process write what the other reads, as the shell's | does, and returns the time
// until both have ended.
func piped(from, to *exec.Cmd) (time.Duration, error) {
	var fromErrs, toErrs bytes.Buffer
	from.Stderr, to.Stderr = &fromErrs, &toErrs
	start := time.Now()
	out, err := from.StdoutPipe()
	if err != nil {
		return 0, err
	}
	to.Stdin = out
	if err := from.Start(); err != nil {
		return 0, err
	}
	toErr := to.Run()
	fromErr := from.Wait()
	if toErr != nil { // first: a reader that fails breaks the writer's pipe
		return 0, failure(to, toErr, toErrs.Bytes())
	}
	if fromErr != nil {
		return 0, failure(from, fromErr, fromErrs.Bytes())
	}
	return time.Since(start), nil
}

// failure names the process and the end of what it wrote.
func failure(cmd *exec.Cmd, err error, written []byte) error {
	const most = 2000
	if len(written) > most {
		written = written[len(written)-most:]
	}
	return fmt.Errorf("%s: %w\n%s", filepath.Base(cmd.Path), err, bytes.TrimSpace(written))
}
