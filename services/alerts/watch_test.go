package alerts_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/database"
	"lifecycle-sync/repositories/pmo"
	"lifecycle-sync/repositories/pmo/journal"
	"lifecycle-sync/services/alerts"
	"lifecycle-sync/test/kit"
	"lifecycle-sync/test/kit/databases"
	"lifecycle-sync/test/kit/testdb"
)

// TestMain fails if a goroutine is left running.
func TestMain(m *testing.M) { goleak.VerifyTestMain(testdb.Recycle(m)) }

// fixture is a pmo_db and an alert receiver.
type fixture struct {
	*testing.T
	db       *database.DB
	store    *pmo.Store
	runs     *history
	receiver *receiver
}

func newFixture(t *testing.T, url string) *fixture {
	t.Helper()
	l := &fixture{T: t, receiver: receive(t, inTurn(http.StatusOK))}
	l.db, l.store = databases.PMO(t, url)
	l.runs = &history{RunHistory: alerts.RunHistory{Store: l.store}}
	return l
}

// history is that of a pmo_db that can become unavailable.
type history struct {
	alerts.RunHistory
	lost atomic.Pointer[models.Error]
}

// RunHealth implements alerts.Runs.
func (h *history) RunHealth(ctx context.Context, below int64) (journal.RunHealth, error) {
	if lost := h.lost.Load(); lost != nil {
		return journal.RunHealth{}, lost
	}
	return h.RunHistory.RunHealth(ctx, below)
}

// record records a finished run with a number of quarantined rows.
func (l *fixture) record(run models.Run, quarantined int64) models.Run {
	l.Helper()
	run.StartedAt = kit.Now()
	run.FinishedAt = &run.StartedAt
	if err := journal.New(l.store.Session).Record(l.Context(), &run, []models.TableCount{{Table: "products", Quarantined: quarantined}}, nil); err != nil {
		l.Fatal(err)
	}
	return run
}

func succeeded() models.Run { return models.Run{Mode: models.FullRun, State: models.Succeeded} }

func failed(class models.Class) models.Run {
	run := models.Run{Mode: models.FullRun}
	run.Fail(models.NewError(class, "error.internal", nil).WithRemedy("error.internal_remedy", nil))
	run.State = models.Failed
	return run
}

// watch runs a watch, as a process does, until the test ends or end is called.
func (l *fixture) watch() (watch *alerts.Watch, end func()) {
	watch = alerts.NewWatch(alerts.Options{
		Runs: l.runs, Post: fastWebhook(l.receiver.URL, secret).Post, OnResult: func(alerts.Alert, alerts.Result) {}, Now: kit.Now, Log: slog.New(slog.DiscardHandler),
		Limits: alerts.Limits{StaleAfter: time.Hour, Lag: time.Minute, QuarantineGrowth: 10},
	})
	watch.Check(l.Context())
	ctx, cancel := context.WithCancel(context.Background())
	var following sync.WaitGroup
	following.Go(func() { watch.Run(ctx) })
	end = func() { cancel(); following.Wait() }
	l.Cleanup(end)
	return watch, end
}

// received waits for a number of alerts and summarizes them.
func (l *fixture) received(n int) (lines []string) {
	l.Helper()
	kit.Eventually(l, fmt.Sprint(n, " alerts"), func() bool { return len(l.receiver.got()) >= n })
	for _, r := range l.receiver.got()[:n] {
		var a alerts.Payload
		if err := json.Unmarshal(r.body, &a); err != nil {
			l.Fatal(err)
		}
		lines = append(lines, fmt.Sprintf("%s %s %s", a.Event, a.State, a.ID))
	}
	return lines
}

func TestWatch_ReportsEachConditionWhenItBeginsAndEnds(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, url func(testing.TB) string) {
		t.Parallel()
		l := newFixture(t, url(t))
		l.record(succeeded(), 0)
		watch, end := l.watch()
		var want []string
		// ended reports a run to the watch and requires alerts: each an event, a state and the run that it is about.
		ended := func(run models.Run, wanted ...any) {
			l.Helper()
			watch.RunEnded(run)
			for i := 0; i < len(wanted); i += 3 {
				about := wanted[i+2].(models.Run)
				want = append(want, fmt.Sprintf("%s %s %s-%d-%s-%s", wanted[i], wanted[i+1], wanted[i], about.ID, about.StartedAt.Format("20060102T150405.000000Z"), wanted[i+1]))
			}
			if got := l.received(len(want)); !slices.Equal(got, want) {
				l.Fatalf("%q\nwant\n%q", got, want)
			}
		}
		first := l.record(failed(models.Schema), 0)
		ended(first, alerts.Failed, alerts.Firing, first)
		ended(l.record(failed(models.Schema), 0))
		stopped := l.record(failed(models.MassDelete), 0)
		ended(stopped, alerts.MassDelete, alerts.Firing, stopped)
		ended(l.record(succeeded(), 0), alerts.Failed, alerts.Resolved, first, alerts.MassDelete, alerts.Resolved, stopped)
		verified := l.record(models.Run{Mode: models.VerifyRun, State: models.Succeeded, Differences: models.JSON(`{"behind":0,"drift":2,"unknown":0}`)}, 0)
		ended(verified, alerts.Drift, alerts.Firing, verified)
		grown := l.record(succeeded(), 10)
		ended(grown, alerts.Drift, alerts.Resolved, verified, alerts.Quarantine, alerts.Firing, grown)
		end()
		// Another process finds the same.
		l.watch()
		if got := l.received(len(want) + 1); got[len(want)] != want[len(want)-1] {
			l.Errorf("%q, want %q again", got[len(want)], want[len(want)-1])
		}
	})
}

