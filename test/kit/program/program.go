// Package program runs the program in tests: within the test's process, or as a child process that can be killed.
package program

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"testing"

	"lifecycle-sync/app"
	"lifecycle-sync/test/kit"
	"lifecycle-sync/test/kit/testdb"
)

// Program is the program with its settings. It listens on a real socket once it is started.
type Program struct {
	testing.TB

	Environ []string // the settings, as NAME=value; a later one wins
	Address string   // host:port, once started

	SourceURL, TargetURL string // of the databases, as UseDatabases set them

	Logs *kit.Buffer // of the current or last start

	// Cancel tells the program to end, and does not wait.
	Cancel context.CancelFunc

	server *Running
}

// New returns a program that is not started yet: with a data folder of its own, without schedules.
func New(t testing.TB, env ...string) *Program {
	t.Helper()
	settings := []string{"DATA_DIR=" + t.TempDir(), "LOG_LEVEL=DEBUG", "DEFAULT_LANGUAGE=en", "SYNC_SCHEDULE=off", "SYNC_FULL_SCHEDULE=off"}
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

// Start starts a server, and waits until it serves. It stops when the test ends.
func (p *Program) Start() {
	p.Helper()
	p.Set("PORT=0")
	p.server = p.Begin("serve")
	p.Address, p.Logs, p.Cancel = p.server.Address(), &p.server.Out, p.server.Cancel
}

// Stop ends the server and waits for it.
func (p *Program) Stop() {
	p.Helper()
	p.Cancel()
	p.server.Ends(0)
}

// Eventually waits until holds returns true; on failure it shows the log.
func (p *Program) Eventually(what string, holds func() bool) {
	p.Helper()
	kit.Eventually(p, what, holds, p.Logs)
}
