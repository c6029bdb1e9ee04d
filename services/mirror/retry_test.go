package mirror_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"lifecycle-sync/models"
	"lifecycle-sync/services/mirror"
)

var (
	errTransient = &models.Error{Class: models.Connection, Transient: true, Text: models.NewText("error.timeout", nil)}
	errLasting   = models.NewError(models.Connection, "error.timeout", nil)
	errCollision = &models.Error{Class: models.Connection, Transient: true, Cause: &pgconn.PgError{Code: "40P01"}}
)

// tries runs Retry on a fake clock with the given outcomes; the last one repeats. It returns the reported pauses, the
// duration and the error.
func tries(t *testing.T, patience time.Duration, outcomes ...error) (pauses []time.Duration, took time.Duration, err error) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		began, made := time.Now(), 0
		err = mirror.Retry(t.Context(), patience, func(attempt int, pause time.Duration, cause error) {
			if attempt != made+1 || !errors.Is(cause, outcomes[min(made, len(outcomes))-1]) {
				t.Errorf("attempt %d after %d was reported, for %v", attempt, made, cause)
			}
			pauses = append(pauses, pause)
		}, func() error {
			made++
			return outcomes[min(made, len(outcomes))-1]
		})
		took = time.Since(began)
		if made != len(pauses)+1 {
			t.Errorf("%d attempts, of which %d pauses were reported", made, len(pauses))
		}
	})
	return pauses, took, err
}

// TestRetry_RepeatsUntilSuccess expects growing pauses up to a maximum.
func TestRetry_RepeatsUntilSuccess(t *testing.T) {
	t.Parallel()
	outcomes := make([]error, 12)
	for i := range outcomes[:11] {
		outcomes[i] = errTransient
	}
	pauses, _, err := tries(t, time.Hour, outcomes...)
	if err != nil || len(pauses) != 11 {
		t.Fatalf("%v after %v", err, pauses)
	}
	const first, jitter = 500 * time.Millisecond, 4 // a quarter more or less
	for i, pause := range pauses {
		want := min(first<<i, 10*time.Second)
		if pause < want-want/jitter || pause > want+want/jitter {
			t.Errorf("pause %d is %v, about %v", i, pause, want)
		}
	}
}

// TestRetry_GivesUp covers the retry time, lasting errors, and repeated deadlocks.
func TestRetry_GivesUp(t *testing.T) {
	t.Parallel()
	pauses, took, err := tries(t, time.Minute, errTransient)
	if !errors.Is(err, errTransient) || len(pauses) < 6 || took != time.Minute {
		t.Errorf("%v after %v, %v", err, pauses, took)
	}
	for patience, outcomes := range map[time.Duration][]error{
		0: {errTransient}, time.Minute: {errLasting}, time.Hour: {errors.New("unforeseen")}, time.Second: {&models.Error{Class: models.Busy}},
	} {
		if pauses, took, err := tries(t, patience, outcomes...); !errors.Is(err, outcomes[0]) || pauses != nil || took != 0 {
			t.Errorf("%v after %v, %v", err, pauses, took)
		}
	}
	if pauses, _, err := tries(t, time.Minute, errTransient, errLasting); !errors.Is(err, errLasting) || len(pauses) != 1 {
		t.Errorf("%v after %v", err, pauses)
	}
	if pauses, took, err := tries(t, time.Hour, errCollision); !errors.Is(err, errCollision) || len(pauses) != 5 || took > time.Minute {
		t.Errorf("%v after %v, %v", err, pauses, took)
	}
}

func TestRetry_EndsWithTheContext(t *testing.T) {
	t.Parallel()
	for cause, want := range map[error]models.Class{mirror.ErrCancelRequested: models.Canceled, errLasting: models.Connection} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithCancelCause(t.Context())
			err := mirror.Retry(ctx, time.Hour, func(int, time.Duration, error) { cancel(cause) }, func() error { return errTransient })
			if e := models.AsError(err); e.Class != want || e.Transient || !errors.Is(err, errTransient) {
				t.Errorf("%v: %v", cause, err)
			}
		})
	}
}
