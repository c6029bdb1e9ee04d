package schedule

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/database"
	"lifecycle-sync/services/mirror"
	"lifecycle-sync/services/runs"
)

// world is a mirror and its runs, without databases. The test and the schedule use it in turns: at waits for the other.
type world struct {
	*testing.T
	runs  []models.Run
	other *models.Run              // the run in progress of another process
	takes map[string]time.Duration // duration of a run by mode
	fails error                    // the error of runs
	ahead time.Duration            // of this process's clock
	log   bytes.Buffer
}

// in runs a test with a fake clock that starts at 2000-01-01 00:00:00 UTC. The test may cancel the schedule.
func in(t *testing.T, plan Plan, test func(w *world, cancel func())) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := &world{T: t, takes: map[string]time.Duration{}}
		s := &Schedule{Plan: plan, Runs: w, History: w, Now: w.now, Log: slog.New(slog.NewTextHandler(&w.log, nil))}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { defer close(ended); s.Run(ctx) }()
		stop := func() { cancel(); <-ended }
		t.Cleanup(stop)
		synctest.Wait()
		test(w, stop)
	})
}

func (w *world) now() time.Time { return time.Now().UTC().Add(w.ahead) }

// Run makes a run, as this process.
func (w *world) Run(ctx context.Context, req mirror.Request, _ mirror.Progress) (mirror.Result, error) {
	if w.other != nil {
		return mirror.Result{}, &runs.ActiveRunError{Run: *w.other}
	}
	w.begin(req.Mode)
	switch completed := database.Pause(ctx, w.takes[req.Mode]); {
	case !completed:
		w.end(models.CanceledRun)
		return mirror.Result{}, ctx.Err()
	case w.fails != nil:
		w.end(models.Failed)
		return mirror.Result{}, w.fails
	default:
		w.end(models.Succeeded)
		return mirror.Result{}, nil
	}
}

// Verify makes a verification.
func (w *world) Verify(context.Context) (runs.Verification, error) {
	w.begin(models.VerifyRun)
	w.end(models.Succeeded)
	return runs.Verification{Equal: true}, nil
}

// LastCompleted is like that of the journal.
func (w *world) LastCompleted(_ context.Context, mode string) (*models.Run, error) {
	for _, r := range slices.Backward(w.runs) {
		if (r.Mode == models.FullRun || r.Mode == mode) && (r.State == models.Succeeded || r.State == models.Failed || r.State == models.CanceledRun && r.CancelRequested) {
			return &r, nil
		}
	}
	return nil, nil //nolint:nilnil // as there
}

func (w *world) begin(mode string) *models.Run {
	w.runs = append(w.runs, models.Run{ID: int64(len(w.runs) + 1), Mode: mode, State: models.Running, StartedAt: w.now()})
	return &w.runs[len(w.runs)-1]
}

func (w *world) end(state models.RunState) { w.runs[len(w.runs)-1].State = state }

// otherRun makes a run of another process, whose clock is ahead, until a time.
func (w *world) otherRun(mode string, ahead time.Duration, until string, state models.RunState) {
	w.Helper()
	w.other = w.begin(mode)
	w.other.StartedAt = w.other.StartedAt.Add(ahead)
	w.at(until)
	w.end(state)
	w.other = nil
}

// at sleeps until a time of the first day, and until all goroutines are idle.
func (w *world) at(clock string) {
	w.Helper()
	until, err := time.Parse(time.DateTime, "2000-01-01 "+clock)
	if err != nil {
		w.Fatal(err)
	}
	time.Sleep(time.Until(until))
	synctest.Wait()
}

// made compares the runs so far.
func (w *world) made(want ...string) {
	w.Helper()
	var got []string
	for _, r := range w.runs {
		got = append(got, strings.TrimSuffix(r.StartedAt.Format("15:04:05 ")+r.Mode+" "+string(r.State), " succeeded"))
	}
	if !slices.Equal(got, want) {
		w.Errorf("made\n%s\nwant\n%s\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"), &w.log)
	}
}

// hourly is an incremental run every hour and a full one at 02:00.
func hourly(t *testing.T) Plan {
	t.Helper()
	return Plan{Incremental: mustParse(t, "0 * * * *"), Full: mustParse(t, "0 2 * * *")}
}

