package alerts

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/pmo/journal"
	"lifecycle-sync/services/runs"
	"lifecycle-sync/web/messages"
)

var english = messages.New().Printer(messages.English, time.UTC)

// limits are those of the tests.
var limits = Limits{StaleAfter: time.Hour, Lag: time.Minute, QuarantineGrowth: 10}

// began is the start of a run, derived from its number.
func began(id int64) time.Time { return time.Date(2026, 3, 1, 2, 0, int(id), 5000, time.UTC) }

func run(id int64, mode string) *models.Run {
	return &models.Run{ID: id, Mode: mode, State: models.Succeeded, StartedAt: began(id)}
}

func failing(id int64, class models.Class) *models.Run {
	run := &models.Run{ID: id, Mode: models.FullRun, StartedAt: began(id)}
	run.Fail(models.NewError(class, "error.internal", nil).WithRemedy("error.internal_remedy", nil))
	return run
}

func drifting(id, rows int64, mode string) *models.Run {
	r := run(id, mode)
	r.Differences = fmt.Appendf(nil, `{"behind":4,"drift":%d,"unknown":0}`, rows)
	return r
}

// brief summarizes an alert.
func brief(a Alert) string {
	about := "-"
	if a.Run != nil {
		about = fmt.Sprint(*a.Run)
	}
	return fmt.Sprintf("%s %s %s", a.Event, a.State, about)
}

func quarantined(sizes ...int64) (p Facts) {
	for i, n := range sizes {
		p.Health.Quarantine = append(p.Health.Quarantine, journal.QuarantineSize{RunID: int64(i) + 1, StartedAt: began(int64(i)), Rows: n})
	}
	return p
}

// Sequences of facts with the alerts of each step.
func TestReport(t *testing.T) {
	t.Parallel()
	type step struct {
		facts Facts
		want  string
	}
	good := func(id int64) Facts {
		return Facts{Health: journal.RunHealth{LastSuccess: run(id, models.FullRun), Comparisons: []models.Run{*run(id, models.FullRun)}}}
	}
	with := func(p Facts, change func(*Facts)) Facts { change(&p); return p }
	bad := func(id int64) Facts {
		return with(good(1), func(p *Facts) { p.Health.Failed = failing(id, models.Connection) })
	}
	stopped := func(p Facts, id int64) Facts {
		return with(p, func(p *Facts) { p.Health.Stopped = failing(id, models.MassDelete) })
	}
	drifted := func(p Facts, verifications ...int64) Facts {
		return with(p, func(p *Facts) {
			for _, id := range verifications {
				p.Health.Comparisons = append(p.Health.Comparisons, *drifting(id, 3, models.VerifyRun))
			}
		})
	}
	corrected := func(p Facts, id int64) Facts {
		return with(p, func(p *Facts) { p.Health.Comparisons = append(p.Health.Comparisons, *drifting(id, 3, models.FullRun)) })
	}
	aged := func(age time.Duration) Facts { return with(good(1), func(p *Facts) { p.Health.Age = age }) }
	lagging := func(lag time.Duration) Facts {
		return with(good(1), func(p *Facts) { p.Health.FollowedAt, p.Health.Lag = new(began(1)), &lag })
	}
	losing := func(p Facts, id int64) Facts {
		return with(p, func(p *Facts) { p.Unrecorded = failing(id, models.Connection) })
	}
	for name, steps := range map[string][]step{
		"nothing":                        {{Facts{}, ""}, {good(1), ""}, {good(2), ""}},
		"a run fails, then another":      {{good(1), ""}, {bad(2), "failed firing 2"}, {bad(2), ""}, {bad(2), ""}, {good(4), "failed resolved 4"}, {good(5), ""}},
		"it failed before the start":     {{bad(2), "failed firing 2"}, {good(3), "failed resolved 3"}},
		"a success between two checks":   {{bad(2), "failed firing 2"}, {bad(4), ""}, {good(5), "failed resolved 5"}},
		"the guard stops a run":          {{good(1), ""}, {stopped(good(1), 2), "mass_delete firing 2"}, {stopped(good(1), 2), ""}, {good(3), "mass_delete resolved 3"}},
		"then the source is unavailable": {{stopped(good(1), 2), "mass_delete firing 2"}, {stopped(bad(3), 2), "failed firing 3"}, {good(4), "failed resolved 4, mass_delete resolved 4"}},
		"drift":                          {{drifted(good(1), 2), "drift firing 2"}, {drifted(good(1), 2, 3), ""}, {good(4), "drift resolved 4"}, {drifted(good(4), 5), "drift firing 5"}},
		"a run corrects it":              {{drifted(good(1), 2, 3), "drift firing 2"}, {corrected(drifted(good(1), 2, 3), 4), "drift resolved 4"}, {corrected(drifted(good(1), 2, 3), 4), ""}, {good(5), ""}},
		"a run finds and corrects it":    {{corrected(good(1), 2), "drift firing 2, drift resolved 2"}, {corrected(good(1), 2), ""}, {corrected(corrected(good(1), 2), 3), "drift firing 3, drift resolved 3"}},
		"there is drift again":           {{corrected(drifted(good(1), 2), 3), "drift firing 2, drift resolved 3"}, {drifted(corrected(drifted(good(1), 2), 3), 4), "drift firing 4"}, {corrected(good(4), 5), "drift resolved 5"}},
		"stale":                          {{aged(time.Hour), ""}, {aged(time.Hour + time.Second), "stale firing 1"}, {aged(2 * time.Hour), ""}, {good(2), "stale resolved 2"}},
		"lag":                            {{lagging(time.Minute), ""}, {lagging(2 * time.Minute), "lag firing -"}, {lagging(3 * time.Minute), ""}, {lagging(time.Second), "lag resolved -"}, {lagging(time.Hour), "lag firing -"}, {good(2), "lag resolved 2"}},
		"the quarantine grows further": {{quarantined(3, 13), "quarantine firing 2"}, {quarantined(3, 13, 14), ""}, {quarantined(3, 13, 14, 23), "quarantine firing 4"},
			{quarantined(3, 13, 14, 23, 23), ""}, {quarantined(3, 13, 14, 23, 23, 12), "quarantine resolved 6"}, {quarantined(3, 13, 14, 23, 23, 12, 13), ""}},
		"pmo_db is unavailable":        {{losing(good(1), 0), "failed firing -"}, {losing(bad(2), 0), ""}, {good(3), "failed resolved 3"}},
		"an end that was not recorded": {{losing(good(1), 2), "failed firing 2"}, {good(3), "failed resolved 3"}},
		"pmo_db is a new one":          {{drifted(bad(2), 3), "failed firing 2, drift firing 3"}, {Facts{}, "failed resolved -, drift resolved -"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var reported map[Event]condition
			for i, s := range steps {
				s.facts.At = began(int64(i) + 30)
				var alerts []Alert
				alerts, reported = report(reported, conditions(s.facts, limits), s.facts)
				var got []string
				for _, a := range alerts {
					got = append(got, brief(a))
					if a.IsZero() || a.Details == nil || !a.At.Equal(s.facts.At) || (a.Remedy == nil) != (a.State == Resolved) {
						t.Errorf("step %d: %+v", i, a)
					}
				}
				if strings.Join(got, ", ") != s.want {
					t.Errorf("step %d: %v, want %s", i, got, s.want)
				}
			}
		})
	}
}

