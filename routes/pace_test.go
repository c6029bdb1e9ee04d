package routes_test

import (
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"testing"
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

func TestPace_IsPatientWithReadersThatPause(t *testing.T) {
	t.Parallel()
	address, sent := serveFiles(t, kit.Patience)
	c := askFile(t, address, "reader")
	body := <-sent
	select {
	case <-body.closed:
		t.Fatal("closed before it is read")
	case <-time.After(200 * time.Millisecond): // fills the buffers; less would test less
	}
	if a := c.readResponse(); len(a.body) != fileSize {
		t.Errorf("%d bytes", len(a.body))
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
