package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"syscall"
	"time"
)

const (
	realtimeLimit  = 150 // ms from commit to visible, 99th percentile
	realtimeLength = 60 * time.Second
	killEvery      = 5 * time.Second
	followTime     = 5 * time.Minute // until a follower follows
)

// freshness measures the time from a commit in the source to its visibility in the mirror, under load.
type freshness struct{}

func (freshness) measure(ctx context.Context, a *arena, m measure) (figures, error) {
	f, err := a.follow(ctx)
	if err != nil {
		return figures{}, err
	}
	took, err := a.underLoad(ctx)
	if err != nil {
		f.stop(syscall.SIGKILL)
		return figures{}, err
	}
	slices.Sort(took)
	if len(took) == 0 {
		return figures{}, errors.New("no change was ever seen in the mirror")
	}
	at := func(share float64) float64 { return 1000 * took[int(share*float64(len(took)-1))].Seconds() }
	a.bench.say("%s: %d watched; ms: median %.1f, 95 %% %.1f, 99 %% %.1f, most %.1f", m.name, len(took), at(.5), at(.95), at(.99), at(1))
	if err := a.settleFollower(ctx, f); err != nil {
		return figures{}, err
	}
	return figures{at(.99), realtimeLimit}, nil
}

// underLoad writes to the source and measures the delays.
func (a *arena) underLoad(ctx context.Context) ([]time.Duration, error) {
	watched, written := make(chan changed, changesASec), make(chan error, 1)
	go func() { written <- a.write(ctx, realtimeLength, watched) }()
	took, err := a.look(ctx, watched)
	for range watched { // drain, in case watching failed
	}
	return took, errors.Join(<-written, err)
}

// survival kills the follower repeatedly under load and counts the rows that differ at the end.
type survival struct{}

func (survival) measure(ctx context.Context, a *arena, m measure) (figures, error) {
	watched, written := make(chan changed, changesASec), make(chan error, 1)
	go func() { written <- a.write(ctx, realtimeLength, watched) }()
	go func() {
		for range watched { // delays do not matter here
		}
	}()
	kills := 0
	for {
		f, err := a.follow(ctx)
		if err != nil {
			return figures{}, err
		}
		select {
		case err := <-written:
			if err != nil {
				f.stop(syscall.SIGKILL)
				return figures{}, err
			}
			a.bench.say("%s: killed %d times", m.name, kills)
			return figures{0, float64(kills)}, a.settleFollower(ctx, f)
		case <-time.After(killEvery):
			f.stop(syscall.SIGKILL)
			kills++
		}
	}
}

// follower is a sync --follow process.
type follower struct {
	cmd   *exec.Cmd
	ended chan error
	log   string
}

// follow starts a follower and waits until it is following.
func (a *arena) follow(ctx context.Context) (*follower, error) {
	log, err := os.CreateTemp(a.bench.dir, "follow*.log")
	if err != nil {
		return nil, err
	}
	defer func() { _ = log.Close() }() // the process keeps its own handle
	f := &follower{cmd: a.command(ctx, a.ours, "sync", "--follow"), ended: make(chan error, 1), log: log.Name()}
	f.cmd.Stdout, f.cmd.Stderr = log, log
	if err := f.cmd.Start(); err != nil {
		return nil, err
	}
	go func() { f.ended <- f.cmd.Wait() }()
	for deadline := time.Now().Add(followTime); ; {
		text, _ := os.ReadFile(f.log) // unreadable means not following yet
		if bytes.Contains(text, []byte("as soon as it is committed")) {
			return f, nil
		}
		select {
		case err := <-f.ended:
			return nil, failure(f.cmd, fmt.Errorf("it ended: %w", err), text)
		case <-time.After(20 * time.Millisecond):
		}
		if ctx.Err() != nil || time.Now().After(deadline) {
			f.stop(syscall.SIGKILL)
			return nil, failure(f.cmd, errors.New("it does not follow"), text)
		}
	}
}

func (f *follower) stop(signal syscall.Signal) {
	_ = f.cmd.Process.Signal(signal) // it may have ended
	<-f.ended                        //nolint:errcheck // only the end matters
}

// settleFollower waits until the last change is mirrored, stops the follower and verifies the mirror.
func (a *arena) settleFollower(ctx context.Context, f *follower) error {
	last := rand.Text()
	if err := a.server.exec(ctx, a.source, "UPDATE tbl_segmen SET icon_dark = '"+last+"' WHERE id = 1"); err != nil {
		return err
	}
	for {
		there, err := a.server.text(ctx, a.ours, "SELECT (icon_dark IS NOT DISTINCT FROM '"+last+"')::text FROM tbl_segmen_lifecycle WHERE id = 1")
		if err != nil {
			return err
		}
		if there == "true" {
			break
		}
		select {
		case err := <-f.ended:
			return fmt.Errorf("the follower ended: %w", err)
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
	}
	f.stop(syscall.SIGTERM)
	if _, err := measured(a.command(ctx, a.ours, "verify")); err != nil {
		return err
	}
	return a.dropSlots(ctx)
}
