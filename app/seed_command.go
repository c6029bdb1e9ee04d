package app

import (
	"context"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/pmo/journal"
	"lifecycle-sync/services/demo"
)

type seedCommand struct {
	Products int `default:"211" help:"How many products."`
	History  int `default:"45" help:"How many stage transitions."`
}

// Run fills lifecycle_db, which must be empty.
func (c *seedCommand) Run(env *environment) error {
	if c.Products < 0 || c.History < 0 {
		return &models.Error{Class: models.Config, LegacyMessage: "--products and --history take whole numbers from 0"}
	}
	return env.withApp(func(a *App) error {
		out := newConsole(env.stdout)
		defer out.close()
		out.line("🌱 Filling lifecycle_db with %d products and %d stage transitions...", c.Products, c.History)
		out.startBar("lifecycle_db", 0)
		if err := demo.Fill(env.ctx, a.source, c.Products, c.History, out.at); err != nil {
			return err
		}
		out.finishBar()
		out.line("✅ lifecycle_db is filled")
		return nil
	})
}

// fillDemo gives the embedded default something to show, the first time; a source that was configured
// is left alone.
func (a *App) fillDemo(ctx context.Context) error {
	if !a.cfg.Embedded {
		return nil
	}
	if synced, err := journal.New(a.store.Session).HasSucceeded(ctx); err == nil && synced {
		return nil // what was emptied since was emptied on purpose
	}
	empty, err := a.source.Empty(ctx)
	if err != nil || !empty {
		return err
	}
	return demo.Fill(ctx, a.source, demo.Products, demo.Histories, nil)
}
