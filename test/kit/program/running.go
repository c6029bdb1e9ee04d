package program

import (
	"context"
	"strings"
	"time"

	"lifecycle-sync/app"
	"lifecycle-sync/test/kit"
)

// Running is a command at work within the test's process.
type Running struct {
	Out    kit.Buffer         // standard output and standard error
	Cancel context.CancelFunc // tells it to end, as a signal does

	p    *Program
	code int
	done chan struct{}
}

// Begin starts a command, with the settings of this moment.
func (p *Program) Begin(args ...string) *Running {
	ctx, cancel := context.WithCancel(p.Context())
	r := &Running{p: p, Cancel: cancel, done: make(chan struct{})}
	environ := p.Environ
	go func() {
		defer close(r.done)
		r.code = app.Main(ctx, args, environ, &r.Out, &r.Out)
	}()
	return r
}

// Ended reports whether the command has ended.
func (r *Running) Ended() bool {
	select {
	case <-r.done:
		return true
	default:
		return false
	}
}

// Wait waits until the command has ended, and returns its exit code.
func (r *Running) Wait() int {
	r.p.Helper()
	select {
	case <-r.done:
	case <-time.After(2 * kit.Patience):
		r.p.Fatalf("does not end:\n%s", &r.Out)
	}
	return r.code
}

// Waits waits until a condition holds, for which the command must not end.
func (r *Running) Waits(what string, holds func() bool) {
	r.p.Helper()
	kit.Eventually(r.p, what, func() bool {
		ended := r.Ended()
		if holds() {
			return true
		}
		if ended {
			r.p.Fatalf("%s: ended with %d:\n%s", what, r.code, &r.Out)
		}
		return false
	}, &r.Out)
}

// Says waits until the command has printed a text.
func (r *Running) Says(text string) {
	r.p.Helper()
	r.Waits(text, func() bool { return r.Out.Contains(text) })
}

// Ends waits until the command has ended, which it must do with an exit code and after printing texts.
func (r *Running) Ends(code int, texts ...string) {
	r.p.Helper()
	if got := r.Wait(); got != code {
		r.p.Fatalf("exit code %d, want %d:\n%s", got, code, &r.Out)
	}
	for _, text := range texts {
		if !strings.Contains(r.Out.String(), text) {
			r.p.Errorf("%q is not in\n%s", text, &r.Out)
		}
	}
}
