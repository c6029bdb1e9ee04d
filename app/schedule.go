package app

import (
	"context"
	"fmt"

	"lifecycle-sync/services/runs"
	"lifecycle-sync/services/schedule"
)

// plan is when runs are due, and what is wrong with the settings that say so.
func (c Config) plan() (p schedule.Plan, problems []string) {
	for _, setting := range []struct {
		name, text, example string
		into                *schedule.Cron
	}{
		{"SYNC_SCHEDULE", c.Schedule, "0 * * * * (every hour)", &p.Incremental},
		{"SYNC_FULL_SCHEDULE", c.FullSchedule, "0 2 * * * (at 02:00 every day)", &p.Full},
	} {
		var err error
		if *setting.into, err = schedule.ParseCron(setting.text); err != nil {
			problems = append(problems, fmt.Sprintf("%s must be a cron expression such as %s, or off: %s", setting.name, setting.example, err))
		}
	}
	return p, problems
}

// keepSchedule makes the runs that are due, and returns what ends that and waits for its end.
func (a *App) keepSchedule(ctx context.Context, syncs *runs.Service) (end func()) {
	return beside(ctx, schedule.New(schedule.Options{Plan: a.plan, Runs: syncs, History: a.web, Now: a.local, Log: a.log}).Run)
}
