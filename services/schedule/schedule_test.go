package schedule

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"lifecycle-sync/models"
	"lifecycle-sync/services/mirror"
	"lifecycle-sync/services/runs"
)

// world is a mirror and its runs, without databases.
type world struct {
	*testing.T
	mu    sync.Mutex
	runs  []models.Run
	other *models.Run              // the run in progress of another process
	takes map[string]time.Duration // duration of a run by mode
	fails error                    // the error of runs
	ahead time.Duration            // of this process's clock
	log   bytes.Buffer
}

// in runs a test with a fake clock that starts at 2000-01-01 00:00:00 UTC.
func in(t *testing.T, plan Plan, test func(w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := &world{T: t, takes: map[string]time.Duration{}}
		ended := make(chan struct{})
		go func() { defer close(ended); w.schedule(plan).Run(t.Context()) }()
		t.Cleanup(func() { <-ended })
		test(w)
	})
}

func (w *world) schedule(plan Plan) *Schedule {
	return New(Options{Plan: plan, Runs: w, History: w, Now: w.now, Log: slog.New(slog.NewTextHandler(&w.log, nil))})
}

// set changes or reads the world.
func (w *world) set(change func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	change()
}

func (w *world) now() (now time.Time) {
	w.set(func() { now = w.clock() })
	return now
}

func (w *world) clock() time.Time { return time.Now().UTC().Add(w.ahead) }

// Run makes a run, as this process.
func (w *world) Run(ctx context.Context, req mirror.Request, _ mirror.Progress) (_ mirror.Result, err error) {
	var takes time.Duration
	w.set(func() {
		if w.other != nil {
			err = &runs.ActiveRunError{Run: *w.other}
			return
		}
		w.begin(req.Mode)
		takes = w.takes[req.Mode]
	})
	if err != nil {
		return mirror.Result{}, err
	}
	goesOn := pause(ctx, takes)
	w.set(func() {
		switch err = w.fails; {
		case !goesOn:
			err = ctx.Err()
			w.end(models.CanceledRun)
		case err != nil:
			w.end(models.Failed)
		default:
			w.end(models.Succeeded)
		}
	})
	return mirror.Result{}, err
}

// Verify makes a verification.
func (w *world) Verify(context.Context) (runs.Verification, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.begin(models.VerifyRun)
	w.end(models.Succeeded)
	return runs.Verification{Equal: true}, nil
}

// LastMade is like that of the journal.
func (w *world) LastMade(_ context.Context, mode string) (*models.Run, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, r := range slices.Backward(w.runs) {
		if (r.Mode == models.FullRun || r.Mode == mode) && (r.State == models.Succeeded || r.State == models.Failed || r.State == models.CanceledRun && r.CancelRequested) {
			return &r, nil
		}
	}
	return nil, nil //nolint:nilnil // as there
}

func (w *world) begin(mode string) *models.Run {
	w.runs = append(w.runs, models.Run{ID: int64(len(w.runs) + 1), Mode: mode, State: models.Running, StartedAt: w.clock()})
	return &w.runs[len(w.runs)-1]
}

func (w *world) end(state models.RunState) { w.runs[len(w.runs)-1].State = state }

// otherBegins starts a run of another process, whose clock is ahead.
func (w *world) otherBegins(mode string, ahead time.Duration) {
	w.set(func() {
		w.other = w.begin(mode)
		w.other.StartedAt = w.other.StartedAt.Add(ahead)
	})
}

func (w *world) otherEnds(state models.RunState) {
	w.set(func() {
		w.end(state)
		w.other = nil
	})
}

// at sleeps until a time of a day in January 2000, and until all goroutines are idle.
func (w *world) at(day int, clock string) {
	w.Helper()
	until, err := time.Parse("2006-01-02 15:04:05", fmt.Sprintf("2000-01-%02d %s", day, clock))
	if err != nil {
		w.Fatal(err)
	}
	time.Sleep(time.Until(until))
	synctest.Wait()
}

