package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// bench is one run of the whole program.
type bench struct {
	cfg     config
	dir     string // temporary: holds the binary and is its working directory, without a .env file
	binary  string // lifecycle-sync, built from this tree
	source  string // the folder of this package
	peaks   map[volume]peak
	started time.Time
}

// newBench checks what is needed and builds the binary. The bench must be closed.
func newBench(ctx context.Context, cfg config) (*bench, error) {
	if _, err := exec.LookPath("psql"); err != nil {
		return nil, fmt.Errorf("the yardsticks are pipes of psql, which is not installed: %w", err)
	}
	dir, err := os.MkdirTemp("", "lifecycle-sync-bench")
	if err != nil {
		return nil, err
	}
	b := &bench{cfg: cfg, dir: dir, binary: filepath.Join(dir, "lifecycle-sync"), peaks: map[volume]peak{}, started: time.Now()}
	b.warnOfLoad()
	if err := b.build(ctx); err != nil {
		b.close()
		return nil, err
	}
	return b, nil
}

func (b *bench) build(ctx context.Context) error {
	b.say("building lifecycle-sync")
	folder, err := output(exec.CommandContext(ctx, "go", "list", "-f", "{{.Dir}}", "lifecycle-sync/bench"))
	if err != nil {
		return fmt.Errorf("run this inside the repository: %w", err)
	}
	b.source = folder
	cmd := exec.CommandContext(ctx, "go", "build", "-o", b.binary, "lifecycle-sync")
	cmd.Env = append(cmd.Environ(), "CGO_ENABLED=0") // as it is released
	_, err = output(cmd)
	return err
}

func (b *bench) close() { _ = os.RemoveAll(b.dir) } // a leftover in the temporary folder does no harm

// say reports progress on standard error.
func (b *bench) say(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "[%6.1fs] %s\n", time.Since(b.started).Seconds(), fmt.Sprintf(format, args...))
}

// warnOfLoad warns when the machine is busy, which affects the two sides of a ratio unevenly.
func (b *bench) warnOfLoad() {
	text, err := os.ReadFile("/proc/loadavg") // Linux only; elsewhere there is no warning
	var load float64
	if _, scanErr := fmt.Sscan(string(text), &load); err == nil && scanErr == nil && load > 0.5 {
		b.say("!!! the machine is busy with something else (load %.1f): the ratios will be off !!!", load)
	}
}
