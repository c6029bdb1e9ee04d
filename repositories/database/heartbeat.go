package database

import (
	"context"
	"time"

	"lifecycle-sync/models"
)

// Dead connections are found in two ways: by the TCP settings of both ends (network.go), and, where something between
// client and server keeps TCP alive, by Heartbeat.

// Heartbeat queries the server regularly over a connection of its own. It returns an error when the server has not
// answered for the network timeout; any answer counts, a refusal too. It returns nil when ctx ends. Without a network
// timeout, and for a file, it only waits for ctx. The error is transient, of class connection.
func (db *DB) Heartbeat(ctx context.Context) error {
	if db.outside == nil || db.networkTimeout == 0 {
		<-ctx.Done()
		return nil
	}
	p := pinger{db: db}
	defer p.close()
	tick := time.NewTicker(db.networkTimeout / 10)
	defer tick.Stop()
	var unanswered error // nil after an answer
	for since := time.Now(); ; {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		if unanswered == nil {
			since = time.Now()
		}
		unanswered = p.ping(ctx, since.Add(db.networkTimeout))
		if ctx.Err() != nil {
			return nil
		}
		if unanswered != nil && time.Since(since) >= db.networkTimeout {
			e := models.NewError(models.Connection, "database.silent", models.Params{"database": db.Name, "silence": db.networkTimeout}).
				WithRemedy("database.silent_remedy", nil).WithCause(unanswered)
			e.Transient = true
			return e
		}
	}
}

// pinger queries over one connection for as long as that works.
type pinger struct {
	db      *DB
	session *Session // nil without a connection
}

// ping returns an error when there was no answer before the deadline, or within the connect timeout.
func (p *pinger) ping(ctx context.Context, deadline time.Time) error {
	ctx, cancel := context.WithDeadline(ctx, deadline)
	defer cancel()
	var err error
	if p.session == nil {
		p.session, err = p.db.Dial(ctx, "heartbeat")
	}
	if err == nil {
		err = p.session.Exec(ctx, "SELECT 1")
	}
	if err == nil {
		return nil
	}
	p.close()
	if ctx.Err() != nil || models.AsError(err).Text.Code == noAnswerCode {
		return err
	}
	return nil
}

func (p *pinger) close() {
	if p.session != nil {
		p.session.Close()
		p.session = nil
	}
}
