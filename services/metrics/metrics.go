// Package metrics exports the program's metrics to Prometheus.
package metrics

import (
	"io"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/common/expfmt"

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
