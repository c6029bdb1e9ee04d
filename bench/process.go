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

// usage is the time and memory of a child process.
type usage struct {
	elapsed   time.Duration // wall time
	kilobytes int64         // peak resident memory
}

// measured runs a process until it ends. The error of a failed process includes its output.
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

// resident is the peak memory of an ended process. Between fork and exec a child shares this process's memory, so the figure
// is never below our own peak.
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

// output runs a process until it ends and returns its standard output, trimmed.
func output(cmd *exec.Cmd) (string, error) {
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		return "", failure(cmd, err, errs.Bytes())
	}
	return strings.TrimSpace(out.String()), nil
}

// piped runs a pipeline of two processes and returns the time until both have ended.
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
	if toErr != nil { // reported first, because a failed reader breaks the writer's pipe
		return 0, failure(to, toErr, toErrs.Bytes())
	}
	if fromErr != nil {
		return 0, failure(from, fromErr, fromErrs.Bytes())
	}
	return time.Since(start), nil
}

// failure adds the process's name and the end of its output to an error.
func failure(cmd *exec.Cmd, err error, written []byte) error {
	const most = 2000
	if len(written) > most {
		written = written[len(written)-most:]
	}
	return fmt.Errorf("%s: %w\n%s", filepath.Base(cmd.Path), err, bytes.TrimSpace(written))
}
