package runs

import (
	"context"
	"reflect"
	"time"

	"lifecycle-sync/services/realtime"
)

// While somebody listens, the runs of other processes are looked at so often, in at most so much time.
const (
	lookInterval = time.Second
	lookTimeout  = 5 * time.Second
)

// Follow returns a reader of what happens after the event with the given id. When that is not known here,
// the stream begins with how the mirror stands, and how far the run under way is. Errors: unavailable when
// too many listen, connection, timeout, schema.
func (s *Service) Follow(ctx context.Context, after string) (*Reader, error) {
	r, resumed, err := s.events.subscribe(after)
	if err != nil {
		return nil, err
	}
	var known *Status
	if !resumed {
		status, err := s.Status(ctx)
		if err != nil {
			r.Close()
			return nil, err
		}
		known = &status
		r.first = []Event{{ID: s.events.id(r.next - 1), Name: StateEvent, Data: status}}
		if status.Running != nil {
			r.first = append(r.first, s.events.soFar(status.Running.ID, r.next)...)
		}
	}
	if err := s.watch(context.WithoutCancel(ctx), known); err != nil {
		r.Close()
		return nil, err
	}
	return r, nil
}

// watch sees to it that somebody looks at the runs.
func (s *Service) watch(ctx context.Context, known *Status) error {
	s.mu.Lock()
	watching := s.watching
	s.watching = true
	s.mu.Unlock()
	if watching {
		return nil
	}
	ctx, end, err := s.task(ctx)
	if err != nil {
		return err
	}
	go func() {
		defer end()
		s.publishStates(ctx, known)
	}()
	return nil
}

// publishStates tells of every change of state, until nobody listens.
func (s *Service) publishStates(ctx context.Context, known *Status) {
	tick := time.NewTicker(lookInterval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-s.look:
		}
		s.mu.Lock()
		s.watching = s.events.listeners() > 0
		watching := s.watching
		s.mu.Unlock()
		if !watching {
			return
		}
		looking, cancel := context.WithTimeout(ctx, lookTimeout)
		status, err := s.Status(looking)
		cancel()
		if err != nil { // pmo_db is away; what has happened is seen when it is back
			s.o.Log.Debug("sync status unavailable", "error", err)
			continue
		}
		if known == nil || !sameButAge(*known, status) {
			known = &status
			s.events.publish(StateEvent, status)
		}
	}
}

// sameButAge reports whether there is nothing new to tell: times pass by themselves.
func sameButAge(a, b Status) bool {
	for _, s := range []*Status{&a, &b} {
		s.Age, s.Lag, s.CurrentAt, s.FollowedAt = nil, nil, nil, nil
		if s.Realtime != nil {
			s.Realtime = &realtime.Status{State: s.Realtime.State}
		}
	}
	return reflect.DeepEqual(a, b)
}
