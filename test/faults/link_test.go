package faults_test

import (
	"net/url"
	"strings"
	"testing"

	toxiproxy "github.com/Shopify/toxiproxy/v2"
	"github.com/rs/zerolog"
)

// link is the network between the program and a database, which can be spoiled.
type link struct {
	t     testing.TB
	url   string // of the database, through the link
	proxy *toxiproxy.Proxy
}

// newLink leads to the database of a URL.
func newLink(t testing.TB, database string) *link {
	t.Helper()
	u, err := url.Parse(database)
	if err != nil {
		t.Fatal("the test server's URL is none")
	}
	server := toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), zerolog.Nop())
	l := &link{t: t, proxy: toxiproxy.NewProxy(server, t.Name(), "127.0.0.1:0", u.Host)}
	l.restore()
	t.Cleanup(l.cut)
	u.Host = l.proxy.Listen
	l.url = u.String()
	return l
}

// cut ends every connection and refuses new ones.
func (l *link) cut() { l.proxy.Stop() }

// restore takes connections again.
func (l *link) restore() {
	l.t.Helper()
	if err := l.proxy.Start(); err != nil {
		l.t.Fatal(err)
	}
}

// spoil has something happen to what goes over the link; each takes the name and settings of a toxic, as JSON.
func (l *link) spoil(toxics ...string) {
	l.t.Helper()
	for _, toxic := range toxics {
		if _, err := l.proxy.Toxics.AddToxicJson(strings.NewReader(toxic)); err != nil {
			l.t.Fatal(err)
		}
	}
}

// heal undoes that.
func (l *link) heal() { l.proxy.Toxics.ResetToxics(l.t.Context()) }

// What can be spoilt.
const (
	reset     = `{"name": "reset", "type": "reset_peer", "stream": "downstream"}`
	swallowed = `{"name": "swallowed", "type": "timeout", "stream": "downstream"}` // what the server says is lost, and nobody is told
	unheard   = `{"name": "unheard", "type": "timeout", "stream": "upstream"}`     // likewise, what we say
	slowDown  = `{"name": "slow down", "type": "bandwidth", "stream": "downstream", "attributes": {"rate": 300}}`
	slowUp    = `{"name": "slow up", "type": "bandwidth", "stream": "upstream", "attributes": {"rate": 300}}`
	delayed   = `{"name": "delayed", "type": "latency", "stream": "downstream", "attributes": {"latency": 50, "jitter": 20}}`
)
