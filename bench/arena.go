package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
)

// volume is the size of a source.
type volume struct{ products, histories int }

// arena is a source and two mirrors of it on one server, one for each side of a comparison. Both mirrors have the schema of
// lifecycle-sync migrate and start every measure in the same state.
type arena struct {
	volume
	bench                *bench
	server               *server
	source, ours, theirs string // databases
	site                 *site  // our server on our mirror, started when a measure needs it
}

// newArena makes the databases and fills the source. The arena must be closed.
func newArena(ctx context.Context, b *bench, v volume) (*arena, error) {
	prefix := fmt.Sprintf("lifecycle_sync_bench_%d_", os.Getpid()) // several benches may run at once
	a := &arena{volume: v, bench: b, server: b.cfg.server, source: prefix + "source", ours: prefix + "ours", theirs: prefix + "theirs"}
	b.say("filling a source with %d products and %d histories", v.products, v.histories)
	if err := a.open(ctx); err != nil {
		a.close(ctx)
		return nil, err
	}
	return a, nil
}

func (a *arena) open(ctx context.Context) error {
	if err := a.recreate(ctx, a.source); err != nil {
		return err
	}
	if err := a.createSource(ctx); err != nil {
		return err
	}
	return a.empty(ctx)
}

// close drops the databases, also after an interrupt.
func (a *arena) close(ctx context.Context) {
	ctx = context.WithoutCancel(ctx)
	if a.site != nil {
		a.site.close()
	}
	if err := a.dropSlots(ctx); err != nil {
		a.bench.say("a replication slot of %s is left behind: %v", a.source, err)
	}
	for _, name := range []string{a.source, a.ours, a.theirs} {
		if err := a.drop(ctx, name); err != nil {
			a.bench.say("%s is left behind: %v", name, err)
		}
	}
}

// dropSlots drops the replication slots of the source, which would prevent dropping it.
func (a *arena) dropSlots(ctx context.Context) error {
	const slots = " FROM pg_replication_slots WHERE database = '%s'"
	if err := a.server.exec(ctx, "postgres", fmt.Sprintf("SELECT pg_terminate_backend(active_pid, 5000)"+slots+" AND active", a.source)); err != nil {
		return err
	}
	return a.server.exec(ctx, "postgres", fmt.Sprintf("SELECT pg_drop_replication_slot(slot_name)"+slots, a.source))
}

func (a *arena) drop(ctx context.Context, name string) error {
	return a.server.exec(ctx, "postgres", "DROP DATABASE IF EXISTS "+name+" WITH (FORCE)")
}

func (a *arena) recreate(ctx context.Context, name string) error {
	if err := a.drop(ctx, name); err != nil {
		return err
	}
	return a.server.exec(ctx, "postgres", "CREATE DATABASE "+name+" TEMPLATE template0 ENCODING 'UTF8'")
}

// empty gives both sides a new mirror without rows.
func (a *arena) empty(ctx context.Context) error {
	for _, mirror := range []string{a.ours, a.theirs} {
		if err := a.recreate(ctx, mirror); err != nil {
			return err
		}
		if _, err := measured(a.command(ctx, mirror, "migrate")); err != nil {
			return err
		}
	}
	return a.copyParents(ctx)
}

// settle vacuums, analyzes and checkpoints all databases, so that neither side pays for the previous step.
func (a *arena) settle(ctx context.Context) error {
	for _, name := range []string{a.source, a.ours, a.theirs} {
		if err := a.server.exec(ctx, name, "VACUUM ANALYZE"); err != nil {
			return err
		}
	}
	return a.server.exec(ctx, "postgres", "CHECKPOINT")
}

// command is a lifecycle-sync command from this arena's source to one of its mirrors.
func (a *arena) command(ctx context.Context, mirror string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, a.bench.binary, args...)
	cmd.Dir = a.bench.dir
	cmd.Env = append(cmd.Environ(), "SYNC_SCHEDULE=off", "SYNC_FULL_SCHEDULE=off", "RATE_LIMIT_READS=1000000000",
		"LIFECYCLE_DATABASE_URL="+a.server.URL(a.source), "PMO_DATABASE_URL="+a.server.URL(mirror))
	return cmd
}

// checkEqual checks that both mirrors equal the source: ours with verify, and both with a sum of hashes that shares no code
// with it.
func (a *arena) checkEqual(ctx context.Context) error {
	if _, err := measured(a.command(ctx, a.ours, "verify")); err != nil {
		return err
	}
	for _, t := range tables {
		want, err := a.server.text(ctx, a.source, t.fingerprint(t.source))
		if err != nil {
			return err
		}
		for _, mirror := range []string{a.ours, a.theirs} {
			got, err := a.server.text(ctx, mirror, t.fingerprint(t.mirror))
			if err != nil {
				return err
			}
			if got != want {
				return errors.New(t.mirror + " of " + mirror + " does not equal " + t.source)
			}
		}
	}
	return nil
}
