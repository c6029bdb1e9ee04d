package app

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os/user"
	"runtime"
	"runtime/debug"
	"time"

	"github.com/alecthomas/kong"

	"lifecycle-sync/models"
	"lifecycle-sync/services/access"
	"lifecycle-sync/services/demo"
	"lifecycle-sync/web/messages"
)

// Exit codes.
const (
	exitDone     = 0
	exitFailed   = 1
	exitUsage    = 2
	exitNotEqual = 3
	exitBusy     = 4
)

// version is set by the linker for a release.
var version = "dev"

// commandLine lists the commands.
type commandLine struct {
	Serve   serveCommand   `cmd:"" default:"1" help:"Serve the API and the console; sync at startup and on schedule."`
	Sync    syncCommand    `cmd:"" help:"Run one sync, which makes the mirror in pmo_db equal to lifecycle_db."`
	Verify  verifyCommand  `cmd:"" help:"Check whether the mirror equals lifecycle_db. Writes nothing."`
	Doctor  doctorCommand  `cmd:"" help:"Check databases, privileges, tables and this machine, and suggest fixes. Writes only probe files, which it deletes again."`
	Migrate migrateCommand `cmd:"" help:"Create or upgrade the tables in pmo_db."`
	Import  importCommand  `cmd:"" help:"Preview what a spreadsheet changes in lifecycle_db, or apply the preview."`
	Seed    seedCommand    `cmd:"" help:"Fill an empty lifecycle_db with demo data. Fails if it is not empty."`
	Token   tokenCommand   `cmd:"" help:"Sign a token with AUTH_JWT_SECRET, for development."`
	Health  healthCommand  `cmd:"" help:"Check that the server of this machine responds, for health checks of containers."`
	Version versionCommand `cmd:"" help:"Print the version."`
}

// environment holds the inputs and outputs of a command.
type environment struct {
	ctx            context.Context
	config         Config
	log            *slog.Logger
	catalogue      *messages.Catalogue
	printer        *messages.Printer // of the terminal and the log
	stdout, stderr io.Writer
}

// exitError is an exit code of a command that has printed why.
type exitError int

// Error implements error.
func (e exitError) Error() string { return fmt.Sprintf("exit code %d", int(e)) }

// Main runs the command in args until it or ctx ends, and returns the exit code: 0 done, 1 failed, 2 usage or
// configuration, 3 not equal (verify), 4 another run in progress.
func Main(ctx context.Context, args, environ []string, stdout, stderr io.Writer) int {
	var line commandLine
	helped := false
	parser := kong.Must(&line, kong.Name("lifecycle-sync"), kong.Writers(stdout, stderr), kong.Exit(func(int) { helped = true }),
		kong.Description("Keeps the mirror in pmo_db equal to lifecycle_db, and proves it. Settings come from the environment and .env; see .env.example."))
	parsed, err := parser.Parse(args)
	if helped {
		return exitDone
	}
	if err != nil {
		_, _ = fmt.Fprintf(stderr, "lifecycle-sync: %v; see lifecycle-sync --help\n", err)
		return exitUsage
	}
	catalogue := messages.New()
	config, err := LoadConfig(".env", environ)
	if err != nil {
		return report(stderr, catalogue.Terminal(time.UTC), err)
	}
	printer := catalogue.Terminal(config.Zone)
	ctx = models.WithAuthor(ctx, models.Author{Actor: operatingSystemUser(), Channel: models.CommandChannel})
	env := &environment{ctx: ctx, config: config, log: newLogger(stderr, config.LogLevel, printer), catalogue: catalogue, printer: printer, stdout: stdout, stderr: stderr}
	return report(stderr, printer, parsed.Run(env))
}

// operatingSystemUser returns the user who runs the program, as the author of what a command does.
func operatingSystemUser() models.Actor {
	current, err := user.Current()
	if err != nil {
		return models.Actor{ID: models.LocalActor}
	}
	return models.Actor{ID: models.PersonID(current.Username), Name: current.Name}
}

// newLogger returns the log. Errors appear in English, followed by their code.
func newLogger(w io.Writer, level slog.Level, printer *messages.Printer) *slog.Logger {
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: level, ReplaceAttr: func(_ []string, attr slog.Attr) slog.Attr {
		err, isError := attr.Value.Any().(error)
		if e, ok := errors.AsType[*models.Error](err); isError && ok {
			return slog.String(attr.Key, fmt.Sprintf("%s [%s]", printer.Error(e), e.Text.Code))
		}
		return attr
	}}))
}

