package alerts

import (
	"context"
	"log/slog"
)

// queueSize is the maximum number of alerts that wait for the receiver.
const queueSize = 64

// Result is how sending an alert ended.
type Result string

// The results.
const (
	Sent        Result = "sent"
	Undelivered Result = "failed"  // after all attempts, or because the process ended
	Dropped     Result = "dropped" // the queue was full
)

// Results lists all results.
func Results() []Result { return []Result{Sent, Undelivered, Dropped} }

// sender posts alerts one by one in the background.
type sender struct {
	post     func(context.Context, Alert) error
	queue    chan Alert
	onResult func(Alert, Result)
	log      *slog.Logger
}

// send queues an alert, or drops it when the queue is full.
func (s *sender) send(a Alert) {
	select {
	case s.queue <- a:
	default:
		s.end(a, Dropped, nil)
	}
}

// run posts queued alerts until ctx ends, and gives up on the rest.
func (s *sender) run(ctx context.Context) {
	defer s.giveUp(ctx)
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case a := <-s.queue:
			if err := s.post(ctx, a); err != nil {
				s.end(a, Undelivered, err)
			} else {
				s.end(a, Sent, nil)
			}
		}
	}
}

func (s *sender) giveUp(ctx context.Context) {
	for {
		select {
		case a := <-s.queue:
			s.end(a, Undelivered, ctx.Err())
		default:
			return
		}
	}
}

func (s *sender) end(a Alert, result Result, err error) {
	if result == Sent {
		s.log.Info("alert sent", "event", a.Event, "state", a.State, "id", a.ID)
	} else {
		s.log.Warn("alert not delivered", "event", a.Event, "state", a.State, "id", a.ID, "text", a.String(), "result", result, "error", err)
	}
	s.onResult(a, result)
}
