package doctor

import (
	"context"
	"time"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/files"
	"lifecycle-sync/repositories/pmo/journal"
)

// minFreeBytes leaves space for some uploads of the largest size and for what a database writes.
const minFreeBytes = 100_000_000

func (d *diagnosis) runChecks() []check {
	return []check{
		{name: "sync.last_success", db: inMirror, find: d.lastSuccess},
		{name: "sync.last_run", db: inMirror, find: d.lastRun},
		{name: "sync.real_time", db: inMirror, postgres: true, find: d.realtimeRun},
		{name: "sync.left_running", db: inMirror, find: d.activeRun},
		{name: "sync.quarantine", db: inMirror, find: d.quarantine},
	}
}

// lastSuccess reads the sync status for the other checks, too. It needs our tables.
func (d *diagnosis) lastSuccess(ctx context.Context) (found []Finding, err error) {
	if !d.migrated {
		d.mirror.stopped = "mirror.migrations"
		return []Finding{skippedBecause("mirror.migrations")}, nil
	}
	for _, table := range []string{models.Run{}.TableName(), models.Watermark{}.TableName(), models.Quarantined{}.TableName()} {
		if !d.mirror.tables[table].Exists {
			d.mirror.stopped = "mirror.tables"
			return []Finding{skippedBecause("mirror.tables")}, nil
		}
		if !d.mirror.tables[table].Readable {
			d.mirror.stopped = "mirror.rights"
			return []Finding{skippedBecause("mirror.rights")}, nil
		}
	}
	if d.status, err = journal.New(d.Store.Session).SyncStatus(ctx); err != nil {
		return nil, err
	}
	return []Finding{judgeSuccess(d.status.Age, d.StaleAfter)}, nil
}

func judgeSuccess(age *time.Duration, staleAfter time.Duration) Finding {
	switch {
	case age == nil:
		return problem("doctor.never_succeeded", nil, models.NewCommand("doctor.never_succeeded_remedy", nil, "lifecycle-sync sync"))
	case *age > staleAfter:
		return problem("doctor.success_stale", params{"age": *age, "limit": staleAfter}, models.NewCommand("doctor.success_stale_remedy", nil, "lifecycle-sync sync"))
	default:
		return ok("doctor.success_ok", params{"age": *age})
	}
}

func (d *diagnosis) lastRun(context.Context) ([]Finding, error) {
	return []Finding{judgeRun(d.status.LastConclusive)}, nil
}

// judgeRun notes a failure that may pass by itself. Any other failure is a problem.
func judgeRun(run *models.Run) Finding {
	switch {
	case run == nil:
		return skipped("doctor.no_run", nil)
	case run.State == models.Succeeded:
		return ok("doctor.run_succeeded", params{"run": run.ID})
	case run.State == models.Interrupted:
		return note("doctor.run_interrupted", params{"run": run.ID}, models.NewRemedy("doctor.run_interrupted_remedy", nil))
	}
	var failure models.Failure
	if run.Failure != nil {
		failure = *run.Failure
	}
	class := ""
	if run.ErrorClass != nil {
		class = *run.ErrorClass
	}
	values, remedy := params{"run": run.ID, "class": class, "error": failure.Text}, failure.Remedy
	switch models.Class(class) {
	case models.Connection, models.Timeout, models.Busy:
		return note("doctor.run_failed", values, remedy)
	default:
		return problem("doctor.run_failed", values, remedy)
	}
}

// realtimeRun reports that the mass-delete guard stopped real-time sync, until a later run succeeds.
func (d *diagnosis) realtimeRun(ctx context.Context) ([]Finding, error) {
	last, err := journal.New(d.Store.Session).LastRealtime(ctx)
	switch success := d.status.LastSuccess; {
	case err != nil:
		return nil, err
	case last != nil && last.State == models.Failed && (success == nil || success.ID < last.ID):
		return []Finding{judgeRun(last)}, nil
	default:
		return []Finding{ok("doctor.realtime_not_stopped", nil)}, nil
	}
}

func (d *diagnosis) activeRun(ctx context.Context) ([]Finding, error) {
	run, alive, err := journal.New(d.Store.Session).LeftRunning(ctx)
	switch {
	case err != nil:
		return nil, err
	case run == nil:
		return []Finding{ok("doctor.no_active_run", nil)}, nil
	case alive:
		return []Finding{ok("doctor.active_run", params{"run": run.ID, "since": run.StartedAt})}, nil
	default:
		return []Finding{note("doctor.run_died", params{"run": run.ID}, models.NewCommand("doctor.run_died_remedy", nil, "lifecycle-sync sync"))}, nil
	}
}

func (d *diagnosis) quarantine(context.Context) ([]Finding, error) {
	if d.status.Quarantined == 0 {
		return []Finding{ok("doctor.quarantine_empty", nil)}, nil
	}
	return []Finding{note("doctor.quarantine", params{"count": d.status.Quarantined},
		models.NewCommand("doctor.quarantine_remedy", nil, "SELECT table_name, row_id, reason_code, reason_column FROM lifecycle_sync_quarantine"))}, nil
}

func (d *diagnosis) machineChecks() []check {
	return []check{
		{name: "machine.uploads", find: func(ctx context.Context) ([]Finding, error) { return judgeStorage(ctx, d.Uploads, "UPLOADS_URL") }},
		{name: "machine.data", find: func(ctx context.Context) ([]Finding, error) { return judgeStorage(ctx, d.Data, "DATA_DIR") }},
		{name: "machine.alerts", find: d.alerts},
	}
}

func judgeStorage(ctx context.Context, storage Storage, setting string) ([]Finding, error) {
	free, err := storage.Check(ctx)
	values := params{"setting": setting, "free": free, "min": minFreeBytes}
	switch {
	case err != nil:
		return nil, err
	case free == files.Unlimited:
		return []Finding{ok("doctor.storage_unlimited", values)}, nil
	case free < minFreeBytes:
		return []Finding{problem("doctor.storage_full", values, models.NewRemedy("doctor.storage_full_remedy", values))}, nil
	default:
		return []Finding{ok("doctor.storage_ok", values)}, nil
	}
}

// alerts checks that a receiver is configured. It sends nothing.
func (d *diagnosis) alerts(context.Context) ([]Finding, error) {
	if d.Alerts {
		return []Finding{ok("doctor.alerts_ok", nil)}, nil
	}
	return []Finding{note("doctor.alerts_off", nil, models.NewRemedy("doctor.alerts_off_remedy", nil))}, nil
}