// report prints an error with its class and remedy, and returns the exit code.
func report(stderr io.Writer, printer *messages.Printer, err error) int {
	if err == nil {
		return exitDone
	}
	if code, ok := errors.AsType[exitError](err); ok {
		return int(code)
	}
	e := models.AsError(err)
	_, _ = fmt.Fprintf(stderr, "❌ %s (%s)\n", printer.Message(e), e.Class)
	if e.Class == models.Internal && e.Cause != nil {
		_, _ = fmt.Fprintf(stderr, "   %v\n", e.Cause)
	}
	if remedy := printer.RemedyOf(e); remedy != "" {
		_, _ = fmt.Fprintf(stderr, "   %s\n", remedy)
	}
	switch e.Class {
	case models.Config:
		return exitUsage
	case models.Busy:
		return exitBusy
	default:
		return exitFailed
	}
}

// withApp runs a function with an App, and closes the App.
func (env *environment) withApp(fn func(a *App) error) (err error) {
	a, err := New(env.config, env.log, env.catalogue)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, a.Close()) }()
	return fn(a)
}

// terminal returns the terminal for readable output: on standard error if standard output is JSON.
func (env *environment) terminal(json bool) *terminal {
	if json {
		return newTerminal(env.stderr, env.printer)
	}
	return newTerminal(env.stdout, env.printer)
}

// printJSON prints a command's outcome if it is wanted as JSON, and returns the command's error.
func (env *environment) printJSON(wanted bool, outcome any, err error) error {
	if !wanted {
		return err
	}
	return cmp.Or(json.NewEncoder(env.stdout).Encode(outcome), err)
}

type migrateCommand struct{}

// Run creates or upgrades the tables in pmo_db.
func (*migrateCommand) Run(env *environment) error {
	return env.withApp(func(a *App) error {
		out := env.terminal(false)
		defer out.close()
		return a.migrate(env.ctx, out)
	})
}

type seedCommand struct {
	Products int `default:"211" help:"Number of products."`
	History  int `default:"45" help:"Number of stage history records."`
}

// Run fills lifecycle_db, which must be empty.
func (c *seedCommand) Run(env *environment) error {
	if c.Products < 0 || c.History < 0 {
		return models.NewError(models.Config, "cli.seed_negative", nil)
	}
	return env.withApp(func(a *App) error {
		out := env.terminal(false)
		defer out.close()
		out.line("🌱 Filling lifecycle_db with %d products and %d stage history records...", c.Products, c.History)
		out.startBar("lifecycle_db", 0)
		if err := demo.Fill(env.ctx, a.source, c.Products, c.History, out.at); err != nil {
			return err
		}
		out.finishBar()
		out.line("✅ lifecycle_db is filled")
		return nil
	})
}

type tokenCommand struct {
	Role    string        `required:"" help:"A role name, as in AUTH_ADMIN_ROLES, AUTH_MANAGER_ROLES or AUTH_READER_ROLES."`
	Subject string        `default:"local-user" help:"The user that the token identifies."`
	Expires time.Duration `default:"24h" help:"Validity, such as 90s, 10m or 24h."`
}

// Run prints a token signed with AUTH_JWT_SECRET, and nothing else on standard output.
func (c *tokenCommand) Run(env *environment) error {
	if c.Expires < time.Second {
		return models.NewError(models.Config, "cli.token_expires", nil)
	}
	token, err := access.Sign(env.config.JWTSecret, access.Claims{Role: c.Role, Subject: c.Subject,
		Issuer: env.config.Issuer, Audience: env.config.Audience, IssuedAt: time.Now(), Expires: c.Expires})
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(env.stdout, token)
	return err
}

type versionCommand struct{}

// Run prints the version, commit and Go version.
func (*versionCommand) Run(env *environment) error {
	commit := "unknown"
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				commit = s.Value
			}
		}
	}
	_, err := fmt.Fprintf(env.stdout, "lifecycle-sync %s (commit %s, %s)\n", version, commit, runtime.Version())
	return err
}
