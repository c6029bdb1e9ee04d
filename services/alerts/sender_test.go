package alerts

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"testing"
)

// TestSender_ReportsEveryResult fills the queue before the sender runs. One alert fails, one is posted when the sender ends.
func TestSender_ReportsEveryResult(t *testing.T) {
	t.Parallel()
	const refused, last = "0", "10"
	results, posting := make(chan string, 2*queueSize), make(chan struct{})
	w := NewWatch(Options{Log: slog.New(slog.DiscardHandler), Post: func(ctx context.Context, a Alert) error {
		switch a.ID {
		case refused:
			return errors.New("the receiver answered 404")
		case last:
			close(posting)
			<-ctx.Done()
			return ctx.Err()
		}
		return nil
	}, OnResult: func(a Alert, result Result) { results <- a.ID + " " + string(result) }})
	var want []string
	for i := range queueSize + 2 {
		w.send(Alert{ID: fmt.Sprint(i)})
	}
	for i := range 2 {
		want = append(want, fmt.Sprintf("%d dropped", queueSize+i))
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { w.sendQueued(ctx); close(ended) }()
	<-posting
	cancel()
	<-ended
	for i := range queueSize {
		result := Undelivered
		if 0 < i && i < 10 {
			result = Sent
		}
		want = append(want, fmt.Sprintf("%d %s", i, result))
	}
	for _, one := range want {
		if got := <-results; got != one {
			t.Errorf("%s, want %s", got, one)
		}
	}
}
