package alerts

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"testing"
)

// outcomes collects results of alerts by their ids.
type outcomes chan string

func (o outcomes) record(a Alert, result Result) { o <- a.ID + " " + string(result) }

func newSender(o outcomes, post func(context.Context, Alert) error) *sender {
	return &sender{post: post, queue: make(chan Alert, queueSize), onResult: o.record, log: slog.New(slog.DiscardHandler)}
}

func TestSender_DropsAlertsWhenTheQueueIsFull(t *testing.T) {
	t.Parallel()
	results := make(outcomes, 2*queueSize)
	s := newSender(results, func(context.Context, Alert) error { return nil })
	for i := range queueSize + 2 {
		s.send(Alert{ID: fmt.Sprint(i)})
	}
	for i := range 2 {
		if got, want := <-results, fmt.Sprintf("%d dropped", queueSize+i); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { s.run(ctx); close(ended) }()
	for i := range queueSize {
		if got, want := <-results, fmt.Sprintf("%d sent", i); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
	cancel()
	<-ended
}

func TestSender_ReportsUndeliveredAlertsAtTheEnd(t *testing.T) {
	t.Parallel()
	results, posting := make(outcomes, 10), make(chan struct{})
	s := newSender(results, func(ctx context.Context, _ Alert) error {
		close(posting)
		<-ctx.Done()
		return ctx.Err()
	})
	for i := range 3 {
		s.send(Alert{ID: fmt.Sprint(i)})
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { s.run(ctx); close(ended) }()
	<-posting
	cancel()
	<-ended
	for i := range 3 {
		if got, want := <-results, fmt.Sprintf("%d failed", i); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

func TestSender_ContinuesAfterAFailure(t *testing.T) {
	t.Parallel()
	results := make(outcomes, 10)
	s := newSender(results, func(_ context.Context, a Alert) error {
		if a.ID == "0" {
			return errors.New("the receiver answered 404")
		}
		return nil
	})
	s.send(Alert{ID: "0"})
	s.send(Alert{ID: "1"})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { s.run(ctx); close(ended) }()
	if first, second := <-results, <-results; first != "0 failed" || second != "1 sent" {
		t.Errorf("%s, %s", first, second)
	}
	cancel()
	<-ended
}