func TestWatch_WorksWhilePmoDbIsUnavailable(t *testing.T) {
	t.Parallel()
	l := newFixture(t, testdb.SQLite(t))
	l.record(succeeded(), 0)
	watch, _ := l.watch()
	lost := models.NewError(models.Connection, models.LegacyText, models.Params{"text": "pmo_db cannot be reached"}).
		WithRemedy(models.LegacyText, models.Params{"text": "Check that it runs."})
	l.runs.lost.Store(lost)
	watch.RunNotStarted(lost)
	l.received(1)
	watch.RunNotStarted(lost)
	watch.Check(t.Context())
	l.runs.lost.Store(nil)
	watch.Check(t.Context())
	watch.RunEnded(l.record(succeeded(), 0))
	got := l.received(2)
	var a alerts.Payload
	if err := json.Unmarshal(l.receiver.got()[0].body, &a); err != nil || a.Run != nil || a.MessageDetail.Code != "alert.run_not_started" || !strings.Contains(a.Message, "pmo_db cannot be reached") || !strings.Contains(a.Remedy, "Check that it runs.") {
		l.Errorf("%+v", a)
	}
	if len(got) != 2 || a.Event != alerts.Failed || a.State != alerts.Firing {
		l.Errorf("%q", got)
	}
	if err := json.Unmarshal(l.receiver.got()[1].body, &a); err != nil || a.Event != alerts.Failed || a.State != alerts.Resolved || a.Run == nil {
		l.Errorf("%+v", a)
	}
}

func TestWatch_EveryProcessReportsLag(t *testing.T) {
	t.Parallel()
	l := newFixture(t, testdb.Postgres(t))
	run := l.record(succeeded(), 0)
	kit.Exec(t, l.db.SQL, "INSERT INTO lifecycle_sync_watermark (id, run_id, lsn, current_at, followed_at) VALUES (1, $1, 1, now(), '2026-03-01T02:00:00Z')", run.ID)
	first, _ := l.watch()
	l.received(1)
	second, _ := l.watch()
	l.received(2)
	kit.Exec(t, l.db.SQL, "UPDATE lifecycle_sync_watermark SET followed_at = clock_timestamp()")
	first.Check(t.Context())
	l.received(3)
	second.Check(t.Context())
	const about = "lag-20260301T020000.000000Z"
	if got := l.received(4); !slices.Equal(got, []string{"lag firing " + about + "-firing", "lag firing " + about + "-firing", "lag resolved " + about + "-resolved", "lag resolved " + about + "-resolved"}) {
		l.Errorf("%q", got)
	}
}

func TestWatch_AHangingReceiverBlocksNobody(t *testing.T) {
	t.Parallel()
	l := newFixture(t, testdb.SQLite(t))
	l.receiver = receive(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	watch, end := l.watch()
	run := l.record(failed(models.Timeout), 0)
	for range 1000 {
		watch.RunEnded(run)
		watch.RunNotStarted(errors.New("away"))
	}
	l.received(1)
	end()
}

func TestAfterRun_ReportsWhatTheRunChanged(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, url func(testing.TB) string) {
		t.Parallel()
		l, limits := newFixture(t, url(t)), alerts.Limits{QuarantineGrowth: 10}
		after := func(want string, run *models.Run, err error) {
			l.Helper()
			found, readErr := alerts.AfterRun(t.Context(), l.runs, run, err, kit.Now(), limits)
			var got []string
			for _, a := range found {
				got = append(got, fmt.Sprintf("%s %s", a.Event, a.State))
			}
			if readErr != nil || fmt.Sprint(got) != want {
				l.Errorf("%v, %v, want %s", got, readErr, want)
			}
		}
		ended := func(want string, run models.Run, quarantined int64) {
			l.Helper()
			var err error
			if run.ErrorClass != nil {
				err = &models.Error{Class: models.Class(*run.ErrorClass)}
			}
			run = l.record(run, quarantined)
			after(want, &run, err)
		}
		ended("[failed firing]", failed(models.Connection), 0)
		ended("[]", failed(models.Schema), 0)
		ended("[mass_delete firing]", failed(models.MassDelete), 0)
		ended("[failed resolved mass_delete resolved]", succeeded(), 1)
		ended("[]", succeeded(), 2)
		ended("[quarantine firing]", succeeded(), 11)
		ended("[]", failed(models.Busy), 0)
		ended("[quarantine resolved]", succeeded(), 10)
		unkept := failed(models.Connection) // its end could not be recorded
		unkept.ID, unkept.StartedAt = 100, kit.Now()
		after("[failed firing]", &unkept, errors.New("the connection broke"))
		after("[failed firing]", nil, &models.Error{Class: models.Connection})
		after("[]", nil, &models.Error{Class: models.Busy})
		after("[]", nil, context.Canceled)
		after("[]", nil, fmt.Errorf("ending: %w", &models.Error{Class: models.Unavailable}))

		l.runs.lost.Store(&models.Error{Class: models.Connection})
		found, err := alerts.AfterRun(t.Context(), l.runs, &unkept, errors.New("the connection broke"), kit.Now(), limits)
		if err == nil || len(found) != 1 || found[0].Run == nil || *found[0].Run != 100 {
			l.Errorf("%+v, %v", found, err)
		}
	})
}
