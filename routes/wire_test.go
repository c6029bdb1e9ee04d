package routes_test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"

	"lifecycle-sync/models"
	"lifecycle-sync/routes"
	"lifecycle-sync/test/kit"
)

// connectionTimeout is the timeout of a test's connection.
const connectionTimeout = 20 * time.Second

// connection is a raw connection.
type connection struct {
	net.Conn
	t *testing.T
	r *bufio.Reader
}

func dial(t *testing.T, address string) *connection {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(connectionTimeout)); err != nil {
		t.Fatal(err)
	}
	return &connection{conn, t, bufio.NewReader(conn)}
}

func (c *connection) send(text string) *connection {
	c.t.Helper()
	if _, err := io.WriteString(c, text); err != nil {
		c.t.Fatal(err)
	}
	return c
}

func (c *connection) readResponse() apiResponse {
	c.t.Helper()
	response, err := http.ReadResponse(c.r, nil) //nolint:bodyclose // read closes it
	if err != nil {
		c.t.Fatal(err)
	}
	return readResponse(c.t, response)
}

// wantClosed wants the server to close the connection, and ignores what it still sends.
func (c *connection) wantClosed() {
	c.t.Helper()
	if _, err := io.Copy(io.Discard, c.r); err != nil {
		if timeout, ok := err.(net.Error); ok && timeout.Timeout() { //nolint:errorlint // as net returns it
			c.t.Error("the connection is still open")
		}
	}
}

// startServer starts a server with routes that take no body and one that takes a body, until the test ends. Requests have half a
// second to arrive.
func startServer(t *testing.T) (address string) {
	t.Helper()
	web := newCustomSite(t, routes.Options{Access: &fakeAccess{}},
		routes.Route{Method: "GET", Path: base + "/read", Role: models.Reader, Timeout: routes.Brief, Handle: whoami},
		routes.Route{Method: "DELETE", Path: base + "/read", Role: models.Admin, Timeout: routes.Brief, Handle: whoami},
		routes.Route{Method: "POST", Path: base + "/upload", Role: models.Manager, Timeout: routes.Long, Handle: func(c *fiber.Ctx) error {
			n, err := io.Copy(io.Discard, c.Context().RequestBodyStream())
			if err != nil {
				return err
			}
			return c.JSON(map[string]string{"message": fmt.Sprint(n)})
		}},
		routes.Route{Method: "GET", Path: "/open", Timeout: routes.Brief, Handle: whoami},
	).web
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	web.Server().ReadTimeout = 500 * time.Millisecond
	result := make(chan error, 1)
	go func() { result <- web.Listener(listener) }()
	t.Cleanup(func() {
		if err := errors.Join(web.ShutdownWithTimeout(connectionTimeout), <-result); err != nil {
			t.Error(err)
		}
	})
	return listener.Addr().String()
}

const authHeader = " HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer "

func TestServer_SkipsUnreadBodies(t *testing.T) {
	t.Parallel()
	address := startServer(t)
	for request, want := range map[string]int{
		"GET " + base + "/read" + authHeader + "reader":     http.StatusOK,
		"DELETE " + base + "/read" + authHeader + "admin":   http.StatusOK,
		"DELETE " + base + "/read" + authHeader + "reader":  http.StatusForbidden,
		"POST " + base + "/upload" + authHeader + "reader":  http.StatusForbidden,
		"POST " + base + "/upload" + authHeader + "wrong":   http.StatusUnauthorized,
		"POST " + base + "/nothing" + authHeader + "reader": http.StatusNotFound,
		"PUT " + base + "/read" + authHeader + "reader":     http.StatusMethodNotAllowed,
		"POST /open" + authHeader + "wrong":                 http.StatusMethodNotAllowed,
	} {
		for _, kind := range []string{"application/json", "multipart/form-data; boundary=x", "application/x-www-form-urlencoded"} {
			c := dial(t, address).send(request + "\r\nContent-Type: " + kind + "\r\nContent-Length: 1073741824\r\n\r\n" + strings.Repeat("--x\r\n", 4096))
			a := c.readResponse()
			if a.StatusCode != want || !a.Close {
				t.Errorf("%.60s: %d, closes %t", request, a.StatusCode, a.Close)
			}
			wantHeaders(t, a, "no-store")
			c.wantClosed()
		}
	}
}

