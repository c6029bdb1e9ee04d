package pmo

import (
	"context"
	"strconv"
	"time"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/database"
)

// A connection that died without a word is noticed within lookEvery + lookTime. Behind a pooler that
// passes no notifications, lookEvery is also how long other processes' writes stay unseen.
const (
	lookEvery = 3 * time.Second
	lookTime  = 5 * time.Second
	dialTime  = 10 * time.Second

	firstPause, longestPause = 100 * time.Millisecond, 5 * time.Second
)

// followPostgres listens, and connects again when the connection is lost.
func (w *Watch) followPostgres(ctx context.Context, report func(error)) {
	backoff := database.Backoff(firstPause, longestPause)
	for {
		err := w.listen(ctx, func() {
			backoff = database.Backoff(firstPause, longestPause)
			report(nil)
		})
		w.lose()
		if ctx.Err() != nil {
			return
		}
		report(err)
		wait, _ := backoff.Next() // never stops
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
	}
}

// listen follows the mirror's version over one connection until that fails. It never returns nil.
func (w *Watch) listen(ctx context.Context, ready func()) error {
	dialing, cancel := context.WithTimeout(ctx, dialTime)
	defer cancel()
	listener, err := w.store.DB.DedicatedConn(dialing, "listener")
	if err != nil {
		return err
	}
	defer listener.Close()
	if err := listener.Listen(dialing, versionChannel); err != nil {
		return err
	}
	look := func() (version int64, err error) {
		looking, cancel := context.WithTimeout(ctx, lookTime)
		defer cancel()
		err = listener.QueryRow(looking, versionQuery, nil, &version)
		if ctx.Err() == nil && looking.Err() != nil {
			err = models.NewError(models.Connection, "pmo.silent", models.Params{"wait": lookTime}).WithRemedy("pmo.silent_remedy", nil).WithCause(err)
		}
		return version, err
	}
	version, err := look()
	if err != nil {
		return err
	}
	w.find(version)
	ready()
	for {
		for next := time.Now().Add(lookEvery); time.Now().Before(next); {
			payload, sent, err := listener.WaitNotification(ctx, next)
			if err != nil {
				return err
			}
			if version, err := strconv.ParseInt(payload, 10, 64); sent && err == nil {
				w.Advance(version)
			}
		}
		before, _ := w.Now()
		if version, err = look(); err != nil {
			return err
		}
		if version < before.version {
			return models.NewError(models.Connection, "pmo.version_went_back", nil).WithRemedy("pmo.version_went_back_remedy", nil)
		}
		w.Advance(version)
	}
}
