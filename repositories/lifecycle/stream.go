package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/jackc/pglogrepl"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"

	"lifecycle-sync/models"
)

const (
	speakEvery = 2 * time.Second  // the server is told that we live
	silence    = 15 * time.Second // without a word from the server, it is taken for dead
	// So much is pending by row; more, and only the tables are known, which are then compared whole.
	mostPending = 1 << 18 // transactions
	mostIDs     = 1 << 22

	logPage = 8 << 10 // in which the server's log is flushed
)

// Stream tells what lifecycle_db commits, from a slot on, in the order of the commits. Receive fills it; its
// other methods may be called meanwhile from one other goroutine.
type Stream struct {
	conn    *pgconn.PgConn
	source  *Source
	decoder *decoder
	arrived chan struct{} // something has, since somebody last looked

	mu       sync.Mutex
	pending  []Transaction
	ids      int   // in pending
	position int64 // every commit up to there has arrived
	kept     int64 // up to there the log may be thrown away
}

// Follow opens the stream of a slot, which nobody else can use meanwhile. It must be closed. Errors: busy
// when another process follows; connection, permission.
func (s *Source) Follow(ctx context.Context, slot Slot, tables []*models.Table) (*Stream, error) {
	conn, err := s.db.Replicate(ctx, "follower")
	if err != nil {
		return nil, err
	}
	stream := &Stream{conn: conn, source: s, decoder: newDecoder(tables), arrived: make(chan struct{}, 1), position: slot.Confirmed, kept: slot.Confirmed}
	options := pglogrepl.StartReplicationOptions{Mode: pglogrepl.LogicalReplication, PluginArgs: []string{"proto_version '1'", "publication_names '" + Publication + "'"}}
	if err := pglogrepl.StartReplication(ctx, conn, slot.Name, 0, options); err != nil {
		stream.Close()
		if pg, ok := errors.AsType[*pgconn.PgError](err); ok && pg.Code == "55006" {
			return nil, &models.Error{Class: models.Busy, LegacyMessage: "another process follows lifecycle_db", Cause: err, LegacyRemedy: "It is waited for."}
		}
		return nil, s.db.Translate(err)
	}
	return stream, nil
}

// Confirmed is from where the stream tells.
func (s *Stream) Confirmed() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.kept
}

// Close ends the stream; the slot is then free.
func (s *Stream) Close() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = s.conn.Close(ctx) // it is gone either way
}

// Receive takes in what arrives until ctx ends or the stream breaks, and never returns nil. Errors:
// connection; schema when the publication is gone.
func (s *Stream) Receive(ctx context.Context) error {
	heard := time.Now()
	for {
		waiting, cancel := context.WithTimeout(ctx, speakEvery)
		message, err := s.conn.ReceiveMessage(waiting)
		cancel()
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case pgconn.Timeout(err):
			if time.Since(heard) > silence {
				return &models.Error{Class: models.Connection, LegacyMessage: "lifecycle_db has not said anything for " + silence.String(), LegacyRemedy: "See that it runs and can be reached."}
			}
			err = s.report(ctx, true)
		case err == nil:
			heard = time.Now()
			err = s.take(ctx, message)
		}
		if err != nil {
			return s.source.db.Translate(err)
		}
	}
}

func (s *Stream) take(ctx context.Context, message pgproto3.BackendMessage) error {
	switch m := message.(type) {
	case *pgproto3.ErrorResponse:
		return pgconn.ErrorResponseToPgError(m)
	case *pgproto3.CopyData:
		if m.Data[0] == pglogrepl.PrimaryKeepaliveMessageByteID {
			alive, err := pglogrepl.ParsePrimaryKeepaliveMessage(m.Data[1:])
			if err != nil {
				return err
			}
			s.arrive(int64(alive.ServerWALEnd), nil)
			return s.report(ctx, false) // each one is answered, so that the next comes without delay
		}
		data, err := pglogrepl.ParseXLogData(m.Data[1:])
		if err != nil {
			return err
		}
		tx, err := s.decoder.decode(data.WALData)
		if err != nil || tx == nil {
			return err
		}
		s.arrive(tx.End, tx)
		return nil
	default:
		return nil // notices
	}
}

// arrive notes that everything up to a position has come, and what came.
func (s *Stream) arrive(position int64, tx *Transaction) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.position = max(s.position, position)
	if tx != nil && len(tx.Rows) > 0 {
		s.pending, s.ids = append(s.pending, *tx), s.ids+tx.size()
	}
	select {
	case s.arrived <- struct{}{}:
	default:
	}
	if len(s.pending) > mostPending || s.ids > mostIDs {
		s.pending = []Transaction{merged(s.pending)}
		s.ids = s.pending[0].size()
	}
}

// report tells the server how far we are.
func (s *Stream) report(ctx context.Context, answer bool) error {
	s.mu.Lock()
	arrived, kept := pglogrepl.LSN(s.position), pglogrepl.LSN(s.kept)
	s.mu.Unlock()
	update := pglogrepl.StandbyStatusUpdate{WALWritePosition: arrived, WALFlushPosition: kept, WALApplyPosition: kept, ReplyRequested: answer}
	return pglogrepl.SendStandbyStatusUpdate(ctx, s.conn, update)
}

// Await returns, once every commit up to a position has arrived, what is pending and the position reached. A
// server that has flushed a page of its log in the midst of a record does not come to that position before it
// has more to write: a stream that stands still so near before it is there. Errors: timeout when that takes
// longer than patience; ctx's end.
func (s *Stream) Await(ctx context.Context, position int64, patience time.Duration) (pending []Transaction, reached int64, err error) {
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	for began := int64(-1); ; {
		s.mu.Lock()
		pending, reached = slices.Clip(s.pending), s.position
		s.mu.Unlock()
		if reached >= position {
			return pending, reached, nil
		}
		if began < 0 {
			began = reached
		}
		select {
		case <-ctx.Done():
			return nil, 0, ctx.Err()
		case <-s.arrived:
		case <-deadline.C:
			if reached == began && position-reached < logPage {
				return pending, reached, nil
			}
			return nil, 0, &models.Error{Class: models.Timeout, LegacyMessage: fmt.Sprintf("lifecycle_db's log is %d bytes behind", position-reached), LegacyRemedy: "It is waited for."}
		}
	}
}

// Pending reports whether something waits to be brought; else it waits for that, at most so long.
func (s *Stream) Pending(ctx context.Context, patience time.Duration) bool {
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	for {
		s.mu.Lock()
		waiting := len(s.pending) > 0
		s.mu.Unlock()
		if waiting {
			return true
		}
		select {
		case <-ctx.Done():
			return false
		case <-s.arrived:
		case <-deadline.C:
			return false
		}
	}
}

// Done forgets the pending transactions that are in the mirror for good, and lets the server throw away its
// log up to a position.
func (s *Stream) Done(isDone func(Transaction) bool, kept int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var left []Transaction
	s.ids = 0
	for _, tx := range s.pending {
		if !isDone(tx) {
			left = append(left, tx)
			s.ids += tx.size()
		}
	}
	s.pending, s.kept = left, max(s.kept, kept)
}
