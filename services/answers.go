package services

import (
	"context"

	"lifecycle-sync/repositories/pmo"
)

// View is one state of pmo_db, in which a read use case reads.
type View = pmo.Store

// Answer is an encoded answer to a read, ready to be sent.
type Answer struct {
	Body []byte // JSON
	ETag string // quoted
	Link string // of a page of a list (RFC 8288), else ""
}

// Answers answers reads of the mirror.
type Answers struct{ store *pmo.Store }

// NewAnswers returns the answers on a store.
func NewAnswers(store *pmo.Store) *Answers { return &Answers{store: store} }

// Get returns the answer that key stands for, which compute makes from one state of pmo_db. Errors:
// compute's, connection, timeout.
func (a *Answers) Get(ctx context.Context, _ string, compute func(ctx context.Context, v *View) (Answer, error)) (answer Answer, err error) {
	_, err = a.store.View(ctx, func(v *pmo.Store) error {
		answer, err = compute(ctx, v)
		return err
	})
	return answer, err
}

// Advance says that the mirror has a new version, which this process has just committed.
func (a *Answers) Advance(int64) {}
