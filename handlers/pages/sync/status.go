package sync

import (
	"time"

	"lifecycle-sync/handlers/pages"
	"lifecycle-sync/models"
	"lifecycle-sync/services/realtime"
	"lifecycle-sync/services/runs"
)

// outlook is the sync status in a word and a line, and what to do if something is wrong.
type outlook struct {
	Badge    badge
	Texts    models.Texts
	Next     *advice
	Troubles []trouble
}

func outlookOf(s runs.Status, now time.Time) outlook {
	o := stateOutlook(s, now)
	if f := s.Realtime; f != nil && f.Err != nil {
		e := models.AsError(f.Err)
		heading := models.NewText("console_sync.why_unavailable", nil)
		if f.State == realtime.Stopped {
			heading = models.NewText("console_sync.why_stopped", nil)
		}
		o.Troubles = append(o.Troubles, newTrouble(heading, e, realtimeAdvice(e.Class)))
	}
	return o
}

func stateOutlook(s runs.Status, now time.Time) outlook {
	state := func(code, tone string) badge { return badge{models.NewText(code, nil), tone} }
	switch s.State {
	case runs.Running:
		text := models.NewText("console_sync.running_since", models.Params{"run": s.Running.ID, "age": pages.Age(now, s.Running.StartedAt)})
		if s.LastSuccess == nil {
			text = models.NewText("console_sync.first_running_since", models.Params{"age": pages.Age(now, s.Running.StartedAt)})
		}
		return outlook{Badge: state("console_sync.state_running", "accent"), Texts: models.Texts{text}}
	case runs.Never:
		o := outlook{Badge: state("console_sync.state_never", "bad"), Texts: one("console_sync.never")}
		if s.LastConclusive != nil {
			o.Troubles = []trouble{troubleOf(*s.LastConclusive)}
			return o
		}
		o.Next = &advice{Forms: []runForm{{Mode: models.FullRun, Button: models.NewText("console_sync.sync_now", nil), Primary: true}}}
		return o
	case runs.Failed:
		return outlook{
			Badge: state("console_sync.state_failed", "bad"), Texts: append(one("console_sync.last_failed"), pages.Freshness(s, now)...),
			Troubles: []trouble{troubleOf(*s.LastConclusive)},
		}
	case runs.Stale:
		return outlook{Badge: state("console_sync.state_stale", "warn"), Texts: append(one("console_sync.stale"), pages.Freshness(s, now)...), Next: staleAdvice(s)}
	case runs.Healthy:
	}
	if pages.Drifted(s) {
		return driftOutlook(s, now)
	}
	switch pages.FollowerState(s) {
	case realtime.Stopped:
		return outlook{Badge: state("console_sync.state_realtime_stopped", "bad"), Texts: pages.Freshness(s, now)}
	case realtime.Unavailable:
		return outlook{Badge: state("console_sync.state_realtime_unavailable", "warn"), Texts: pages.Freshness(s, now)}
	default:
		return outlook{Badge: state("console_sync.state_healthy", "good"), Texts: pages.Freshness(s, now)}
	}
}

func driftOutlook(s runs.Status, now time.Time) outlook {
	o := outlook{
		Badge: badge{models.NewText("console_sync.state_drift", nil), "warn"},
		Texts: models.Texts{models.NewText("console_status.drift", models.Params{"count": s.Verified.Drift()})},
		Next: &advice{
			Texts: one("console_sync.drift_advice"),
			Forms: []runForm{
				{Mode: models.FullRun, Button: models.NewText("console_sync.start_full_run", nil), Primary: true}, dryRunForm(models.NewText("console_sync.start_dry_run", nil)),
			},
			Links: []pages.Link{{Address: pages.RunAddress(s.Verified.ID), Text: models.NewText("console_sync.to_verification", nil)}},
		},
	}
	if s.ProvedEqual != nil {
		o.Texts = append(o.Texts, models.NewText("console_sync.was_in_sync", models.Params{"age": pages.Age(now, s.ProvedEqual.StartedAt)}))
	}
	return o
}

func staleAdvice(s runs.Status) *advice {
	texts := one("console_sync.stale_without_schedule")
	if s.NextRun != nil {
		texts = one("console_sync.stale_schedule")
	}
	start := runForm{Mode: models.IncrementalRun, Button: models.NewText("console_sync.sync_now", nil), Primary: true}
	return &advice{Texts: texts, Forms: []runForm{start}, Links: []pages.Link{diagnosticsLink()}}
}

func realtimeAdvice(class models.Class) advice {
	if class == models.MassDelete {
		return advice{Texts: one("console_sync.realtime_stopped_advice"), Forms: []runForm{dryRunForm(models.NewText("console_sync.show_deletes", nil))}}
	}
	return advice{Texts: one("console_sync.realtime_unavailable_advice"), Links: []pages.Link{diagnosticsLink()}}
}

// Follower is the state of the follower, "" without one.
func (p statusPage) Follower() realtime.State { return pages.FollowerState(p.Status) }

// FollowerText says what real time does.
func (p statusPage) FollowerText() models.Text {
	if p.Realtime == nil {
		return models.NewText("console_sync.realtime_off", nil)
	}
	return models.NewText("console_sync.realtime_"+string(p.Realtime.State), nil)
}

// moment is when something happened, and the run that did it, 0 for none.
type moment struct {
	At  *time.Time
	Age time.Duration
	Run int64
}

// Moment is when a run started; run may be nil.
func (p statusPage) Moment(run *models.Run) moment {
	if run == nil {
		return moment{}
	}
	return moment{&run.StartedAt, pages.Age(p.now, run.StartedAt), run.ID}
}

// Current is from when the data is.
func (p statusPage) Current() moment {
	if p.CurrentAt != nil {
		return moment{At: p.CurrentAt, Age: pages.Age(p.now, *p.CurrentAt)}
	}
	m := p.Moment(p.LastSuccess)
	m.Run = 0
	return m
}

// Equal is the run after which the copy was last in sync, nil for none.
func (p statusPage) Equal() *models.Run { return pages.ProvedEqual(p.Status) }
