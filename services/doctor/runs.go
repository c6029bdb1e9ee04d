package doctor

import (
	"context"
	"fmt"
	"time"

	"lifecycle-sync/models"
)

func (e *examination) runs() []check {
	return []check{
		{name: "sync.last_success", on: inMirror, look: e.lastSuccess},
		{name: "sync.last_run", on: inMirror, look: e.lastRun},
		{name: "sync.real_time", on: inMirror, postgres: true, look: e.realTime},
		{name: "sync.left_running", on: inMirror, look: e.leftRunning},
		{name: "sync.quarantine", on: inMirror, look: e.quarantine},
	}
}

// lastSuccess reads what the runs tell, for the other checks too. Without our tables there is nothing to
// read.
func (e *examination) lastSuccess(ctx context.Context) (found []Finding, err error) {
	if !e.migrated {
		e.mirror.stopped = "mirror.migrations"
		return []Finding{because("", "mirror.migrations")}, nil
	}
	for _, table := range []string{models.Run{}.TableName(), models.Watermark{}.TableName(), models.Quarantined{}.TableName()} {
		if !e.mirror.tables[table].Exists {
			e.mirror.stopped = "mirror.tables"
			return []Finding{because("", "mirror.tables")}, nil
		}
		if !e.mirror.tables[table].Readable {
			e.mirror.stopped = "mirror.rights"
			return []Finding{because("", "mirror.rights")}, nil
		}
	}
	if e.standing, err = e.Store.Standing(ctx); err != nil {
		return nil, err
	}
	return []Finding{judgeSuccess(e.standing.Age, e.StaleAfter)}, nil
}

func judgeSuccess(age *time.Duration, staleAfter time.Duration) Finding {
	switch {
	case age == nil:
		return problem("no run has succeeded yet", "Run lifecycle-sync sync, or start lifecycle-sync serve.")
	case *age > staleAfter:
		return problem("the last success is "+inWords(*age)+" old, and SYNC_STALE_AFTER is "+staleAfter.String(),
			"See that lifecycle-sync serve or cron still runs, and what sync.last_run says; then run lifecycle-sync sync.")
	default:
		return ok("the last success is " + inWords(*age) + " old")
	}
}

// inWords writes how long something lasted as people say it.
func inWords(d time.Duration) string {
	switch {
	case d < 2*time.Minute:
		return counted(int64(d.Round(time.Second)/time.Second), "second", "seconds")
	case d < 2*time.Hour:
		return counted(int64(d/time.Minute), "minute", "minutes")
	case d < 72*time.Hour:
		return counted(int64(d/time.Hour), "hour", "hours")
	default:
		return counted(int64(d/(24*time.Hour)), "day", "days")
	}
}

// counted is a number with its noun.
func counted(n int64, one, many string) string {
	if n == 1 {
		many = one
	}
	return fmt.Sprintf("%d %s", n, many)
}

func (e *examination) lastRun(context.Context) ([]Finding, error) {
	return []Finding{judgeVerdict(e.standing.LastVerdict)}, nil
}

// judgeVerdict takes what may pass by itself for less than what waits for somebody.
func judgeVerdict(run *models.Run) Finding {
	text := func(s *string) string {
		if s == nil {
			return ""
		}
		return *s
	}
	switch {
	case run == nil:
		return skipped("there has been no run yet", "")
	case run.State == models.Succeeded:
		return ok(fmt.Sprintf("run %d succeeded", run.ID))
	case run.State == models.Interrupted:
		return note(fmt.Sprintf("run %d was interrupted: its process died", run.ID), "The next run does what it could not.")
	}
	message := fmt.Sprintf("run %d failed: %s (%s)", run.ID, text(run.ErrorMessage), text(run.ErrorClass))
	switch models.Class(text(run.ErrorClass)) {
	case models.Connection, models.Timeout, models.Busy:
		return note(message, text(run.ErrorRemedy))
	default:
		return problem(message, text(run.ErrorRemedy))
	}
}

// realTime tells when the mass-delete guard has stopped the follower, until a run has passed it.
func (e *examination) realTime(ctx context.Context) ([]Finding, error) {
	last, err := e.Store.LastRealtime(ctx)
	switch success := e.standing.LastSuccess; {
	case err != nil:
		return nil, err
	case last != nil && last.State == models.Failed && (success == nil || success.ID < last.ID):
		return []Finding{judgeVerdict(last)}, nil
	default:
		return []Finding{ok("the mass-delete guard has not stopped real time")}, nil
	}
}

func (e *examination) leftRunning(ctx context.Context) ([]Finding, error) {
	run, alive, err := e.Store.LeftRunning(ctx)
	switch {
	case err != nil:
		return nil, err
	case run == nil:
		return []Finding{ok("no run is under way")}, nil
	case alive:
		return []Finding{ok(fmt.Sprintf("run %d is under way since %s", run.ID, run.StartedAt.UTC().Format(time.RFC3339)))}, nil
	default:
		return []Finding{note(fmt.Sprintf("run %d is said to be under way, and its process has died", run.ID), "The next run marks it interrupted: lifecycle-sync sync.")}, nil
	}
}

func (e *examination) quarantine(context.Context) ([]Finding, error) {
	if e.standing.Quarantined == 0 {
		return []Finding{ok("no row is in quarantine")}, nil
	}
	return []Finding{note(counted(e.standing.Quarantined, "row is", "rows are")+" in quarantine, and not in the mirror",
		"Mend them in lifecycle_db; the next run releases them. To see why, in pmo_db: SELECT table_name, row_id, reason FROM lifecycle_sync_quarantine")}, nil
}
