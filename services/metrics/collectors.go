package metrics

import (
	"context"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/pmo/journal"
	"lifecycle-sync/services/cache"
)

// What pmo_db tells is asked for at most so often, however many ask, and waited for so long.
const (
	standingKept = time.Second
	standingTime = 2 * time.Second
)

// Mirror tells how the mirror stands. Errors: connection, timeout, schema.
type Mirror interface {
	Standing(ctx context.Context) (journal.Standing, error)
}

// standing collects what pmo_db tells; nothing while it is away.
type standing struct {
	mirror                             Mirror
	succeeded, age, drift, quarantined *prometheus.Desc

	mu    sync.Mutex
	asked time.Time
	known journal.Standing
	err   error
}

func newStanding(mirror Mirror) *standing {
	return &standing{
		mirror: mirror,
		succeeded: prometheus.NewDesc(namespace+"_sync_last_run_success",
			"Whether the last run of any process succeeded, of those that were not just canceled: 1 or 0, by its mode and the class of its error.", []string{"mode", "class"}, nil),
		drift: prometheus.NewDesc(namespace+"_sync_drift_rows",
			"Rows of the mirror that somebody else had changed, as the last full run or verification of any process found.", nil, nil),
		age:         prometheus.NewDesc(namespace+"_sync_last_success_age_seconds", "Time since the last successful run began, by pmo_db's clock.", nil, nil),
		quarantined: prometheus.NewDesc(namespace+"_quarantined_rows", "Source rows that cannot stand in the mirror.", nil, nil),
	}
}

// Describe implements prometheus.Collector.
func (s *standing) Describe(to chan<- *prometheus.Desc) {
	for _, desc := range []*prometheus.Desc{s.succeeded, s.age, s.drift, s.quarantined} {
		to <- desc
	}
}

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
	if run := st.LastVerdict; run != nil {
		success, class := outcome(run)
		to <- prometheus.MustNewConstMetric(s.succeeded, prometheus.GaugeValue, success, run.Mode, class)
	}
	if run := newer(st.ProvedEqual, st.Verified); run != nil {
		to <- prometheus.MustNewConstMetric(s.drift, prometheus.GaugeValue, float64(run.Drift()))
	}
}

// outcome is 1 for a run that succeeded, else 0 and the reason: a run whose process died has no other.
func outcome(run *models.Run) (success float64, class string) {
	switch {
	case run.State == models.Succeeded:
		return 1, ""
	case run.ErrorClass != nil:
		return 0, *run.ErrorClass
	default:
		return 0, string(run.State)
	}
}

// newer is the run that began last, nil when there is neither.
func newer(a, b *models.Run) *models.Run {
	if a == nil || b != nil && b.ID > a.ID {
		return b
	}
	return a
}

func (s *standing) ask() (journal.Standing, error) {
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

// cacheCollector collects how the cache of answers did.
type cacheCollector struct {
	stats func() cache.Stats
	desc  *prometheus.Desc
}

func newCache(stats func() cache.Stats) *cacheCollector {
	return &cacheCollector{stats: stats, desc: prometheus.NewDesc(namespace+"_cache_requests_total",
		"Reads of the mirror: a hit was answered from memory, a miss was made, bypass means that nothing could be kept.", []string{"result"}, nil)}
}

// Describe implements prometheus.Collector.
func (c *cacheCollector) Describe(to chan<- *prometheus.Desc) { to <- c.desc }

// Collect implements prometheus.Collector.
func (c *cacheCollector) Collect(to chan<- prometheus.Metric) {
	s := c.stats()
	for result, n := range map[string]uint64{"hit": s.Hits, "miss": s.Misses, "bypass": s.Bypassed} {
		to <- prometheus.MustNewConstMetric(c.desc, prometheus.CounterValue, float64(n), result)
	}
}
