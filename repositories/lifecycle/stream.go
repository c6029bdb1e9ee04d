package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/jackc/pgerrcode"
	"github.com/jackc/pglogrepl"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"

	"lifecycle-sync/models"
)

const (
	statusInterval = 2 * time.Second // between status updates to the server
	// Beyond these limits only the changed tables are kept, which are then compared whole.
	maxPending = 1 << 18 // transactions
	maxIDs     = 1 << 22
)

// Stream holds what lifecycle_db commits behind a slot's position, in commit order. Receive fills it; one other
// goroutine may call the other methods.
type Stream struct {
	conn    *pgconn.PgConn
	source  *Source
	decoder *decoder
	arrived chan struct{} // signals that position or pending changed

	mu       sync.Mutex
	pending  []Transaction
	ids      int   // in pending
	position int64 // all commits before it have arrived: the end of the last commit, or what a keepalive states
	applied  int64 // the server can discard its log before it
}

// Follow opens the stream of a slot and claims the slot until the stream is closed. Errors: busy when another process
// has claimed it; connection, permission; ErrSlotUnusable.
func (s *Source) Follow(ctx context.Context, slot Slot, tables []*models.Table) (*Stream, error) {
	names, err := s.relations(ctx, tables)
	if err != nil {
		return nil, err
	}
	conn, err := s.db.ReplicationConn(ctx, "follower")
	if err != nil {
		return nil, err
	}
	stream := &Stream{conn: conn, source: s, decoder: newDecoder(names), arrived: make(chan struct{}, 1), position: slot.Confirmed, applied: slot.Confirmed}
	options := pglogrepl.StartReplicationOptions{
		Mode: pglogrepl.LogicalReplication, PluginArgs: []string{"proto_version '1'", "publication_names '" + Publication + "'", "messages 'true'"},
	}
	if err := pglogrepl.StartReplication(ctx, conn, slot.Name, 0, options); err != nil {
		stream.Close()
		if pg, ok := errors.AsType[*pgconn.PgError](err); ok && pg.Code == pgerrcode.UndefinedObject { // dropped just now
			return nil, fmt.Errorf("%w: %w", ErrSlotUnusable, err)
		}
		return nil, s.db.Translate(slotError(err))
	}
	return stream, nil
}

// relations returns the names of the tables by OID. Raw, because it reads the catalogue.
func (s *Source) relations(ctx context.Context, tables []*models.Table) (map[uint32]string, error) {
	names := map[uint32]string{}
	const query = "SELECT n, to_regclass(quote_ident(n))::oid FROM unnest($1::text[]) AS n WHERE to_regclass(quote_ident(n)) IS NOT NULL"
	for cells, err := range s.db.Query(ctx, query, sourceNames(tables)) {
		if err != nil {
			return nil, err
		}
		oid, err := strconv.ParseUint(string(cells[1]), 10, 32)
		if err != nil {
			return nil, fmt.Errorf("OID of %s: %w", cells[0], err)
		}
		names[uint32(oid)] = string(cells[0])
	}
	return names, nil
}

// Confirmed returns the position behind which the stream starts.
func (s *Stream) Confirmed() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.applied
}

// Close ends the stream and frees the slot.
func (s *Stream) Close() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = s.conn.Close(ctx) // the server notices by itself
}

// ErrSlotUnusable says that the slot must be replaced: its WAL contains changes made while the publication did not exist, which
// PostgreSQL before 18 refuses to decode, or it was dropped just now.
var ErrSlotUnusable = errors.New("the slot cannot be used")

// Receive reads messages until ctx ends or the stream breaks, and never returns nil. Errors: connection; ErrSlotUnusable.
// A server that has stopped answering is found by Heartbeat.
func (s *Stream) Receive(ctx context.Context) error {
	for {
		waiting, cancel := context.WithTimeout(ctx, statusInterval)
		message, err := s.conn.ReceiveMessage(waiting)
		cancel()
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case pgconn.Timeout(err):
			err = s.report(ctx, true)
		case err == nil:
			err = s.handle(ctx, message)
		}
		if pg, ok := errors.AsType[*pgconn.PgError](err); ok && pg.Code == pgerrcode.UndefinedObject {
			return fmt.Errorf("%w: %w", ErrSlotUnusable, err)
		}
		if err != nil {
			return s.source.db.Translate(err)
		}
	}
}

func (s *Stream) handle(ctx context.Context, message pgproto3.BackendMessage) error {
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
			return s.report(ctx, false) // answer each one, so that the next comes without delay
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

// arrive records that all commits before a position have arrived, and tx if it is one of them.
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
	if len(s.pending) > maxPending || s.ids > maxIDs {
		s.pending = []Transaction{merge(s.pending)}
		s.ids = s.pending[0].size()
	}
}

// report sends our positions to the server.
func (s *Stream) report(ctx context.Context, answer bool) error {
	s.mu.Lock()
	arrived, applied := pglogrepl.LSN(s.position), pglogrepl.LSN(s.applied)
	s.mu.Unlock()
	update := pglogrepl.StandbyStatusUpdate{WALWritePosition: arrived, WALFlushPosition: applied, WALApplyPosition: applied, ReplyRequested: answer}
	return pglogrepl.SendStandbyStatusUpdate(ctx, s.conn, update)
}

// Await waits until all commits before a position have arrived, and returns what is pending and the position reached. A
// stream that stands still proves nothing: its server may have stopped. Errors: timeout after patience; ctx's end.
func (s *Stream) Await(ctx context.Context, position int64, patience time.Duration) (pending []Transaction, reached int64, err error) {
	arrived := s.wait(ctx, patience, func() bool {
		pending, reached = slices.Clip(s.pending), s.position
		return reached >= position
	})
	switch {
	case arrived:
		return pending, reached, nil
	case ctx.Err() != nil:
		return nil, 0, ctx.Err()
	default:
		return nil, 0, models.NewError(models.Timeout, "lifecycle.stream_behind", models.Params{"bytes": position - reached}).WithRemedy("lifecycle.retry_remedy", nil)
	}
}

// PositionAfter returns a WAL position after all commits that a snapshot sees. If the stream has already passed the end of the
// WAL as it was when the snapshot was taken, it is that one. Otherwise it is the position of a message that is written into
// the WAL now: the message arrives even if nothing else is committed, and its commit flushes the WAL before it. Errors:
// connection, permission.
func (s *Stream) PositionAfter(ctx context.Context, v Visibility) (position int64, err error) {
	s.mu.Lock()
	reached := s.position
	s.mu.Unlock()
	if reached >= v.Inserted {
		return v.Inserted, nil
	}
	err = s.source.db.QueryRow(ctx, `SELECT (pg_logical_emit_message(true, '`+Publication+`', '') - '0/0')::bigint
		FROM set_config('synchronous_commit', 'local', true)`, nil, &position)
	return position, err
}

// Pending waits until a transaction is pending, at most for patience, and reports whether one is.
func (s *Stream) Pending(ctx context.Context, patience time.Duration) bool {
	return s.wait(ctx, patience, func() bool { return len(s.pending) > 0 })
}

// wait returns true once met, which it calls locked whenever something has arrived, and false after patience or when
// ctx ends.
func (s *Stream) wait(ctx context.Context, patience time.Duration, met func() bool) bool {
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	for {
		s.mu.Lock()
		done := met()
		s.mu.Unlock()
		if done {
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

// Done drops the pending transactions that are committed in the mirror, and lets the server discard its log before a
// position.
func (s *Stream) Done(isDone func(Transaction) bool, applied int64) {
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
	s.pending, s.applied = left, max(s.applied, applied)
}