// TestDrift_EndsAsInTheConsole goes through all short histories of comparisons: an alert lasts exactly while the console shows drift.
func TestDrift_EndsAsInTheConsole(t *testing.T) {
	t.Parallel()
	const length = 5
	for number := range 1 << (2 * length) {
		var comparisons []models.Run
		var status runs.SyncStatus
		for id := range int64(length) {
			mode, rows := models.VerifyRun, int64(number>>(2*id+1))&1
			if number>>(2*id)&1 == 1 {
				mode = models.FullRun
			}
			compared := drifting(id+1, rows, mode)
			comparisons = append(comparisons, *compared)
			if mode == models.VerifyRun {
				status.Verified = compared
			} else {
				status.ProvedEqual, status.LastSuccess = compared, compared
			}
			found := drift(comparisons)
			if lasts := found != nil && !found.corrected; lasts != (runs.RemainingDrift(status) > 0) {
				t.Fatalf("%+v: the alert lasts: %t", comparisons, lasts)
			}
		}
	}
}

func TestQuarantineGrowth(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		sizes []int64
		want  string // how often it has grown at each, from where on
	}{
		{nil, ""},
		{[]int64{50}, "-"},
		{[]int64{50, 59, 60}, "- - 50→60"},
		{[]int64{0, 10}, "- 0→10"},
		{[]int64{50, 45, 54, 55}, "- - - 45→55"},
		{[]int64{0, 10, 19, 20, 29}, "- 0→10 0→10 10→20 10→20"},
		{[]int64{0, 10, 9, 18, 19}, "- 0→10 - - 9→19"},
		{[]int64{0, 30, 20, 29, 30, 9}, "- 0→30 0→30 0→30 20→30 -"},
		{[]int64{3, 13, 12, 13}, "- 3→13 - -"},
	} {
		sizes := quarantined(c.sizes...).Health.Quarantine
		var got []string
		for i := range sizes {
			if grown := quarantineGrowth(sizes[:i+1], 10); grown != nil {
				got = append(got, fmt.Sprintf("%d→%d", grown.details["before"], grown.details["rows"]))
			} else {
				got = append(got, "-")
			}
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%v: %v, want %s", c.sizes, got, c.want)
		}
	}
}

func TestConditions_WithoutLimitsNothingIsChecked(t *testing.T) {
	t.Parallel()
	found := conditions(Facts{Health: journal.RunHealth{FollowedAt: new(began(1)), Lag: new(time.Hour), LastSuccess: run(1, models.FullRun), Age: 1000 * time.Hour,
		Quarantine: []journal.QuarantineSize{{RunID: 1}, {RunID: 2, Rows: 1000}}}}, Limits{})
	if len(found) != 0 {
		t.Errorf("%v", found)
	}
}

func TestConditions_Texts(t *testing.T) {
	t.Parallel()
	missing := run(3, models.FullRun)
	missing.Fail(models.NewError(models.Schema, models.LegacyText, models.Params{"text": "pmo_db: a column is missing"}).WithCommand("", nil, "ALTER TABLE …"))
	found := conditions(Facts{At: began(50), Health: journal.RunHealth{
		FollowedAt: new(began(1)), Lag: new(90 * time.Second),
		LastSuccess: run(1, models.FullRun), Age: 27 * time.Hour, Failed: missing,
		Comparisons: []models.Run{*drifting(5, 2, models.VerifyRun)},
	}}, limits)
	for event, want := range map[Event]string{
		Failed: "Run 3 (full) failed: pmo_db: a column is missing", Stale: "The last successful run started 27 h 0 min ago.",
		Drift: "Run 5 (verify) found 2 rows of the mirror that another application changed.", Lag: "Real-time sync is 1 min 30 s behind lifecycle_db.",
	} {
		if got := english.Text(found[event].Text); got != want {
			t.Errorf("%s: %q, want %q", event, got, want)
		}
	}
	if english.Remedy(found[Failed].Remedy) != "ALTER TABLE …" {
		t.Errorf("%+v", found[Failed].Remedy)
	}
}
