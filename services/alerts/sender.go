package alerts

import (
	"context"
	"log/slog"
)

// queued is how many alerts may wait for a receiver.
const queued = 64

// Result is what became of an alert.
type Result string

// The results.
const (
	Sent        Result = "sent"
	Undelivered Result = "failed"  // after all attempts, or because the process ended
	Dropped     Result = "dropped" // too many waited already
)

// Results lists them all.
func Results() []Result { return []Result{Sent, Undelivered, Dropped} }

// sender posts alerts one after the other, so that nobody waits for a receiver.
type sender struct {
	post  func(context.Context, Alert) error
	queue chan Alert
	ended func(Alert, Result)
	log   *slog.Logger
}

// send queues an alert, or drops it when too many wait.
func (s *sender) send(a Alert) {
	select {
	case s.queue <- a:
	default:
		s.end(a, Dropped, nil)
	}
}

// run posts what is queued until ctx ends. What is left then is not posted.
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
		s.log.Info("an alert was sent", "event", a.Event, "state", a.State, "id", a.ID)
	} else {
		s.log.Warn("an alert was not delivered", "event", a.Event, "state", a.State, "id", a.ID, "message", a.Message, "result", result, "error", err)
	}
	s.ended(a, result)
}
