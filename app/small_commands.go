package app

import (
	"fmt"
	"runtime"
	"runtime/debug"
)

// version is set by the linker for a release.
var version = "dev"

type migrateCommand struct{}

// Run creates or upgrades the tables in pmo_db.
func (*migrateCommand) Run(env *environment) error {
	return env.withApp(func(a *App) error {
		out := newConsole(env.stdout)
		defer out.close()
		return a.migrate(env.ctx, out)
	})
}

type versionCommand struct{}

// Run prints version, commit and Go version.
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