// made compares the runs so far.
func (w *world) made(want ...string) {
	w.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	var got []string
	for _, r := range w.runs {
		got = append(got, r.StartedAt.Format("02T15:04:05 ")+r.Mode+map[bool]string{true: "", false: " " + string(r.State)}[r.State == models.Succeeded])
	}
	if !slices.Equal(got, want) {
		w.Errorf("made\n%s\nwant\n%s\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"), &w.log)
	}
}

func byDefault(t *testing.T) Plan {
	t.Helper()
	return Plan{Incremental: mustParse(t, "0 * * * *"), Full: mustParse(t, "0 2 * * *")}
}

// TestSchedule_FullRunReplacesIncremental expects a full run and a verification at 02:00.
func TestSchedule_FullRunReplacesIncremental(t *testing.T) {
	t.Parallel()
	in(t, byDefault(t), func(w *world) {
		w.set(func() { w.takes[models.FullRun] = 10 * time.Minute })
		w.at(1, "03:30:00")
		w.made("01T01:00:00 incremental", "01T02:00:00 full", "01T02:10:00 verify", "01T03:00:00 incremental")
	})
}

// TestSchedule_LongFullRun expects one incremental run after it.
func TestSchedule_LongFullRun(t *testing.T) {
	t.Parallel()
	in(t, byDefault(t), func(w *world) {
		w.set(func() { w.takes[models.FullRun] = 3*time.Hour + 30*time.Minute })
		w.at(1, "06:30:00")
		w.made("01T01:00:00 incremental", "01T02:00:00 full", "01T05:30:00 verify", "01T05:30:00 incremental", "01T06:00:00 incremental")
	})
}

// TestSchedule_LongIncrementalRun expects the full run afterwards.
func TestSchedule_LongIncrementalRun(t *testing.T) {
	t.Parallel()
	in(t, byDefault(t), func(w *world) {
		w.set(func() { w.takes[models.IncrementalRun] = 90 * time.Minute })
		w.at(1, "02:50:00")
		w.made("01T01:00:00 incremental", "01T02:30:00 full", "01T02:30:00 verify")
	})
}

func TestSchedule_Off(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		plan Plan
		want []string
	}{
		"incremental": {Plan{Full: mustParse(t, "0 2 * * *")}, []string{"01T02:00:00 full", "01T02:00:00 verify"}},
		"full":        {Plan{Incremental: mustParse(t, "0 1,2 * * *")}, []string{"01T01:00:00 incremental", "01T02:00:00 incremental"}},
		"both":        {Plan{}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in(t, c.plan, func(w *world) {
				w.at(1, "12:00:00")
				w.made(c.want...)
			})
		})
	}
}

func TestSchedule_SkipsRunsOfOtherProcesses(t *testing.T) {
	t.Parallel()
	for state, counts := range map[models.RunState]bool{models.Succeeded: true, models.Failed: true, models.Interrupted: false, models.CanceledRun: false} {
		for _, mode := range []string{models.IncrementalRun, models.FullRun} {
			t.Run(string(state)+" "+mode, func(t *testing.T) {
				t.Parallel()
				in(t, byDefault(t), func(w *world) {
					w.at(1, "00:59:59")
					w.otherBegins(mode, time.Second)
					w.at(1, "01:20:00")
					w.otherEnds(state)
					w.at(1, "01:30:00")
					first := "01T01:00:00 " + mode
					switch {
					case !counts:
						w.made(first+" "+string(state), "01T01:20:01 incremental")
					case state == models.Failed:
						w.made(first + " failed")
					default:
						w.made(first)
					}
				})
			})
		}
	}
}

func TestSchedule_IncrementalDoesNotReplaceFull(t *testing.T) {
	t.Parallel()
	in(t, Plan{Full: mustParse(t, "0 2 * * *")}, func(w *world) {
		w.at(1, "01:59:59")
		w.otherBegins(models.IncrementalRun, time.Second)
		w.at(1, "02:01:00")
		w.otherEnds(models.Succeeded)
		w.at(1, "03:00:00")
		w.made("01T02:00:00 incremental", "01T02:01:01 full", "01T02:01:01 verify")
	})
}

