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
	"lifecycle-sync/services/realtime"
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
	drift     prometheus.Counter
	realtime  *prometheus.GaugeVec
	alerts    *prometheus.CounterVec
}

// New returns the metrics. Each scrape reads the sync status, the cache and real-time sync.
func New(mirror Mirror, cacheStats func() cache.Stats, realTime func() RealTime) *Metrics {
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
		drift: prometheus.NewCounter(prometheus.CounterOpts{Namespace: namespace, Subsystem: ofRuns, Name: "corrected_drift_rows_total",
			Help: "Rows of the mirror that another application changed and that runs of this process corrected."}),
		realtime: prometheus.NewGaugeVec(prometheus.GaugeOpts{Namespace: namespace, Subsystem: ofRuns, Name: "realtime_state",
			Help: "1 for the present state of real-time sync in this process."}, []string{"state"}),
		alerts: prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: namespace, Name: "alerts_total",
			Help: "Alerts that this process sent, failed to deliver, or dropped because the queue was full, by event."}, []string{"event", "result"}),
	}
	for _, event := range alerts.Events() {
		for _, result := range alerts.Results() {
			m.alerts.WithLabelValues(string(event), string(result)) // start at 0, so that the first one is an increase
		}
	}
	status := syncStatus{mirror: mirror}
	m.registry.MustRegister(m.requests, m.durations, m.runs, m.lastRun, m.rows, m.drift, m.realtime, m.alerts, scraped(status.collect),
		scraped(func(add adder) { collectCache(add, cacheStats()) }), scraped(func(add adder) { collectRealTime(add, realTime()) }),
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// Request counts a request. It keeps the strings.
func (m *Metrics) Request(route, method string, status int, took time.Duration) {
	m.requests.WithLabelValues(route, method, strconv.Itoa(status)).Inc()
	m.durations.WithLabelValues(route).Observe(took.Seconds())
}

// RunEnded counts a run and, if it changed the mirror, its rows and the drift that it corrected.
func (m *Metrics) RunEnded(o runs.Outcome) {
	m.runs.WithLabelValues(o.Run.Mode, string(o.Run.State)).Inc()
	m.lastRun.WithLabelValues(o.Run.Mode).Set(o.Took.Seconds())
	if !o.Wrote() {
		return
	}
	m.drift.Add(float64(o.Run.Drift()))
	for _, t := range o.Tables {
		for action, n := range map[string]int64{"inserted": t.Inserted, "updated": t.Updated, "unchanged": t.Unchanged, "deleted": t.Deleted, "released": t.Released} {
			m.rows.WithLabelValues(t.Table, action).Add(float64(n))
		}
	}
}

// RealTimeState sets the state of real-time sync.
func (m *Metrics) RealTimeState(state realtime.State) {
	m.realtime.Reset()
	m.realtime.WithLabelValues(string(state)).Set(1)
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

// scraped collects metrics that are read with each scrape.
type scraped func(add adder)

// adder adds a metric to a scrape.
type adder func(kind prometheus.ValueType, name, help string, value float64, labels prometheus.Labels)

// Describe announces no metric: each is missing while its value is unknown.
func (scraped) Describe(chan<- *prometheus.Desc) {}

// Collect implements prometheus.Collector.
func (s scraped) Collect(to chan<- prometheus.Metric) {
	s(func(kind prometheus.ValueType, name, help string, value float64, labels prometheus.Labels) {
		to <- prometheus.MustNewConstMetric(prometheus.NewDesc(namespace+"_"+name, help, nil, labels), kind, value)
	})
}

// syncStatus collects the sync status, and nothing while pmo_db is unavailable.
type syncStatus struct {
	mirror Mirror

	mu   sync.Mutex
	read time.Time
	last journal.SyncStatus
	err  error
}

func (s *syncStatus) collect(add adder) {
	st, err := s.status()
	if err != nil {
		return
	}
	add(prometheus.GaugeValue, "quarantined_rows", "Source rows that cannot be mirrored.", float64(st.Quarantined), nil)
	if st.Age != nil {
		add(prometheus.GaugeValue, "sync_last_success_age_seconds", "Time since the last successful run started, by pmo_db's clock.", st.Age.Seconds(), nil)
	}
	if run := st.LastConclusive; run != nil {
		success, class := outcome(run)
		add(prometheus.GaugeValue, "sync_last_run_success",
			"Whether the last run of any process, canceled ones excluded, succeeded: 1 or 0, by its mode and the class of its error.",
			success, prometheus.Labels{"mode": run.Mode, "class": class})
	}
	if st.ProvedEqual != nil || st.Verified != nil {
		add(prometheus.GaugeValue, "sync_drift_rows",
			"Rows of the mirror that another application changed: the last verification of any process found them, and no full run has corrected them since.",
			float64(runs.RemainingDrift(st)), nil)
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

// collectCache collects how the cache of answers did.
func collectCache(add adder, stats cache.Stats) {
	for result, n := range map[string]uint64{"hit": stats.Hits, "miss": stats.Misses, "bypass": stats.Bypassed} {
		add(prometheus.CounterValue, "cache_requests_total",
			"Reads of the mirror: hit from the cache, miss from the database, bypass while the cache is off.",
			float64(n), prometheus.Labels{"result": result})
	}
}

// RealTime is the progress of real-time sync. What is nil is unknown or does not apply.
type RealTime struct {
	Lag      *time.Duration // behind lifecycle_db; nil while real-time sync is off
	Retained *int64         // bytes of WAL that lifecycle_db retains for the slot; nil without a slot
}

// collectRealTime collects the progress of real-time sync.
func collectRealTime(add adder, at RealTime) {
	if at.Lag != nil {
		add(prometheus.GaugeValue, "sync_realtime_lag_seconds", "How far real-time sync is behind lifecycle_db.", at.Lag.Seconds(), nil)
	}
	if at.Retained != nil {
		add(prometheus.GaugeValue, "sync_slot_retained_bytes",
			"Bytes of WAL that lifecycle_db retains because the replication slot has not confirmed it.", float64(*at.Retained), nil)
	}
}
