package sync

import (
	"time"

	"lifecycle-sync/handlers/pages"
	"lifecycle-sync/models"
	"lifecycle-sync/services/realtime"
	"lifecycle-sync/services/runs"
)

// statusSummary is the sync status as a badge and a line, with problems and next steps.
type statusSummary struct {
	Badge     badge
	Texts     models.Texts
	NextSteps *nextSteps
	Problems  []problem
}

func summarize(s runs.Status, now time.Time) statusSummary {
	o := stateSummary(s, now)
	if f := s.Realtime; f != nil && f.Err != nil {
		e := models.AsError(f.Err)
		heading := models.NewText("console_sync.why_unavailable", nil)
		if f.State == realtime.Stopped {
			heading = models.NewText("console_sync.why_stopped", nil)
		}
		o.Problems = append(o.Problems, newProblem(heading, e, realtimeSteps(e.Class)))
	}
	return o
}

func stateSummary(s runs.Status, now time.Time) statusSummary {
	state := func(code, tone string) badge { return badge{models.NewText(code, nil), tone} }
	switch s.State {
	case runs.Running:
		text := models.NewText("console_sync.running_since", models.Params{"run": s.Running.ID, "age": pages.Age(now, s.Running.StartedAt)})
		if s.LastSuccess == nil {
			text = models.NewText("console_sync.first_running_since", models.Params{"age": pages.Age(now, s.Running.StartedAt)})
		}
		return statusSummary{Badge: state("console_sync.state_running", "accent"), Texts: models.Texts{text}}
	case runs.Never:
		o := statusSummary{Badge: state("console_sync.state_never", "bad"), Texts: pages.SingleText("console_sync.never")}
		if s.LastConclusive != nil {
			o.Problems = []problem{problemOf(*s.LastConclusive)}
			return o
		}
		o.NextSteps = &nextSteps{Forms: []runForm{{Mode: models.FullRun, Button: models.NewText("console_sync.sync_now", nil), Primary: true}}}
		return o
	case runs.Failed:
		return statusSummary{
			Badge: state("console_sync.state_failed", "bad"), Texts: append(pages.SingleText("console_sync.last_failed"), pages.Freshness(s, now)...),
			Problems: []problem{problemOf(*s.LastConclusive)},
		}
	case runs.Stale:
		return statusSummary{
			Badge: state("console_sync.state_stale", "warn"), Texts: append(pages.SingleText("console_sync.stale"), pages.Freshness(s, now)...),
			NextSteps: staleSteps(s),
		}
	case runs.Healthy:
	}
	if runs.RemainingDrift(s.SyncStatus) > 0 {
		return driftSummary(s, now)
	}
	switch pages.FollowerState(s) {
	case realtime.Stopped:
		return statusSummary{Badge: state("console_sync.state_realtime_stopped", "bad"), Texts: pages.Freshness(s, now)}
	case realtime.Unavailable:
		return statusSummary{Badge: state("console_sync.state_realtime_unavailable", "warn"), Texts: pages.Freshness(s, now)}
	default:
		return statusSummary{Badge: state("console_sync.state_healthy", "good"), Texts: pages.Freshness(s, now)}
	}
}

func driftSummary(s runs.Status, now time.Time) statusSummary {
	o := statusSummary{
		Badge: badge{models.NewText("console_sync.state_drift", nil), "warn"},
		Texts: models.Texts{models.NewText("console_status.drift", models.Params{"count": runs.RemainingDrift(s.SyncStatus)})},
		NextSteps: &nextSteps{
			Texts: pages.SingleText("console_sync.drift_advice"),
			Forms: []runForm{
				{Mode: models.FullRun, Button: models.NewText("console_sync.start_full_run", nil), Primary: true}, dryRunForm(models.NewText("console_sync.start_dry_run", nil)),
			},
			Links: []pages.Link{{Address: pages.RunAddress(s.Verified.ID), Text: models.NewText("console_sync.to_verification", nil)}},
		},
	}
	if s.ProvedEqual != nil {
		o.Texts = append(o.Texts, models.NewText("console_status.checked", models.Params{"age": pages.Age(now, s.ProvedEqual.StartedAt)}))
	}
	return o
}

func staleSteps(s runs.Status) *nextSteps {
	texts := pages.SingleText("console_sync.stale_without_schedule")
	if s.NextRun != nil {
		texts = pages.SingleText("console_sync.stale_schedule")
	}
	start := runForm{Mode: models.IncrementalRun, Button: models.NewText("console_sync.sync_now", nil), Primary: true}
	return &nextSteps{Texts: texts, Forms: []runForm{start}, Links: []pages.Link{diagnosticsLink()}}
}

func realtimeSteps(class models.Class) nextSteps {
	if class == models.MassDelete {
		return nextSteps{Texts: pages.SingleText("console_sync.realtime_stopped_advice"), Forms: []runForm{dryRunForm(models.NewText("console_sync.show_deletes", nil))}}
	}
	return nextSteps{Texts: pages.SingleText("console_sync.realtime_unavailable_advice"), Links: []pages.Link{diagnosticsLink()}}
}

// Follower returns the state of the follower, "" without one.
func (p statusPage) Follower() realtime.State { return pages.FollowerState(p.Status) }

// FollowerText describes the state of real-time sync.
func (p statusPage) FollowerText() models.Text {
	if p.Realtime == nil {
		return models.NewText("console_sync.realtime_off", nil)
	}
	return models.NewText("console_sync.realtime_"+string(p.Realtime.State), nil)
}

// moment is a time with its age and its run, 0 for none.
type moment struct {
	At  *time.Time
	Age time.Duration
	Run int64
}

// Moment returns the start of a run; run may be nil.
func (p statusPage) Moment(run *models.Run) moment {
	if run == nil {
		return moment{}
	}
	return moment{&run.StartedAt, pages.Age(p.now, run.StartedAt), run.ID}
}

// Current returns the time up to which the mirror includes all source changes.
func (p statusPage) Current() moment {
	if p.CurrentAt != nil {
		return moment{At: p.CurrentAt, Age: pages.Age(p.now, *p.CurrentAt)}
	}
	m := p.Moment(p.LastSuccess)
	m.Run = 0
	return m
}

// LastProvenInSync returns the run that last proved the copy in sync, nil for none.
func (p statusPage) LastProvenInSync() *models.Run { return pages.LastProvenInSync(p.Status) }

// RemainingDifferences returns the differences that the newest verification found and no later run has corrected.
func (p statusPage) RemainingDifferences() *models.Differences {
	return runs.RemainingDifferences(p.SyncStatus)
}
