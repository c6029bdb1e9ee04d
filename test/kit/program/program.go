// Package program runs the program in tests: Program boots it within the test's process, Process starts the real
// binary as a child process.
package program

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"lifecycle-sync/app"
	"lifecycle-sync/test/kit"
	"lifecycle-sync/test/kit/testdb"
	"lifecycle-sync/web/messages"
)

// Program is an app.App with its settings. It listens on a real socket once it is started.
type Program struct {
	testing.TB

	Environ []string // the settings, as NAME=value; a later one wins
	Address string   // host:port, once started

	SourceURL, TargetURL string // of the databases, as UseDatabases set them

	Logs *kit.Buffer // of the current or last start

	// Cancel tells the program to end, and does not wait.
	Cancel context.CancelFunc

	stopped chan struct{}
}

// New returns a program that is not started yet: with a data folder of its own, without schedules.
func New(t testing.TB, env ...string) *Program {
	t.Helper()
	settings := []string{"DATA_DIR=" + t.TempDir(), "LOG_LEVEL=DEBUG", "SYNC_SCHEDULE=off", "SYNC_FULL_SCHEDULE=off"}
	return &Program{TB: t, Environ: append(settings, env...), Logs: &kit.Buffer{}}
}

// Set changes settings.
func (p *Program) Set(env ...string) { p.Environ = append(slices.Clip(p.Environ), env...) }

// UseDatabases makes two databases the program's.
func (p *Program) UseDatabases(sourceURL, targetURL string) {
	p.SourceURL, p.TargetURL = sourceURL, targetURL
	p.Set("LIFECYCLE_DATABASE_URL="+sourceURL, "PMO_DATABASE_URL="+targetURL)
}

// Databases creates two empty databases, makes them the program's, and returns connections to them that bypass the
// program.
func (p *Program) Databases(url func(testing.TB) string) (source, target *sql.DB) {
	p.Helper()
	p.UseDatabases(url(p), url(p))
	return testdb.Open(p, p.SourceURL), testdb.Open(p, p.TargetURL)
}

// Seed fills the source with demo data.
func (p *Program) Seed(products, histories int) {
	p.Helper()
	p.Command("seed", "--products", fmt.Sprint(products), "--history", fmt.Sprint(histories))
}

// Run runs a command until it ends.
func (p *Program) Run(args ...string) (code int, stdout, stderr string) {
	var out, errs bytes.Buffer
	code = app.Main(p.Context(), args, p.Environ, &out, &errs)
	return code, out.String(), errs.String()
}

// Command runs a command, which must succeed, and returns its standard output.
func (p *Program) Command(args ...string) string {
	p.Helper()
	code, stdout, stderr := p.Run(args...)
	if code != 0 {
		p.Fatalf("%v: exit %d\n%s%s", args, code, stdout, stderr)
	}
	return stdout
}

// Token signs a token with a role.
func (p *Program) Token(role string) string {
	p.Helper()
	return strings.TrimSpace(p.Command("token", "--role", role, "--subject", "test of "+role))
}

// Start boots the program and waits until it is ready. It stops when the test ends.
func (p *Program) Start() {
	p.Helper()
	cfg, err := app.LoadConfig(os.DevNull, p.Environ)
	if err != nil {
		p.Fatal(err)
	}
	log := &kit.Buffer{}
	texts := messages.New().Printer(messages.English, cfg.Zone)
	a, err := app.New(cfg, slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug})), texts)
	if err != nil {
		p.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		p.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(p.Context()))
	stopped := make(chan struct{})
	p.Address, p.Logs, p.Cancel, p.stopped = listener.Addr().String(), log, cancel, stopped
	go func() {
		defer close(stopped)
		if err := a.Serve(ctx, listener, log); err != nil {
			p.Error("the program ended with", err)
		}
		if err := a.Close(); err != nil {
			p.Error("closing the program:", err)
		}
	}()
	p.Cleanup(p.Stop)
	p.Eventually("ready", func() bool {
		status, err := kit.Status(http.MethodGet, "http://"+p.Address+"/readyz", nil)
		return err == nil && status == http.StatusOK
	})
}

// Stop ends the program and waits for it.
func (p *Program) Stop() {
	p.Helper()
	p.Cancel()
	select {
	case <-p.stopped:
	case <-time.After(kit.Patience):
		p.Fatalf("the program does not end: %s", p.Logs)
	}
}

// Eventually waits until holds returns true; on failure it shows the log.
func (p *Program) Eventually(what string, holds func() bool) {
	p.Helper()
	kit.Eventually(p, what, holds, p.Logs)
}
