package alerts

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/pmo/journal"
)

// Limits are from where on something is wrong. What has no limit, 0, is not looked at.
type Limits struct {
	StaleAfter       time.Duration // since the last success
	Lag              time.Duration // of real time; 0 where it does not run
	QuarantineGrowth int64         // rows
}

// Picture is all that alerts are decided by, at one moment.
type Picture struct {
	At       time.Time
	Evidence journal.Evidence
	Lost     *models.Run // failed, and pmo_db may know nothing of it; its ID is 0 when it had not begun
}

// condition is something that is wrong.
type condition struct {
	about           string // since when, or since which run: the same for all who look
	run             *int64
	message, remedy string
	details         map[string]any
}

// conditions finds what is wrong.
func conditions(p Picture, limits Limits) map[Event]condition {
	found := map[Event]condition{}
	if run := cmp.Or(p.Evidence.Failed, p.Lost); run != nil {
		found[Failed] = failed(run)
	}
	if run := p.Evidence.Stopped; run != nil {
		found[MassDelete] = failed(run)
	}
	if last := p.Evidence.LastSuccess; last != nil && limits.StaleAfter > 0 && p.Evidence.Age > limits.StaleAfter {
		found[Stale] = stale(last, p.Evidence.Age, limits.StaleAfter)
	}
	if run := p.Evidence.Drifted; run != nil {
		found[Drift] = drift(run)
	}
	if limits.QuarantineGrowth > 0 {
		if c := growth(p.Evidence.Quarantine, limits.QuarantineGrowth); c != nil {
			found[Quarantine] = *c
		}
	}
	if behind := p.Evidence.Lag; behind != nil && limits.Lag > 0 && *behind > limits.Lag {
		found[Lag] = lag(*p.Evidence.FollowedAt, *behind, limits.Lag)
	}
	return found
}

// failed is about the first run that failed: those after it fail for as long as the condition holds.
func failed(run *models.Run) condition {
	c := condition{about: mark(run), details: map[string]any{"mode": run.Mode, "class": run.ErrorClass, "started_at": run.StartedAt.UTC()}}
	c.message = "A run failed before it had begun"
	if run.ID != 0 {
		c.run, c.message = &run.ID, fmt.Sprintf("Run %d (%s) failed", run.ID, run.Mode)
	}
	if run.ErrorMessage != nil {
		c.message += ": " + *run.ErrorMessage
	}
	if run.ErrorRemedy != nil {
		c.remedy = *run.ErrorRemedy
	}
	return c
}

func stale(last *models.Run, age, limit time.Duration) condition {
	return condition{about: mark(last), run: &last.ID,
		message: fmt.Sprintf("The last successful run began %s ago", strings.TrimSuffix(age.Round(time.Minute).String(), "0s")),
		remedy:  "See why runs fail or are not started.",
		details: map[string]any{"last_success_at": last.StartedAt.UTC(), "age_seconds": int64(age.Seconds()), "limit_seconds": int64(limit.Seconds())}}
}

func drift(run *models.Run) condition {
	remedy := "Find out who writes to the mirrored tables in pmo_db; the next full run corrects it and keeps what it found in the change log."
	if run.Mode != models.VerifyRun {
		remedy = "It has been corrected. Find out who writes to the mirrored tables in pmo_db; the change log has what they wrote."
	}
	return condition{about: mark(run), run: &run.ID,
		message: fmt.Sprintf("Run %d (%s) found %d rows of the mirror that somebody else had changed", run.ID, run.Mode, run.Drift()),
		remedy:  remedy, details: map[string]any{"mode": run.Mode, "differences": run.Differences}}
}

// lag is about the time at which real time was there last.
func lag(followed time.Time, behind, limit time.Duration) condition {
	return condition{about: moment(followed),
		message: fmt.Sprintf("Real time is %s behind lifecycle_db", behind.Round(time.Second)),
		remedy:  "See in GET /sync and in the log what keeps it: another writer of the mirror, a long transaction, or an error that somebody must mend.",
		details: map[string]any{"followed_at": followed.UTC(), "lag_seconds": int64(behind.Seconds()), "limit_seconds": int64(limit.Seconds())}}
}

// growth goes through the sizes of the quarantine, oldest first, and says where it has grown by so many
// rows: since it was smallest or, once that is known, since it was last said. Nil when that is over,
// because the rows were mended.
func growth(sizes []journal.QuarantineSize, limit int64) (grown *condition) {
	var from, base int64 // before it grew; from where the next growth counts
	for i, s := range sizes {
		switch {
		case i == 0:
			base = s.Rows
		case s.Rows >= base+limit:
			if grown == nil {
				from = base
			}
			grown = &condition{about: mark(&models.Run{ID: s.RunID, StartedAt: s.StartedAt}), run: &s.RunID,
				message: fmt.Sprintf("The quarantine has grown from %d to %d rows", base, s.Rows),
				remedy:  "See the reasons in lifecycle_sync_quarantine, and mend the rows in lifecycle_db; they are released by themselves.",
				details: map[string]any{"before": base, "rows": s.Rows, "limit": limit}}
			base = s.Rows
		case grown != nil && s.Rows < from+limit:
			grown, base = nil, s.Rows
		default:
			base = min(base, s.Rows)
		}
	}
	return grown
}

// mark names a run so that no run of another mirror has the same name.
func mark(run *models.Run) string { return fmt.Sprintf("%d-%s", run.ID, moment(run.StartedAt)) }

func moment(t time.Time) string { return t.UTC().Format("20060102T150405.000000Z") }
