package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/alecthomas/kong"

	"lifecycle-sync/models"
)

// Exit codes.
const (
	exitDone     = 0
	exitFailed   = 1
	exitUsage    = 2
	exitNotEqual = 3
	exitBusy     = 4
)

// commandLine is what may be typed after the program's name.
type commandLine struct {
	Serve   serveCommand   `cmd:"" default:"1" help:"Serve the API; synchronise at the start and on schedule."`
	Sync    syncCommand    `cmd:"" help:"Make the mirror in pmo_db equal to lifecycle_db, once."`
	Verify  verifyCommand  `cmd:"" help:"Say whether the mirror equals lifecycle_db. Writes nothing."`
	Doctor  doctorCommand  `cmd:"" help:"Examine databases, rights, tables and this machine, and say what to do. Changes nothing."`
	Migrate migrateCommand `cmd:"" help:"Create or upgrade the tables in pmo_db."`
	Seed    seedCommand    `cmd:"" help:"Fill an empty lifecycle_db with invented data."`
	Token   tokenCommand   `cmd:"" help:"Sign a token with AUTH_JWT_SECRET, for use while developing."`
	Version versionCommand `cmd:"" help:"Print the version."`
}

// environment is what a command runs in.
type environment struct {
	ctx            context.Context
	config         Config
	log            *slog.Logger
	stdout, stderr io.Writer
}

// errNotEqual is how verify says that the databases differ.
var errNotEqual = errors.New("not equal")

// Main runs the command that args name and returns the process's exit code: 0 done, 1 failed, 2 bad
// usage or configuration, 3 not equal (verify), 4 another run is under way. It ends when ctx does.
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
	config, err := LoadConfig(".env", environ)
	if err != nil {
		return report(stderr, err)
	}
	log := slog.New(slog.NewTextHandler(stderr, &slog.HandlerOptions{Level: config.LogLevel}))
	env := &environment{ctx: ctx, config: config, log: log, stdout: stdout, stderr: stderr}
	return report(stderr, parsed.Run(env))
}

// report prints an error with its class and remedy, and returns the exit code that goes with it.
func report(stderr io.Writer, err error) int {
	if err == nil {
		return exitDone
	}
	if errors.Is(err, errNotEqual) {
		return exitNotEqual
	}
	if errors.Is(err, errUnhealthy) {
		return exitFailed
	}
	e, texts := models.AsError(err), englishTexts(time.Local)
	_, _ = fmt.Fprintf(stderr, "❌ %s (%s)\n", texts.Message(e), e.Class)
	if e.Class == models.Internal && e.Cause != nil {
		_, _ = fmt.Fprintf(stderr, "   %v\n", e.Cause)
	}
	if remedy := texts.RemedyOf(e); remedy != "" {
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

// withApp opens the program for a command.
func (env *environment) withApp(fn func(a *App) error) (err error) {
	a, err := New(env.config, env.log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, a.Close()) }()
	return fn(a)
}
