package main

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// rowByRow times the script that upserts one row at a time.
func (a *arena) rowByRow(ctx context.Context) (time.Duration, error) {
	cmd := exec.CommandContext(ctx, "node", "sync.mjs")
	cmd.Dir = a.bench.folder("rowbyrow")
	cmd.Env = append(cmd.Environ(), "LIFECYCLE_DATABASE_URL="+a.server.URL(a.source), "PMO_DATABASE_URL="+a.server.URL(a.theirs))
	used, err := measured(cmd)
	return used.elapsed, err
}

// installPackage installs the packages of a yardstick in Node. Errors: skipped when that is not possible.
func (b *bench) installPackage(ctx context.Context, yardstick string) error {
	for _, program := range []string{"node", "npm"} {
		if _, err := exec.LookPath(program); err != nil {
			return skipped{program + " is not installed"}
		}
	}
	folder := b.folder(yardstick)
	if _, err := os.Stat(filepath.Join(folder, "node_modules", "pg")); err == nil {
		return nil
	}
	b.say("installing the package of %s", yardstick)
	cmd := exec.CommandContext(ctx, "npm", "ci", "--no-audit", "--no-fund")
	cmd.Dir = folder
	if _, err := measured(cmd); err != nil {
		return skipped{err.Error()}
	}
	return nil
}

// folder is the folder of a yardstick in Node.
func (b *bench) folder(yardstick string) string { return filepath.Join(b.source, yardstick) }
