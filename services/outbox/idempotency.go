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

// Key names a request, so that it is known when it is sent again. The key is the client's;
// no other caller and no other route shares it.
type Key struct{ Caller, Route, Key string }

// KeyReusedError is why a request is a conflict whose key came with another request before.
type KeyReusedError struct{}

// Error says so.
func (KeyReusedError) Error() string { return "the key was used for another request" }

// How a request waits for an earlier one with the same key that is being worked on.
const (
	keyWait = 8 * time.Second
	keyPoll = 50 * time.Millisecond
)

// Fingerprint tells requests apart by what they ask for: the fields as they were understood, and the
// names and contents of the files. How a form was written does not matter.
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

// claim makes a write the only one with its key. When an earlier one with the same key is done it
// returns that one. Errors: conflict when the key was used for something else; busy when the earlier
// one is still being worked on; connection.
func (w *Writer) claim(ctx context.Context, key *Key, fingerprint string) (write models.Write, done *models.Write, err error) {
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
		known, err := w.records().Claim(ctx, write)
		switch {
		case err != nil:
			return write, nil, err
		case known == nil:
			return write, nil, nil
		case known.Old && known.State != models.WriteIntended,
			known.State == models.WriteClaimed && known.Lapsed:
			if err := w.records().Drop(ctx, known.ID, known.State); err != nil {
				return write, nil, err
			}
			continue
		case *known.Fingerprint != fingerprint:
			return write, nil, models.NewError(models.Conflict, "outbox.key_reused", nil).WithRemedy("outbox.key_reused_remedy", nil).WithCause(KeyReusedError{})
		case known.State == models.WriteDone:
			return write, &known.Write, nil
		case known.State == models.WriteIntended:
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

// resolve finds out what became of a write whose process stopped between the two databases, and ends
// it accordingly. It reports false while that is still open.
func (w *Writer) resolve(ctx context.Context, write models.Write) (bool, error) {
	outcome, err := w.source.Outcome(ctx, write.SourceTransaction)
	if err != nil {
		return false, err
	}
	switch outcome {
	case lifecycle.Committed:
		return true, w.end(ctx, write)
	case lifecycle.Aborted:
		return true, w.abandon(ctx, write)
	case lifecycle.InProgress:
	}
	return false, nil
}

// Sweep ends the writes that processes which are gone have left open, and forgets old answers. Errors:
// connection; those that could not be ended are tried again the next time.
func (w *Writer) Sweep(ctx context.Context) error {
	open, err := w.records().Open(ctx)
	if err != nil {
		return err
	}
	var failures []error // one write that cannot be ended must not keep the others open
	for _, write := range open {
		if _, err := w.resolve(ctx, write); err != nil {
			failures = append(failures, err)
		}
		if ctx.Err() != nil {
			break
		}
	}
	return errors.Join(append(failures, w.records().Forget(ctx))...)
}
