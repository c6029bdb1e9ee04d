package outbox

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"time"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/lifecycle"
)

// Key identifies a request that may be repeated. Key is the client's; each caller and route has its own.
type Key struct{ Caller, Route, Key string }

// KeyReusedError is the cause of the conflict when a key was used for another request before.
type KeyReusedError struct{}

// Error describes the reuse.
func (KeyReusedError) Error() string { return "the key was used for another request" }

// How long and how often a request waits for an earlier one with the same key.
const (
	keyWait = 8 * time.Second
	keyPoll = 50 * time.Millisecond
)

// Fingerprint hashes what a request asks for: its parsed fields and the names and contents of its files.
func Fingerprint(asked any, files []models.Upload) string {
	type file struct{ Name, SHA256 string }
	list := make([]file, len(files))
	for i, f := range files {
		list[i] = file{f.Name, f.SHA256}
	}
	text, err := json.Marshal([]any{asked, list})
	if err != nil { // plain values always marshal
		panic(err)
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// claim makes a write the only one with its key, or returns the completed earlier one. The claim outlasts the limit of the write, so that
// no other request takes it over before. Errors: conflict if the key was used
// for another request; busy if the earlier one is still in progress; connection.
func (w *Writer) claim(ctx context.Context, key *Key, fingerprint string, limit time.Duration) (write models.Write, done *models.Write, err error) {
	write = models.Write{ID: rand.Text()}
	if key == nil {
		return write, nil, nil
	}
	write.Caller, write.Route, write.Key, write.Fingerprint = &key.Caller, &key.Route, &key.Key, &fingerprint
	ctx, cancel := context.WithTimeout(ctx, keyWait)
	defer cancel()
	tick := time.NewTicker(keyPoll)
	defer tick.Stop()
	for {
		known, err := w.records().Claim(ctx, write, limit+settleTimeout)
		switch {
		case err != nil:
			return write, nil, err
		case known == nil:
			return write, nil, nil
		case known.Expired && known.State != models.WritePending,
			known.State == models.WriteClaimed && known.LeaseExpired:
			if err := w.records().Delete(ctx, known.ID, known.State); err != nil {
				return write, nil, err
			}
			continue
		case *known.Fingerprint != fingerprint:
			return write, nil, models.NewError(models.Conflict, "outbox.key_reused", nil).WithRemedy("outbox.key_reused_remedy", nil).WithCause(KeyReusedError{})
		case known.State == models.WriteDone:
			return write, &known.Write, nil
		case known.State == models.WritePending:
			resolved, err := w.resolve(ctx, known.Write)
			if err != nil {
				return write, nil, err
			}
			if resolved {
				continue
			}
		}
		select {
		case <-ctx.Done():
			return write, nil, models.NewError(models.Busy, "outbox.key_busy", nil).WithRemedy("outbox.key_busy_remedy", nil)
		case <-tick.C:
		}
	}
}

// resolve completes or abandons a write whose process died between the two databases. It returns false while the
// transaction in lifecycle_db is still open.
func (w *Writer) resolve(ctx context.Context, write models.Write) (bool, error) {
	outcome, err := w.source.Outcome(ctx, write.SourceTransaction)
	if err != nil {
		return false, err
	}
	switch outcome {
	case lifecycle.Committed:
		return true, w.complete(ctx, write)
	case lifecycle.Aborted:
		return true, w.abandon(ctx, write)
	case lifecycle.InProgress:
	}
	return false, nil
}

// Sweep resolves the writes that dead processes left open and deletes old answers. Errors: connection; the next sweep
// retries.
func (w *Writer) Sweep(ctx context.Context) error {
	open, err := w.records().Unresolved(ctx)
	if err != nil {
		return err
	}
	var failures []error // one failure must not keep the other writes open
	for _, write := range open {
		if _, err := w.resolve(ctx, write); err != nil {
			failures = append(failures, err)
		}
		if ctx.Err() != nil {
			break
		}
	}
	return errors.Join(append(failures, w.records().DeleteExpired(ctx))...)
}
