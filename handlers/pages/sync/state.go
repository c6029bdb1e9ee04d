package sync

import (
	"strings"
	"time"

	"lifecycle-sync/handlers/pages"
	"lifecycle-sync/models"
	"lifecycle-sync/services/realtime"
	"lifecycle-sync/services/runs"
	"lifecycle-sync/web"
	"lifecycle-sync/web/messages"
)

// badge is a word for how something is. Tone is good, warn, bad, accent, or "" for none of them.
type badge struct{ Text, Tone string }

// outlook is how the mirror stands, in a word and a sentence, and what to do where something is wrong.
type outlook struct {
	Badge    badge
	Words    string
	Next     *advice
	Troubles []trouble
}

// trouble is something that is wrong, with its remedy and the fitting next step.
type trouble struct {
	What    string // of which it is, as a heading
	Class   string
	Message string
	Remedy  pages.Remedy
	Next    advice
}

func outlookOf(texts *messages.Printer, s runs.Status, now time.Time) outlook {
	o := stateWords(texts, s, now)
	if f := s.Realtime; f != nil && f.Err != nil {
		e := models.AsError(f.Err)
		what := "Why real time does not follow"
		if f.State == realtime.Stopped {
			what = "Why real time has stopped"
		}
		o.Troubles = append(o.Troubles, trouble{
			What: what, Class: className(string(e.Class)), Message: e.LegacyMessage, Remedy: pages.NewRemedy(e.LegacyRemedy), Next: realtimeAdvice(e.Class),
		})
	}
	return o
}

func stateWords(texts *messages.Printer, s runs.Status, now time.Time) outlook {
	switch s.State {
	case runs.Running:
		words := "Run " + web.Number(s.Running.ID) + " is under way; it began " + web.Ago(now.Sub(s.Running.StartedAt)) + "."
		if s.LastSuccess == nil {
			words = "The first synchronisation is under way; it began " + web.Ago(now.Sub(s.Running.StartedAt)) + "."
		}
		return outlook{Badge: badge{"Under way", "accent"}, Words: words}
	case runs.Never:
		o := outlook{Badge: badge{"Never synchronised", "bad"}, Words: "Nothing has been synchronised yet, so the console has nothing to show."}
		if s.LastVerdict != nil {
			o.Troubles = []trouble{troubleOf(texts, *s.LastVerdict)}
			return o
		}
		o.Next = &advice{Words: "Start the first run.", Forms: []runForm{{Mode: models.FullRun, Button: "Synchronise now", Primary: true}}}
		return o
	case runs.Failed:
		return outlook{
			Badge: badge{"Failed", "bad"}, Words: "The last run did not succeed, so the mirror is as it was before. " + pages.Freshness(s, now) + ".",
			Troubles: []trouble{troubleOf(texts, *s.LastVerdict)},
		}
	case runs.Stale:
		return outlook{Badge: badge{"Too old", "warn"}, Words: "No run has succeeded for longer than it should take. " + pages.Freshness(s, now) + ".", Next: staleAdvice(s)}
	case runs.Healthy:
	}
	if pages.Drifted(s) {
		proved := ""
		if s.ProvedEqual != nil {
			proved = " It was proved equal " + web.Ago(now.Sub(s.ProvedEqual.StartedAt)) + "."
		}
		return outlook{
			Badge: badge{"Drift", "warn"},
			Words: "Somebody has changed the mirror by hand: " + web.Plural(s.Verified.Drift(), "row differs", "rows differ") + " from lifecycle_db." + proved,
			Next: &advice{
				Words: "A full run puts this right, and keeps what was overwritten in the change log. A dry run shows it before.",
				Forms: []runForm{{Mode: models.FullRun, Button: "Start a full run", Primary: true}, dryRunForm("Show it before")},
				Links: []pages.Link{{Address: pages.RunAddress(s.Verified.ID), Text: "What was found"}},
			},
		}
	}
	switch pages.FollowerState(s) {
	case realtime.Stopped:
		return outlook{Badge: badge{"Real time stopped", "bad"}, Words: "What changes in lifecycle_db no longer comes by itself. " + pages.Freshness(s, now) + "."}
	case realtime.Unavailable:
		return outlook{Badge: badge{"Real time does not follow", "warn"}, Words: pages.Freshness(s, now) + "."}
	default:
		return outlook{Badge: badge{"In order", "good"}, Words: pages.Freshness(s, now) + "."}
	}
}

func staleAdvice(s runs.Status) *advice {
	words := "Start one now. This process has no schedule (SYNC_SCHEDULE and SYNC_FULL_SCHEDULE are off): see to it that whatever starts runs does so."
	if s.NextRun != nil {
		words = "Start one now, and see in the log why those of the schedule were not made."
	}
	return &advice{Words: words, Forms: []runForm{{Mode: models.IncrementalRun, Button: "Synchronise now", Primary: true}}, Links: []pages.Link{doctorLink()}}
}

func realtimeAdvice(class models.Class) advice {
	if class == models.MassDelete {
		return advice{Words: "A dry run shows which rows would leave, and lets you allow it; real time then goes on by itself.", Forms: []runForm{dryRunForm("See what would leave")}}
	}
	return advice{Words: "It is tried again by itself; until then runs are made by schedule.", Links: []pages.Link{doctorLink()}}
}

// syncFacts are what else there is to know of the mirror.
type syncFacts struct {
	Success, Current, Equal, Checked moment
	Found                            *models.Differences // by the verification Checked
	NextRun                          *time.Time
	Follower                         string // what real time does; "" without it
	Lag                              *time.Duration
	Quarantined                      int64
}

// moment is when something was, and the run that it was; 0 for none.
type moment struct {
	At  *time.Time
	Ago string
	Run int64
}

func factsOf(s runs.Status, now time.Time) syncFacts {
	of := func(run *models.Run) moment {
		if run == nil {
			return moment{}
		}
		return moment{&run.StartedAt, web.Ago(now.Sub(run.StartedAt)), run.ID}
	}
	f := syncFacts{Success: of(s.LastSuccess), Equal: of(pages.ProvedEqual(s)), Checked: of(s.Verified), NextRun: s.NextRun, Lag: s.Lag, Quarantined: s.Quarantined}
	if s.CurrentAt != nil {
		f.Current = moment{At: s.CurrentAt, Ago: web.Ago(now.Sub(*s.CurrentAt))}
	} else {
		f.Current = moment{At: f.Success.At, Ago: f.Success.Ago}
	}
	if s.Verified != nil {
		f.Found = s.Verified.Found()
	}
	if s.Realtime != nil {
		f.Follower = followerWords(s.Realtime.State)
	}
	return f
}

func followerWords(state realtime.State) string {
	switch state {
	case realtime.Starting:
		return "is beginning"
	case realtime.Following:
		return "follows lifecycle_db"
	case realtime.Standby:
		return "another process follows lifecycle_db; this one stands by"
	case realtime.Stopped:
		return "has stopped, because too many rows would leave"
	case realtime.Unavailable:
		return "does not follow at the moment"
	default:
		return strings.ToLower(string(state))
	}
}
