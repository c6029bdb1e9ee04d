package database

import (
	"context"
	"errors"
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
	tick := time.NewTicker(db.networkTimeout / 10)
	defer tick.Stop()
	var session *Session
	defer func() { session.hangUp() }()
	var silent error // since when this is set, nothing has come
	for asked := time.Now(); ; {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		if silent == nil {
			asked = time.Now()
		}
		session, silent = db.ask(ctx, session, asked.Add(db.networkTimeout))
		if ctx.Err() != nil {
			return nil
		}
		if silent != nil && time.Since(asked) >= db.networkTimeout {
			return &models.Error{Class: models.Connection, Transient: true, Cause: silent,
				Message: db.Name + " has not answered for " + db.networkTimeout.String(),
				Remedy:  "See that it and the network to it are up, or raise NETWORK_TIMEOUT."}
		}
	}
}

// ask asks over a session, which it makes when there is none, and returns the one for the next time. The
// error is that no answer has come until a time, or until the attempt to connect was given up.
func (db *DB) ask(ctx context.Context, session *Session, until time.Time) (next *Session, silent error) {
	ctx, cancel := context.WithDeadline(ctx, until)
	defer cancel()
	var err error
	if session == nil {
		session, err = db.Dial(ctx, "watch")
	}
	if err == nil {
		err = session.Exec(ctx, "SELECT 1")
	}
	if err == nil {
		return session, nil
	}
	session.hangUp()
	if ctx.Err() != nil || errors.Is(err, errNoAnswer) {
		return nil, err
	}
	return nil, nil
}

func (s *Session) hangUp() {
	if s != nil {
		s.Close()
	}
}
