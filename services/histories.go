package services

import (
	"context"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/pmo"
)

// transitions reads the mirrored stage history. Errors: connection, timeout, schema; Transition: not
// found.
type transitions interface {
	Transitions(ctx context.Context, f pmo.TransitionFilter, offset, limit int) ([]models.ListedTransition, int64, error)
}

// TransitionQuery is what a client asks of the stage history: all of it when ProductID is 0.
type TransitionQuery struct {
	Paging
	ProductID int64
}

// TransitionPage is one page of the stage history, newest first.
type TransitionPage struct {
	Transitions []models.ListedTransition
	Pagination  Pagination
}

// ListTransitions returns the page of the stage history that the query asks for; one past the end is
// empty. Errors: connection, timeout, schema.
func ListTransitions(ctx context.Context, from transitions, q TransitionQuery) (TransitionPage, error) {
	paging := q.bounded()
	page, total, err := from.Transitions(ctx, pmo.TransitionFilter{ProductID: q.ProductID}, paging.offset(), int(paging.Limit))
	return TransitionPage{Transitions: page, Pagination: paging.of(total)}, err
}