func TestSchedule_MakesRuns(t *testing.T) {
	t.Parallel()
	full, incremental := Plan{Full: mustParse(t, "0 2 * * *")}, Plan{Incremental: mustParse(t, "0 1,2 * * *")}
	for name, c := range map[string]struct {
		plan Plan
		test func(w *world)
		want []string
	}{
		"full instead of incremental": {hourly(t), func(w *world) {
			w.takes[models.FullRun] = 10 * time.Minute
			w.at("03:30:00")
		}, []string{"01:00:00 incremental", "02:00:00 full", "02:10:00 verify", "03:00:00 incremental"}},
		"one incremental after a long full run": {hourly(t), func(w *world) {
			w.takes[models.FullRun] = 3*time.Hour + 30*time.Minute
			w.at("06:30:00")
		}, []string{"01:00:00 incremental", "02:00:00 full", "05:30:00 verify", "05:30:00 incremental", "06:00:00 incremental"}},
		"full after a long incremental run": {hourly(t), func(w *world) {
			w.takes[models.IncrementalRun] = 90 * time.Minute
			w.at("02:50:00")
		}, []string{"01:00:00 incremental", "02:30:00 full", "02:30:00 verify"}},
		"incremental is off": {full, func(w *world) { w.at("12:00:00") }, []string{"02:00:00 full", "02:00:00 verify"}},
		"full is off":        {incremental, func(w *world) { w.at("12:00:00") }, []string{"01:00:00 incremental", "02:00:00 incremental"}},
		"both are off":       {Plan{}, func(w *world) { w.at("12:00:00") }, nil},
		"incremental of another process does not replace full": {full, func(w *world) {
			w.at("01:59:59")
			w.otherRun(models.IncrementalRun, time.Second, "02:01:00", models.Succeeded)
			w.at("03:00:00")
		}, []string{"02:00:00 incremental", "02:01:01 full", "02:01:01 verify"}},
		"earlier run of another process does not count": {hourly(t), func(w *world) {
			w.at("01:59:58")
			w.otherRun(models.FullRun, 0, "02:00:10", models.Succeeded)
			w.at("02:30:00")
		}, []string{"01:00:00 incremental", "01:59:58 full", "02:00:11 full", "02:00:11 verify"}},
		"runs from the future do not count": {hourly(t), func(w *world) {
			w.begin(models.FullRun).StartedAt = time.Date(2037, time.May, 1, 9, 0, 0, 0, time.UTC)
			w.end(models.Succeeded)
			w.at("02:30:00")
		}, []string{"09:00:00 full", "01:00:00 incremental", "02:00:00 full", "02:00:00 verify"}},
		"clock is set forward and back": {hourly(t), func(w *world) {
			w.at("01:30:00")
			w.ahead = 3 * time.Hour
			w.at("01:45:00")
			w.made("01:00:00 incremental", "04:31:00 full", "04:31:00 verify")
			w.runs, w.ahead = nil, 0
			w.at("03:30:00")
		}, []string{"02:00:00 full", "02:00:00 verify", "03:00:00 incremental"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in(t, c.plan, func(w *world, _ func()) {
				c.test(w)
				w.made(c.want...)
			})
		})
	}
}

func TestSchedule_SkipsRunsOfOtherProcesses(t *testing.T) {
	t.Parallel()
	for state, suffix := range map[models.RunState]string{models.Succeeded: "", models.Failed: " failed", models.Interrupted: " interrupted", models.CanceledRun: " canceled"} {
		for _, mode := range []string{models.IncrementalRun, models.FullRun} {
			t.Run(string(state)+" "+mode, func(t *testing.T) {
				t.Parallel()
				in(t, hourly(t), func(w *world, _ func()) {
					w.at("00:59:59")
					w.otherRun(mode, time.Second, "01:20:00", state)
					w.at("01:30:00")
					want := []string{"01:00:00 " + mode + suffix}
					if state != models.Succeeded && state != models.Failed {
						want = append(want, "01:20:01 incremental")
					}
					w.made(want...)
				})
			})
		}
	}
}

// TestSchedule_LogsFailures expects no verification, and the next run.
func TestSchedule_LogsFailures(t *testing.T) {
	t.Parallel()
	in(t, hourly(t), func(w *world, _ func()) {
		w.at("01:30:00")
		w.fails = models.NewError(models.Connection, "error.timeout", nil).WithCause(errors.New("broken pipe"))
		w.at("02:30:00")
		w.fails = nil
		w.at("03:30:00")
		w.made("01:00:00 incremental", "02:00:00 full failed", "03:00:00 incremental")
		if log := w.log.String(); strings.Count(log, "level=ERROR") != 1 || !strings.Contains(log, "class=connection") || !strings.Contains(log, "mode=full") || !strings.Contains(log, "broken pipe") {
			t.Errorf("%s", log)
		}
	})
}

// TestSchedule_EndsWithTheContext cancels during a run and while another process's run is awaited.
func TestSchedule_EndsWithTheContext(t *testing.T) {
	t.Parallel()
	for name, waiting := range map[string]bool{"running": false, "waiting": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in(t, hourly(t), func(w *world, cancel func()) {
				w.takes[models.IncrementalRun] = time.Hour
				if waiting {
					w.other = w.begin(models.FullRun)
				}
				w.at("01:10:00")
				before := time.Now()
				cancel()
				if took := time.Since(before); took != 0 || strings.Contains(w.log.String(), "ERROR") {
					t.Errorf("after %s\n%s", took, &w.log)
				}
			})
		})
	}
}

func TestPlan_Next(t *testing.T) {
	t.Parallel()
	after := time.Date(2026, time.July, 1, 1, 30, 0, 0, time.UTC)
	for _, c := range []struct {
		plan Plan
		want string
	}{
		{Plan{Incremental: mustParse(t, "0 * * * *"), Full: mustParse(t, "0 2 * * *")}, "01T02:00"},
		{Plan{Incremental: mustParse(t, "0 * * * *"), Full: mustParse(t, "45 1 * * *")}, "01T01:45"},
		{Plan{Full: mustParse(t, "0 1 * * *")}, "02T01:00"},
		{Plan{}, ""},
	} {
		next, ok := c.plan.Next(after)
		if ok != (c.want != "") || ok && next.Format("02T15:04") != c.want {
			t.Errorf("%s, %t, want %s", next, ok, c.want)
		}
	}
}
