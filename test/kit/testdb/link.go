package testdb

import (
	"net/url"
	"strings"
	"testing"

	toxiproxy "github.com/Shopify/toxiproxy/v2"
	"github.com/rs/zerolog"
)

// Link is the network between the program and a database. A test can break it.
type Link struct {
	URL   string // of the database, through the link
	t     testing.TB
	proxy *toxiproxy.Proxy
}

// Faults of a link. Neither side notices lost packets.
const (
	Reset         = `{"name": "reset", "type": "reset_peer", "stream": "downstream"}`
	LoseResponses = `{"name": "lose responses", "type": "timeout", "stream": "downstream"}`
	LoseRequests  = `{"name": "lose requests", "type": "timeout", "stream": "upstream"}`
	SlowDown      = `{"name": "slow down", "type": "bandwidth", "stream": "downstream", "attributes": {"rate": 300}}`
	SlowUp        = `{"name": "slow up", "type": "bandwidth", "stream": "upstream", "attributes": {"rate": 300}}`
	Delayed       = `{"name": "delayed", "type": "latency", "stream": "downstream", "attributes": {"latency": 50, "jitter": 20}}`
)

// NewLink makes a link to a PostgreSQL database.
func NewLink(t testing.TB, database string) *Link {
	t.Helper()
	u, err := url.Parse(database)
	if err != nil {
		t.Fatal("the test server's URL is invalid")
	}
	server := toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), zerolog.Nop())
	l := &Link{t: t, proxy: toxiproxy.NewProxy(server, t.Name(), "127.0.0.1:0", u.Host)}
	l.Restore()
	t.Cleanup(l.Cut)
	u.Host = l.proxy.Listen
	l.URL = u.String()
	return l
}

// Cut ends every connection and refuses new ones.
func (l *Link) Cut() { l.proxy.Stop() }

// Restore accepts connections again.
func (l *Link) Restore() {
	l.t.Helper()
	if err := l.proxy.Start(); err != nil {
		l.t.Fatal(err)
	}
}

// AddFaults adds faults to the link.
func (l *Link) AddFaults(toxics ...string) {
	l.t.Helper()
	for _, toxic := range toxics {
		if _, err := l.proxy.Toxics.AddToxicJson(strings.NewReader(toxic)); err != nil {
			l.t.Fatal(err)
		}
	}
}

// RemoveFaults removes all faults. Connections that lost packets end.
func (l *Link) RemoveFaults() { l.proxy.Toxics.ResetToxics(l.t.Context()) }
