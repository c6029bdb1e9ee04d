package doctor

import (
	"cmp"
	"context"
	"time"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/files"
	attachmentsdb "lifecycle-sync/repositories/pmo/attachments"
	"lifecycle-sync/repositories/pmo/journal"
)

// minFreeBytes leaves space for some uploads of the largest size and for what a database writes.
const minFreeBytes = 100_000_000

func (d *diagnosis) runChecks() []check {
	return []check{
		{name: "sync.last_success", db: &d.mirror, find: d.lastSuccess},
		{name: "sync.last_run", db: &d.mirror, find: oneFinding(func() Finding { return lastRunFinding(d.status.LastConclusive) })},
		{name: "sync.real_time", db: &d.mirror, postgresOnly: true, find: d.realtimeRun},
		{name: "sync.left_running", db: &d.mirror, find: d.activeRun},
		{name: "sync.quarantine", db: &d.mirror, find: oneFinding(d.quarantine)},
		{name: "sync.attachments", db: &d.mirror, find: d.closedAttachments},
	}
}

// lastSuccess reads the sync status for the other checks, too. It needs our tables.
func (d *diagnosis) lastSuccess(ctx context.Context) (found []Finding, err error) {
	if !d.schemaUpToDate {
		d.mirror.failedCheck = "mirror.migrations"
		return []Finding{skippedBecause("mirror.migrations")}, nil
	}
	for _, table := range []string{models.Run{}.TableName(), models.Watermark{}.TableName(), models.Quarantined{}.TableName(), models.Attachment{}.TableName()} {
		switch info := d.mirror.tables[table]; {
		case !info.Exists:
			d.mirror.failedCheck = "mirror.tables"
		case !info.Readable:
			d.mirror.failedCheck = "mirror.rights"
		}
		if d.mirror.failedCheck != "" {
			return []Finding{skippedBecause(d.mirror.failedCheck)}, nil
		}
	}
	if d.status, err = journal.New(d.Store.Session).SyncStatus(ctx); err != nil {
		return nil, err
	}
	return []Finding{lastSuccessFinding(d.status.Age, d.StaleAfter)}, nil
}

func lastSuccessFinding(age *time.Duration, staleAfter time.Duration) Finding {
	switch {
	case age == nil:
		return problem("doctor.never_succeeded", nil, models.NewCommand("doctor.never_succeeded_remedy", nil, "lifecycle-sync sync"))
	case *age > staleAfter:
		return problem("doctor.success_stale", params{"age": *age, "limit": staleAfter}, models.NewCommand("doctor.success_stale_remedy", nil, "lifecycle-sync sync"))
	default:
		return ok("doctor.success_ok", params{"age": *age})
	}
}

// lastRunFinding notes a failure that may pass by itself. Any other failure is a problem.
func lastRunFinding(run *models.Run) Finding {
	switch {
	case run == nil:
		return skipped("doctor.no_run", nil)
	case run.State == models.Succeeded:
		return ok("doctor.run_succeeded", params{"run": run.ID})
	case run.State == models.Interrupted:
		return note("doctor.run_interrupted", params{"run": run.ID}, models.NewRemedy("doctor.run_interrupted_remedy", nil))
	}
	failure := cmp.Or(run.Err(), &models.Error{})
	values := params{"run": run.ID, "class": string(failure.Class), "error": failure.Text}
	switch failure.Class {
	case models.Connection, models.Timeout, models.Busy:
		return note("doctor.run_failed", values, failure.Remedy)
	default:
		return problem("doctor.run_failed", values, failure.Remedy)
	}
}

// realtimeLagLimit is the lag beyond which real-time sync counts as dead. Steps happen every few seconds, also without
// changes, but wait for runs.
const realtimeLagLimit = time.Minute

