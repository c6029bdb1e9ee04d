package routes_test

import (
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gofiber/fiber/v2"

	"lifecycle-sync/models"
	"lifecycle-sync/routes"
	"lifecycle-sync/test/kit"
)

// fileSize is more than the systems at both ends of a connection buffer.
const fileSize = 32 << 20

// bodyReader is a large file that reports when it is closed.
type bodyReader struct {
	io.Reader

	closed chan struct{}
}

func (b bodyReader) Close() error {
	close(b.closed)
	return nil
}

// serveFiles starts a server whose clients may fall behind by maxLag, with a limited route that sends large files.
func serveFiles(t *testing.T, maxLag time.Duration) (address string, sent chan bodyReader) {
	t.Helper()
	sent = make(chan bodyReader, 10)
	web := newCustomSite(t, routes.Options{Access: &fakeAccess{}}, routes.Route{Method: "GET", Path: base + "/file", Role: models.Reader, Limit: routes.Exports, Handle: func(c *fiber.Ctx) error {
		body := bodyReader{bytes.NewReader(make([]byte, fileSize)), make(chan struct{})}
		sent <- body
		return c.SendStream(body, fileSize)
	}}).web
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	result := make(chan error, 1)
	go func() { result <- web.Listener(routes.PaceWithin(listener, maxLag)) }()
	t.Cleanup(func() {
		if err := errors.Join(web.ShutdownWithTimeout(connectionTimeout), <-result); err != nil {
			t.Error(err)
		}
	})
	return listener.Addr().String(), sent
}

// askFile asks for a file as a caller and reads nothing.
func askFile(t *testing.T, address, token string) *connection {
	t.Helper()
	return dial(t, address).send("GET " + base + "/file" + authHeader + token + "\r\n\r\n")
}

func TestPace_EndsConnectionsOfSlowReaders(t *testing.T) {
	t.Parallel()
	address, sent := serveFiles(t, 100*time.Millisecond)
	c := askFile(t, address, "reader")
	select {
	case <-(<-sent).closed:
	case <-time.After(kit.Patience):
		t.Fatal("the file stays open")
	}
	if n, err := io.Copy(io.Discard, c.r); err == nil && n >= fileSize {
		t.Error("the whole file arrives")
	}
}

// oneConnection is a listener for one connection.
type oneConnection struct {
	net.Listener

	conn net.Conn
}

// Accept implements net.Listener.
func (l oneConnection) Accept() (net.Conn, error) { return l.conn, nil }

// TestPace_AddsUpHowFarReadersFallBehind writes to a client that needs some time for each part, at the rate of 8 KiB per second.
func TestPace_AddsUpHowFarReadersFallBehind(t *testing.T) {
	t.Parallel()
	type part struct {
		pause time.Duration // before the server writes
		size  int
		took  time.Duration // until the client reads
	}
	const second = 8 << 10 // bytes
	for name, c := range map[string]struct {
		parts []part
		cut   time.Duration // after the start of the last part; 0 if the client reads everything
	}{
		"a pause":             {[]part{{0, second, 30 * time.Second}}, 0},
		"no reader":           {[]part{{0, second, time.Hour}}, 31 * time.Second},
		"a large part":        {[]part{{0, 60 * second, 89 * time.Second}}, 0},
		"many short delays":   {[]part{{0, second, 20 * time.Second}, {0, second, 11 * time.Second}, {0, second, 3 * time.Second}}, 2 * time.Second},
		"a client catches up": {[]part{{0, second, 30 * time.Second}, {0, 60 * second, 0}, {0, second, 30 * time.Second}}, 0},
		"fast once, then not": {[]part{{0, 60 * second, 0}, {0, second, time.Hour}}, 31 * time.Second},
		"an idle server":      {[]part{{time.Hour, second, 30 * time.Second}, {time.Hour, second, time.Second}}, 0},
	} {
		synctest.Test(t, func(t *testing.T) {
			server, client := net.Pipe()
			var reading sync.WaitGroup
			defer func() {
				_ = server.Close()
				reading.Wait()
			}()
			conn, err := routes.Pace(oneConnection{conn: server}).Accept()
			if err != nil {
				t.Fatal(err)
			}
			for i, p := range c.parts {
				time.Sleep(p.pause) // of the bubble's clock
				start := time.Now()
				reading.Go(func() {
					time.Sleep(p.took)
					_, _ = io.CopyN(io.Discard, client, int64(p.size))
				})
				_, err := conn.Write(make([]byte, p.size))
				took := time.Since(start)
				if cut := c.cut > 0 && i == len(c.parts)-1; cut && (!errors.Is(err, os.ErrDeadlineExceeded) || took != c.cut) || !cut && (err != nil || took != p.took) {
					t.Errorf("%s: part %d is over after %s: %v", name, i, took, err)
				}
			}
		})
	}
}

func TestLimit_CountsExportsUntilTheyAreRead(t *testing.T) {
	t.Parallel()
	address, sent := serveFiles(t, kit.Patience)
	first, second := askFile(t, address, "reader-1"), askFile(t, address, "reader-1")
	<-sent
	<-sent
	third := askFile(t, address, "reader-1").readResponse()
	if third.StatusCode != http.StatusTooManyRequests || third.json.Code != "rate_limited" || third.Header.Get("Retry-After") == "" {
		t.Errorf("a third one: %d %v %s", third.StatusCode, third.Header, third.body)
	}
	if other := askFile(t, address, "reader-2").readResponse(); other.StatusCode != http.StatusOK || len(other.body) != fileSize {
		t.Errorf("another caller: %d", other.StatusCode)
	}
	if a := first.readResponse(); len(a.body) != fileSize {
		t.Errorf("%d bytes", len(a.body))
	}
	_ = second.Close() // before the end
	for range 2 {
		kit.Eventually(t, "another export", func() bool {
			a := askFile(t, address, "reader-1").readResponse()
			return a.StatusCode == http.StatusOK && len(a.body) == fileSize
		})
	}
}
