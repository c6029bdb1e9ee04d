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

// The sync status is read at most once per statusInterval, however often metrics are scraped.
const (
	statusInterval = time.Second
	statusTime     = 2 * time.Second // time limit
)

// Mirror reads the sync status from pmo_db. Errors: connection, timeout, schema.
type Mirror interface {
	SyncStatus(ctx context.Context) (journal.SyncStatus, error)
}

// syncStatus collects the sync status, and nothing while pmo_db is unavailable.
type syncStatus struct {
	mirror                             Mirror
	succeeded, age, drift, quarantined *prometheus.Desc

	mu   sync.Mutex
	read time.Time
	last journal.SyncStatus
	err  error
}

func newSyncStatus(mirror Mirror) *syncStatus {
	return &syncStatus{
		mirror: mirror,
		succeeded: prometheus.NewDesc(namespace+"_sync_last_run_success",
			"Whether the last run of any process, canceled ones excluded, succeeded: 1 or 0, by its mode and the class of its error.", []string{"mode", "class"}, nil),
		drift: prometheus.NewDesc(namespace+"_sync_drift_rows",
			"Rows of the mirror that another application changed, as found by the last full run or verification of any process.", nil, nil),
		age:         prometheus.NewDesc(namespace+"_sync_last_success_age_seconds", "Time since the last successful run started, by pmo_db's clock.", nil, nil),
		quarantined: prometheus.NewDesc(namespace+"_quarantined_rows", "Source rows that cannot be mirrored.", nil, nil),
	}
}

// Describe implements prometheus.Collector.
func (s *syncStatus) Describe(to chan<- *prometheus.Desc) {
	for _, desc := range []*prometheus.Desc{s.succeeded, s.age, s.drift, s.quarantined} {
		to <- desc
	}
}

// Collect implements prometheus.Collector.
func (s *syncStatus) Collect(to chan<- prometheus.Metric) {
	st, err := s.status()
	if err != nil {
		return
	}
	to <- prometheus.MustNewConstMetric(s.quarantined, prometheus.GaugeValue, float64(st.Quarantined))
	if st.Age != nil {
		to <- prometheus.MustNewConstMetric(s.age, prometheus.GaugeValue, st.Age.Seconds())
	}
	if run := st.LastConclusive; run != nil {
		success, class := outcome(run)
		to <- prometheus.MustNewConstMetric(s.succeeded, prometheus.GaugeValue, success, run.Mode, class)
	}
	if run := newer(st.ProvedEqual, st.Verified); run != nil {
		to <- prometheus.MustNewConstMetric(s.drift, prometheus.GaugeValue, float64(run.Drift()))
	}
}

// outcome is 1 for a successful run, otherwise 0 and the error class, or "interrupted" if the process died.
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

// newer returns the later run, nil if there is none.
func newer(a, b *models.Run) *models.Run {
	if a == nil || b != nil && b.ID > a.ID {
		return b
	}
	return a
}

func (s *syncStatus) status() (journal.SyncStatus, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if time.Since(s.read) > statusInterval {
		ctx, cancel := context.WithTimeout(context.Background(), statusTime)
		defer cancel()
		s.last, s.err = s.mirror.SyncStatus(ctx)
		s.read = time.Now()
	}
	return s.last, s.err
}

// cacheCollector collects how the cache of answers did.
type cacheCollector struct {
	stats func() cache.Stats
	desc  *prometheus.Desc
}

func newCache(stats func() cache.Stats) *cacheCollector {
	return &cacheCollector{stats: stats, desc: prometheus.NewDesc(namespace+"_cache_requests_total",
		"Reads of the mirror: hit from the cache, miss from the database, bypass while the cache is off.", []string{"result"}, nil)}
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