func TestServer_ClosesEndlessBodies(t *testing.T) {
	t.Parallel()
	address := startServer(t)
	chunk := []byte("10000\r\n" + strings.Repeat("x", 1<<16) + "\r\n")
	for _, request := range []string{"GET " + base + "/read" + authHeader + "reader", "POST " + base + "/upload" + authHeader + "wrong"} {
		c := dial(t, address).send(request + "\r\nTransfer-Encoding: chunked\r\n\r\n")
		sent := 0
		for ; sent < 64<<20; sent += len(chunk) {
			if _, err := c.Write(chunk); err != nil {
				break
			}
		}
		if sent >= 64<<20 {
			t.Errorf("%.60s: accepted %d bytes", request, sent)
		}
	}
}

func TestServer_ShutsDownWithAnOpenConnection(t *testing.T) {
	t.Parallel()
	if status, err := kit.Status(http.MethodGet, "http://"+startServer(t)+"/open", nil); err != nil || status != http.StatusOK {
		t.Errorf("%d, %v", status, err)
	}
}

func TestServer_KeepsConnectionsAfterSmallBodies(t *testing.T) {
	t.Parallel()
	c := dial(t, startServer(t))
	for range 3 {
		a := c.send("DELETE " + base + "/read" + authHeader + "admin\r\nContent-Length: 5\r\n\r\nhello").readResponse()
		if a.StatusCode != http.StatusOK || a.Close {
			t.Errorf("%d, closes %t", a.StatusCode, a.Close)
		}
	}
}

func TestServer_TimesOutSlowRequests(t *testing.T) {
	t.Parallel()
	address := startServer(t)
	for _, part := range []string{
		"G", "GET /open HTTP/1.1\r\nHost: localhost\r\nX-A: ", "GET " + base + "/read" + authHeader + "reader\r\nContent-Length: 10\r\n\r\nabc",
		"POST " + base + "/upload" + authHeader + "wrong\r\nContent-Length: 10\r\n\r\nabc", "POST " + base + "/upload" + authHeader + "wrong\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
	} {
		dial(t, address).send(part).wantClosed()
	}
}

func TestServer_GivesUploadsMoreTime(t *testing.T) {
	t.Parallel()
	address := startServer(t)
	slow := dial(t, address).send("POST " + base + "/upload" + authHeader + "manager\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")
	dial(t, address).send("GET /open HTTP/1.1\r\nHost: localhost\r\nX-A: ").wantClosed() // the ordinary timeout has passed
	if a := slow.send("6\r\n world\r\n0\r\n\r\n").readResponse(); a.StatusCode != http.StatusOK || a.json.Message != "11" {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
}

func TestServer_RejectsInvalidHeaders(t *testing.T) {
	t.Parallel()
	address := startServer(t)
	const smuggled = "GET /smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n"
	for head, want := range map[string]int{
		"GET /open HTTP/1.1\r\nHost: localhost\r\nX-A: " + strings.Repeat("a", 40<<10) + "\r\n\r\n": http.StatusRequestHeaderFieldsTooLarge,
		"GET /open HTTP/1.1\r\nHost: localhost\r\n" + strings.Repeat("A: b\r\n", 10<<10) + "\r\n":   http.StatusRequestHeaderFieldsTooLarge,
		"GET /" + strings.Repeat("a", 40<<10) + " HTTP/1.1\r\nHost: localhost\r\n\r\n":              http.StatusRequestHeaderFieldsTooLarge,
		"nonsense\r\n\r\n": http.StatusBadRequest,
		"POST /open HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n" + smuggled:                   http.StatusBadRequest,
		"POST /open HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n" + smuggled:                                       http.StatusBadRequest,
		"POST /open HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + smuggled: http.StatusMethodNotAllowed,
		"POST /open HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: gzip, chunked\r\n\r\n" + smuggled:                         http.StatusBadRequest,
	} {
		c := dial(t, address).send(head)
		a := c.readResponse()
		if a.StatusCode != want || a.json.Success == nil || *a.json.Success || a.json.RequestID == "" {
			t.Errorf("%.90q: %d %s", head, a.StatusCode, a.body)
		}
		wantHeaders(t, a, "no-store")
		rest, _ := io.ReadAll(c.r)
		if bytes.Contains(rest, []byte("HTTP/1.1")) {
			t.Errorf("%.90q: a second response: %s", head, rest)
		}
	}
}
