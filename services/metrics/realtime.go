package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

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
