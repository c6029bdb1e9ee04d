package program

import (
	"context"
	"regexp"
	"testing"
	"time"

	"lifecycle-sync/app"
	"lifecycle-sync/test/kit"
)

// job is a command of the program at work.
type job struct {
	t    testing.TB
	Out  kit.Buffer // standard output and standard error
	done chan struct{}
}

// String is everything printed so far.
func (j *job) String() string { return j.Out.String() }

// Ended reports whether the command has ended.
func (j *job) Ended() bool {
	select {
	case <-j.done:
		return true
	default:
		return false
	}
}

// Waits waits until a condition holds, for which the command must not end.
func (j *job) Waits(what string, holds func() bool) {
	j.t.Helper()
	kit.Eventually(j.t, what, func() bool {
		ended := j.Ended()
		if holds() {
			return true
		}
		if ended {
			j.t.Fatalf("%s: the command has ended:\n%s", what, j)
		}
		return false
	}, j)
}

// Says waits until the command has printed a text.
func (j *job) Says(text string) {
	j.t.Helper()
	j.Waits(text, func() bool { return j.Out.Contains(text) })
}

var serving = regexp.MustCompile(`Serving http://([0-9.:]+)/`)

// Address waits until the command serves and returns host:port.
func (j *job) Address() string {
	j.t.Helper()
	j.Says("Serving http://")
	return serving.FindStringSubmatch(j.Out.String())[1]
}

// Running is a command at work within the test's process.
type Running struct {
	job
	Cancel context.CancelFunc // tells it to end, as a signal does

	code int
}

// Begin starts a command, with the settings of this moment. The test's end ends it.
func (p *Program) Begin(args ...string) *Running {
	ctx, cancel := context.WithCancel(context.WithoutCancel(p.Context()))
	r := &Running{job: job{t: p, done: make(chan struct{})}, Cancel: cancel}
	environ := p.Environ
	go func() {
		defer close(r.done)
		r.code = app.Main(ctx, args, environ, &r.Out, &r.Out)
	}()
	p.Cleanup(func() {
		cancel()
		r.Wait()
	})
	return r
}

// Wait waits until the command has ended, and returns its exit code.
func (r *Running) Wait() int {
	r.t.Helper()
	select {
	case <-r.done:
	case <-time.After(2 * kit.Patience):
		r.t.Fatalf("does not end:\n%s", r)
	}
	return r.code
}

// Ends waits until the command has ended, which it must do with an exit code and after printing texts.
func (r *Running) Ends(code int, texts ...string) {
	r.t.Helper()
	if got := r.Wait(); got != code {
		r.t.Fatalf("exit code %d, want %d:\n%s", got, code, r)
	}
	for _, text := range texts {
		if !r.Out.Contains(text) {
			r.t.Errorf("%q is not in\n%s", text, r)
		}
	}
}
