package pages

import (
	"context"
	"testing"

	"lifecycle-sync/services/syncing"
)

// answering answers unless whoever asks has gone.
type answering struct{}

// Status implements statusReader.
func (answering) Status(ctx context.Context) (syncing.Status, error) {
	return syncing.Status{}, ctx.Err()
}

// TestTheStandingOutlivesTheRequest asks for it as an error's page does, when the request's time is over.
func TestTheStandingOutlivesTheRequest(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if got := newStanding(answering{}).words(ctx).Text; got != "Nothing has been synchronised yet" {
		t.Error(got)
	}
}
