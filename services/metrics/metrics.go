// Package metrics exports the program's metrics to Prometheus.
package metrics

import (
	"context"
	"io"
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/common/expfmt"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/pmo/journal"
	"lifecycle-sync/services/alerts"
	"lifecycle-sync/services/cache"
	"lifecycle-sync/services/runs"
)

// The prefixes of the metrics' names.
const (
	namespace = "lifecycle"
	ofRuns    = "sync"
	ofHTTP    = "http"
)

// durations are the upper bounds of the histogram of requests, in seconds.
func durations() []float64 {
	return []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}
}

// Metrics are the program's metrics. Labels are route patterns, methods, statuses, modes, states and tables, never URLs
// or values.
type Metrics struct {
	registry  *prometheus.Registry
	requests  *prometheus.CounterVec
	durations *prometheus.HistogramVec
	runs      *prometheus.CounterVec
	lastRun   *prometheus.GaugeVec
	rows      *prometheus.CounterVec
	alerts    *prometheus.CounterVec
}

// New returns the metrics. Each scrape reads the sync status, the cache and real-time sync. realTime returns false while
// real-time sync is off; it is nil if it can never be on.
func New(mirror Mirror, cacheStats func() cache.Stats, realTime func() (RealTime, bool)) *Metrics {
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: namespace, Subsystem: ofHTTP, Name: "requests_total",
			Help: "Requests by route, method and status; the route is empty if none matched."}, []string{"route", "method", "status"}),
		durations: prometheus.NewHistogramVec(prometheus.HistogramOpts{Namespace: namespace, Subsystem: ofHTTP, Name: "request_duration_seconds",
			Help: "Time until the response was ready; of a stream, until it started.", Buckets: durations()}, []string{"route"}),
		runs: prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: namespace, Subsystem: ofRuns, Name: "runs_total",
			Help: "Runs of this process that have ended, by mode and state."}, []string{"mode", "state"}),
		lastRun: prometheus.NewGaugeVec(prometheus.GaugeOpts{Namespace: namespace, Subsystem: ofRuns, Name: "last_run_duration_seconds",
			Help: "Duration of the last run of this process, by mode."}, []string{"mode"}),
		rows: prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: namespace, Subsystem: ofRuns, Name: "rows_total",
			Help: "Rows that successful runs of this process inserted, updated, deleted, released from quarantine or left unchanged, by table."}, []string{"table", "action"}),
		alerts: prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: namespace, Name: "alerts_total",
			Help: "Alerts that this process sent, failed to deliver, or dropped because the queue was full, by event."}, []string{"event", "result"}),
	}
	for _, event := range alerts.Events() {
		for _, result := range alerts.Results() {
			m.alerts.WithLabelValues(string(event), string(result)) // start at 0, so that the first one is an increase
		}
	}
	if realTime != nil {
		m.registry.MustRegister(newRealTime(realTime))
	}
	m.registry.MustRegister(m.requests, m.durations, m.runs, m.lastRun, m.rows, m.alerts,
		newSyncStatus(mirror), newCache(cacheStats), collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// Request counts a request. It keeps the strings.
func (m *Metrics) Request(route, method string, status int, took time.Duration) {
	m.requests.WithLabelValues(route, method, strconv.Itoa(status)).Inc()
	m.durations.WithLabelValues(route).Observe(took.Seconds())
}

// RunEnded counts a run and, if it changed the mirror, its rows.
func (m *Metrics) RunEnded(o runs.Outcome) {
	m.runs.WithLabelValues(o.Run.Mode, string(o.Run.State)).Inc()
	m.lastRun.WithLabelValues(o.Run.Mode).Set(o.Took.Seconds())
	if !o.Wrote() {
		return
	}
	for _, t := range o.Tables {
		for action, n := range map[string]int64{"inserted": t.Inserted, "updated": t.Updated, "unchanged": t.Unchanged, "deleted": t.Deleted, "released": t.Released} {
			m.rows.WithLabelValues(t.Table, action).Add(float64(n))
		}
	}
}

// AlertEnded counts an alert.
func (m *Metrics) AlertEnded(a alerts.Alert, result alerts.Result) {
	m.alerts.WithLabelValues(string(a.Event), string(result)).Inc()
}

// Format is the media type of Write's output.
func Format() string { return string(expfmt.NewFormat(expfmt.TypeTextPlain)) }

// Write writes all metrics in Prometheus' text format.
func (m *Metrics) Write(w io.Writer) error {
	families, err := m.registry.Gather()
	if err != nil {
		return err
	}
	encoder := expfmt.NewEncoder(w, expfmt.NewFormat(expfmt.TypeTextPlain))
	for _, family := range families {
		if err := encoder.Encode(family); err != nil {
			return err
		}
	}
	return nil
}

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

// RealTime is the progress of real-time sync.
type RealTime struct {
	Lag      time.Duration // behind lifecycle_db
	Retained int64         // bytes of WAL that lifecycle_db retains for the slot
}

// realTime collects the progress of real-time sync, and nothing while it is off.
type realTime struct {
	ask           func() (RealTime, bool)
	lag, retained *prometheus.Desc
}

func newRealTime(ask func() (RealTime, bool)) *realTime {
	return &realTime{
		ask: ask,
		lag: prometheus.NewDesc(namespace+"_sync_realtime_lag_seconds", "How far real-time sync is behind lifecycle_db.", nil, nil),
		retained: prometheus.NewDesc(namespace+"_sync_slot_retained_bytes",
			"Bytes of WAL that lifecycle_db retains because the replication slot has not confirmed it.", nil, nil),
	}
}

// Describe implements prometheus.Collector.
func (r *realTime) Describe(to chan<- *prometheus.Desc) { to <- r.lag; to <- r.retained }

// Collect implements prometheus.Collector.
func (r *realTime) Collect(to chan<- prometheus.Metric) {
	at, ok := r.ask()
	if !ok {
		return
	}
	to <- prometheus.MustNewConstMetric(r.lag, prometheus.GaugeValue, at.Lag.Seconds())
	to <- prometheus.MustNewConstMetric(r.retained, prometheus.GaugeValue, float64(at.Retained))
}
