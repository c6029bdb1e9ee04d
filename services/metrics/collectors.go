package metrics

import (
	"context"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"lifecycle-sync/repositories/pmo"
	"lifecycle-sync/services"
)

// What pmo_db tells is asked for at most so often, however many ask, and waited for so long.
const (
	standingKept = time.Second
	standingTime = 2 * time.Second
)

// Mirror tells how the mirror stands. Errors: connection, timeout, schema.
type Mirror interface {
	Standing(ctx context.Context) (pmo.Standing, error)
}

// standing collects what pmo_db tells; nothing while it is away.
type standing struct {
	mirror           Mirror
	age, quarantined *prometheus.Desc

	mu    sync.Mutex
	asked time.Time
	known pmo.Standing
	err   error
}

func newStanding(mirror Mirror) *standing {
	return &standing{
		mirror:      mirror,
		age:         prometheus.NewDesc(namespace+"_sync_last_success_age_seconds", "Time since the last successful run began, by pmo_db's clock.", nil, nil),
		quarantined: prometheus.NewDesc(namespace+"_quarantined_rows", "Source rows that cannot stand in the mirror.", nil, nil),
	}
}

// Describe implements prometheus.Collector.
func (s *standing) Describe(to chan<- *prometheus.Desc) { to <- s.age; to <- s.quarantined }

// Collect implements prometheus.Collector.
func (s *standing) Collect(to chan<- prometheus.Metric) {
	st, err := s.ask()
	if err != nil {
		return
	}
	to <- prometheus.MustNewConstMetric(s.quarantined, prometheus.GaugeValue, float64(st.Quarantined))
	if st.Age != nil {
		to <- prometheus.MustNewConstMetric(s.age, prometheus.GaugeValue, st.Age.Seconds())
	}
}

func (s *standing) ask() (pmo.Standing, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if time.Since(s.asked) > standingKept {
		ctx, cancel := context.WithTimeout(context.Background(), standingTime)
		defer cancel()
		s.known, s.err = s.mirror.Standing(ctx)
		s.asked = time.Now()
	}
	return s.known, s.err
}

// cache collects how the cache of answers did.
type cache struct {
	stats func() services.AnswerStats
	desc  *prometheus.Desc
}

func newCache(stats func() services.AnswerStats) *cache {
	return &cache{stats: stats, desc: prometheus.NewDesc(namespace+"_cache_requests_total",
		"Reads of the mirror: a hit was answered from memory, a miss was made, bypass means that nothing could be kept.", []string{"result"}, nil)}
}

// Describe implements prometheus.Collector.
func (c *cache) Describe(to chan<- *prometheus.Desc) { to <- c.desc }

// Collect implements prometheus.Collector.
func (c *cache) Collect(to chan<- prometheus.Metric) {
	s := c.stats()
	for result, n := range map[string]uint64{"hit": s.Hits, "miss": s.Misses, "bypass": s.Bypassed} {
		to <- prometheus.MustNewConstMetric(c.desc, prometheus.CounterValue, float64(n), result)
	}
}
