package databasetest

import (
	"net/url"
	"strings"
	"testing"

	toxiproxy "github.com/Shopify/toxiproxy/v2"
	"github.com/rs/zerolog"
)

// Link is the network between the program and a database, which a test can spoil.
type Link struct {
	URL   string // of the database, through the link
	t     testing.TB
	proxy *toxiproxy.Proxy
}

// What can happen to a link.
const (
	Reset     = `{"name": "reset", "type": "reset_peer", "stream": "downstream"}`
	Swallowed = `{"name": "swallowed", "type": "timeout", "stream": "downstream"}` // what the server says is lost, and nobody is told
	Unheard   = `{"name": "unheard", "type": "timeout", "stream": "upstream"}`     // likewise, what we say
	SlowDown  = `{"name": "slow down", "type": "bandwidth", "stream": "downstream", "attributes": {"rate": 300}}`
	SlowUp    = `{"name": "slow up", "type": "bandwidth", "stream": "upstream", "attributes": {"rate": 300}}`
	Delayed   = `{"name": "delayed", "type": "latency", "stream": "downstream", "attributes": {"latency": 50, "jitter": 20}}`
)

// NewLink leads to the database of a URL of PostgreSQL.
func NewLink(t testing.TB, database string) *Link {
	t.Helper()
	u, err := url.Parse(database)
	if err != nil {
		t.Fatal("the test server's URL is none")
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

// Restore takes connections again.
func (l *Link) Restore() {
	l.t.Helper()
	if err := l.proxy.Start(); err != nil {
		l.t.Fatal(err)
	}
}

// Spoil has things happen to what goes over the link.
func (l *Link) Spoil(toxics ...string) {
	l.t.Helper()
	for _, toxic := range toxics {
		if _, err := l.proxy.Toxics.AddToxicJson(strings.NewReader(toxic)); err != nil {
			l.t.Fatal(err)
		}
	}
}

// Heal undoes that. Connections over which something was lost are ended.
func (l *Link) Heal() { l.proxy.Toxics.ResetToxics(l.t.Context()) }