// realtimeRun reports that the mass-delete guard stopped real-time sync, until a later run succeeds, and that it no longer
// makes steps, for whatever reason.
func (d *diagnosis) realtimeRun(ctx context.Context) ([]Finding, error) {
	last, err := journal.New(d.Store.Session).LastRealtime(ctx)
	switch success := d.status.LastSuccess; {
	case err != nil:
		return nil, err
	case last != nil && last.State == models.Failed && (success == nil || success.ID < last.ID):
		return []Finding{lastRunFinding(last)}, nil
	case d.Realtime:
		running, alive, err := journal.New(d.Store.Session).LeftRunning(ctx)
		if err != nil {
			return nil, err
		}
		return []Finding{realtimeFinding(d.status, running != nil && alive)}, nil
	default:
		return []Finding{ok("doctor.realtime_not_stopped", nil)}, nil
	}
}

func realtimeFinding(status journal.SyncStatus, running bool) Finding {
	switch {
	case running, status.Lag != nil && *status.Lag <= realtimeLagLimit:
		return ok("doctor.realtime_not_stopped", nil)
	case status.Lag != nil:
		return problem("doctor.realtime_dead", params{"lag": *status.Lag}, models.NewRemedy("doctor.realtime_dead_remedy", nil))
	case status.Age != nil && *status.Age > realtimeLagLimit:
		return problem("doctor.realtime_never", nil, models.NewRemedy("doctor.realtime_dead_remedy", nil))
	default: // the first run is to come, or the first step
		return ok("doctor.realtime_not_stopped", nil)
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

func (d *diagnosis) quarantine() Finding {
	if d.status.Quarantined == 0 {
		return ok("doctor.quarantine_empty", nil)
	}
	return note("doctor.quarantine", params{"count": d.status.Quarantined},
		models.NewCommand("doctor.quarantine_remedy", nil, "SELECT table_name, row_id, reason_code, reason_column FROM lifecycle_sync_quarantine"))
}

// sweepDelay is how long after the retention attachments of deleted products may be left: servers delete them every hour.
const sweepDelay = 24 * time.Hour

// closedAttachments counts the attachments of deleted products.
func (d *diagnosis) closedAttachments(ctx context.Context) ([]Finding, error) {
	closed, err := attachmentsdb.New(d.Store.Session).Closed(ctx, d.Retention+sweepDelay)
	values := params{"count": closed.Files, "size": closed.Bytes, "retention": d.Retention}
	switch {
	case err != nil:
		return nil, err
	case closed.Overdue > 0:
		values["count"] = closed.Overdue
		return []Finding{problem("doctor.attachments_overdue", values, models.NewRemedy("doctor.attachments_overdue_remedy", nil))}, nil
	case closed.Files == 0 && closed.Mismatched == 0:
		return []Finding{ok("doctor.attachments_ok", nil)}, nil
	}
	var found []Finding
	if closed.Files > 0 {
		found = append(found, ok("doctor.attachments_closed", values))
	}
	if closed.Mismatched > 0 {
		values := params{"count": closed.Mismatched, "retention": d.Retention}
		found = append(found, note("doctor.attachments_mismatched", values, models.NewCommand("doctor.attachments_mismatched_remedy", values,
			"SELECT id_produk, nama_file, product_created_at, created_at AS uploaded_at FROM lifecycle_attachments "+
				"WHERE closed_at IS NOT NULL AND id_produk IN (SELECT id FROM "+d.Store.Table("tbl_produk").Mirror+")")))
	}
	return found, nil
}

func (d *diagnosis) machineChecks() []check {
	return []check{
		{name: "machine.uploads", find: func(ctx context.Context) ([]Finding, error) { return storageFindings(ctx, d.Uploads, "UPLOADS_URL") }},
		{name: "machine.data", find: func(ctx context.Context) ([]Finding, error) { return storageFindings(ctx, d.Data, "DATA_DIR") }},
		{name: "machine.alerts", find: oneFinding(d.alerts)},
	}
}

func storageFindings(ctx context.Context, storage Storage, setting string) ([]Finding, error) {
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
func (d *diagnosis) alerts() Finding {
	if d.Alerts {
		return ok("doctor.alerts_ok", nil)
	}
	return note("doctor.alerts_off", nil, models.NewRemedy("doctor.alerts_off_remedy", nil))
}
