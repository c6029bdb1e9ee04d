package database

import (
	"context"
	"time"

	"lifecycle-sync/models"
)

// Silence asks the server something every now and then, over a connection of its own, and returns an error
// once it has not answered for the network timeout: a black hole behind which nobody tells that a
// connection is dead. Whatever the server answers will do, a refusal too. It returns nil when ctx ends;
// that is all it does without a network timeout, and for a file. The error is transient, of class connection.
func (db *DB) Silence(ctx context.Context) error {
	if db.outside == nil || db.networkTimeout == 0 {
		<-ctx.Done()
		return nil
	}
	w := listener{db: db}
	defer w.hangUp()
	tick := time.NewTicker(db.networkTimeout / 10)
	defer tick.Stop()
	var silent error // nothing has come since asked
	for asked := time.Now(); ; {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		if silent == nil {
			asked = time.Now()
		}
		silent = w.ask(ctx, asked.Add(db.networkTimeout))
		if ctx.Err() != nil {
			return nil
		}
		if silent != nil && time.Since(asked) >= db.networkTimeout {
			e := models.NewError(models.Connection, "database.silent", models.Params{"database": db.Name, "silence": db.networkTimeout}).
				WithRemedy("database.silent_remedy", nil).WithCause(silent)
			e.Transient = true
			return e
		}
	}
}

// listener asks over one connection as long as that lives.
type listener struct {
	db      *DB
	session *Session // nil when there is none
}

// ask returns an error when no answer has come until a time, or until an attempt to connect was given up.
func (l *listener) ask(ctx context.Context, until time.Time) error {
	ctx, cancel := context.WithDeadline(ctx, until)
	defer cancel()
	var err error
	if l.session == nil {
		l.session, err = l.db.Dial(ctx, "watch")
	}
	if err == nil {
		err = l.session.Exec(ctx, "SELECT 1")
	}
	if err == nil {
		return nil
	}
	l.hangUp()
	if ctx.Err() != nil || models.AsError(err).Text.Code == noAnswerCode {
		return err
	}
	return nil
}

func (l *listener) hangUp() {
	if l.session != nil {
		l.session.Close()
		l.session = nil
	}
}