// TestSchedule_EarlierRunDoesNotCount expects the scheduled run after the run in progress.
func TestSchedule_EarlierRunDoesNotCount(t *testing.T) {
	t.Parallel()
	in(t, byDefault(t), func(w *world) {
		w.at(1, "01:59:58")
		w.otherBegins(models.FullRun, 0)
		w.at(1, "02:00:10")
		w.otherEnds(models.Succeeded)
		w.at(1, "02:30:00")
		w.made("01T01:00:00 incremental", "01T01:59:58 full", "01T02:00:11 full", "01T02:00:11 verify")
	})
}

// TestSchedule_LogsFailures expects no verification, and the next run.
func TestSchedule_LogsFailures(t *testing.T) {
	t.Parallel()
	in(t, byDefault(t), func(w *world) {
		w.at(1, "01:30:00")
		w.set(func() {
			w.fails = models.NewError(models.Connection, "error.timeout", nil).WithCause(errors.New("broken pipe"))
		})
		w.at(1, "02:30:00")
		w.set(func() { w.fails = nil })
		w.at(1, "03:30:00")
		w.made("01T01:00:00 incremental", "01T02:00:00 full failed", "01T03:00:00 incremental")
		if log := w.log.String(); strings.Count(log, "level=ERROR") != 1 || !strings.Contains(log, "class=connection") || !strings.Contains(log, "mode=full") || !strings.Contains(log, "broken pipe") {
			t.Errorf("%s", log)
		}
	})
}

// TestSchedule_EndsWithTheContext cancels during a run and during a wait.
func TestSchedule_EndsWithTheContext(t *testing.T) {
	t.Parallel()
	for name, waiting := range map[string]bool{"running": false, "waiting": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := &world{T: t, takes: map[string]time.Duration{models.IncrementalRun: time.Hour}}
				if waiting {
					w.otherBegins(models.FullRun, 0)
				}
				ctx, cancel := context.WithCancel(t.Context())
				ended := make(chan struct{})
				go func() { defer close(ended); w.schedule(byDefault(t)).Run(ctx) }()
				w.at(1, "01:10:00")
				before := time.Now()
				cancel()
				<-ended
				if took := time.Since(before); took != 0 || strings.Contains(w.log.String(), "ERROR") {
					t.Errorf("after %s\n%s", took, &w.log)
				}
			})
		})
	}
}

// TestSchedule_ClockIsSet sets the clock forward, which causes one run, and back.
func TestSchedule_ClockIsSet(t *testing.T) {
	t.Parallel()
	in(t, byDefault(t), func(w *world) {
		w.at(1, "01:30:00")
		w.set(func() { w.ahead = 3 * time.Hour })
		w.at(1, "01:45:00")
		w.made("01T01:00:00 incremental", "01T04:31:00 full", "01T04:31:00 verify")
		w.set(func() { w.runs, w.ahead = nil, 0 })
		w.at(1, "03:30:00")
		w.made("01T02:00:00 full", "01T02:00:00 verify", "01T03:00:00 incremental")
	})
}

func TestSchedule_IgnoresRunsFromTheFuture(t *testing.T) {
	t.Parallel()
	in(t, byDefault(t), func(w *world) {
		w.set(func() {
			run := w.begin(models.FullRun)
			run.StartedAt, run.State = time.Date(2037, time.May, 4, 0, 0, 0, 0, time.UTC), models.Succeeded
		})
		w.at(1, "02:30:00")
		w.made("04T00:00:00 full", "01T01:00:00 incremental", "01T02:00:00 full", "01T02:00:00 verify")
	})
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
		next, is := c.plan.Next(after)
		if is != (c.want != "") || is && next.Format("02T15:04") != c.want {
			t.Errorf("%s, %t, want %s", next, is, c.want)
		}
	}
}
