package routes

import (
	"net"
	"time"
)

// A client must read minRate bytes per second while there is something to read. It may fall behind by maxLag.
const (
	minRate = 8 << 10
	maxLag  = 30 * time.Second
)

// Pace returns a listener for the server whose connections end when their client reads too slowly. A response otherwise holds
// its resources for as long as the client likes: a file, a connection to the storage of files, a place among the caller's
// requests. A general write timeout would end long downloads and event streams.
func Pace(l net.Listener) net.Listener { return pacedListener{l, maxLag} }

type pacedListener struct {
	net.Listener

	maxLag time.Duration
}

// Accept returns the next connection.
func (l pacedListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &pacedConn{Conn: conn, maxLag: l.maxLag}, nil
}

// pacedConn adds up how much longer its writes have taken than minRate allows. The time between them does not count.
type pacedConn struct {
	net.Conn

	maxLag, lag time.Duration
}

// Write writes p, and fails when the client falls too far behind.
func (c *pacedConn) Write(p []byte) (int, error) {
	allowed, start := time.Duration(len(p))*time.Second/minRate, time.Now()
	if err := c.SetWriteDeadline(start.Add(allowed + c.maxLag - c.lag)); err != nil {
		return 0, err
	}
	n, err := c.Conn.Write(p)
	c.lag = max(0, c.lag+time.Since(start)-allowed)
	return n, err
}
