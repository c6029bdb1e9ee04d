package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/gofiber/fiber/v2"
)

const (
	apiPath  = "/api/product-lifecycle"
	bootTime = 10 * time.Minute // the first run compares every row
)

// site is an HTTP server on loopback. It must be closed.
type site struct {
	base     string
	close    func()
	requests int // cold ones so far, see unique
}

// unique numbers the cold requests of all measures to this server. The cache's key is the URL as it was sent, so each
// request writes its URL in a way that no request before it did, whichever measures ran first.
func (s *site) unique() int {
	s.requests++
	return s.requests
}

// cacheHits reads how many requests the server answered from its cache.
func (s *site) cacheHits(ctx context.Context) (string, error) {
	text, _, err := s.fetch(ctx, "/metrics")
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(string(text)) {
		if count, found := strings.CutPrefix(line, `lifecycle_cache_requests_total{result="hit"} `); found {
			return strings.TrimSpace(count), nil
		}
	}
	return "", errors.New("/metrics does not count cache hits")
}

// cold runs a measure none of whose requests may be answered from the server's cache.
func (s *site) cold(ctx context.Context, measure func() (figures, error)) (figures, error) {
	before, err := s.cacheHits(ctx)
	if err != nil {
		return figures{}, err
	}
	found, err := measure()
	if err != nil {
		return figures{}, err
	}
	after, err := s.cacheHits(ctx)
	if err == nil && before != after {
		err = fmt.Errorf("not cold: the server's cache had %s hits before and %s after", before, after)
	}
	return found, err
}

// fetch sends a request, which must be answered with 200, and returns the body and the time.
func (s *site) fetch(ctx context.Context, target string) ([]byte, time.Duration, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, s.base+target, http.NoBody)
	if err != nil {
		return nil, 0, err
	}
	start := time.Now()
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, 0, err
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	elapsed := time.Since(start)
	switch {
	case err != nil:
		return nil, 0, err
	case response.StatusCode == http.StatusNotFound:
		return nil, 0, skipped{target + " is not there"}
	case response.StatusCode != http.StatusOK:
		return nil, 0, fmt.Errorf("%s: %s %s", target, response.Status, body)
	}
	return body, elapsed, nil
}

// freePort is an unused port.
func freePort(ctx context.Context) (string, error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	_, port, err := net.SplitHostPort(listener.Addr().String())
	_ = listener.Close()
	return port, err
}

// launch starts a server on a free port, passed in PORT, and waits until it has printed the text ready and answers.
func (b *bench) launch(ctx context.Context, cmd *exec.Cmd, path, ready string) (*site, error) {
	port, err := freePort(ctx)
	if err != nil {
		return nil, err
	}
	cmd.Env = append(cmd.Environ(), "PORT="+port)
	// A file, because reading a pipe would keep this process busy.
	log, err := os.CreateTemp(b.dir, "*.log")
	if err != nil {
		return nil, err
	}
	defer func() { _ = log.Close() }() // the program keeps its own handle
	written := func() []byte {
		text, _ := os.ReadFile(log.Name()) // unreadable means not ready
		return text
	}
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	s := &site{base: "http://127.0.0.1:" + port, close: func() {
		_ = cmd.Process.Signal(syscall.SIGTERM) // it may have ended
		<-ended                                 //nolint:errcheck // only the end matters
	}}
	for deadline := time.Now().Add(bootTime); ; {
		select {
		case err := <-ended:
			return nil, failure(cmd, fmt.Errorf("it ended: %w", err), written())
		case <-time.After(50 * time.Millisecond):
		}
		if bytes.Contains(written(), []byte(ready)) {
			if _, _, err := s.fetch(ctx, path); err == nil {
				return s, nil
			}
		}
		if ctx.Err() != nil || time.Now().After(deadline) {
			s.close()
			return nil, failure(cmd, fmt.Errorf("it does not serve: %w", context.DeadlineExceeded), written())
		}
	}
}

// serve starts lifecycle-sync serve on our mirror and waits until its first run has ended.
func (a *arena) serve(ctx context.Context) (*site, error) {
	return a.bench.launch(ctx, a.command(ctx, a.ours, "serve"), apiPath+"/products", "Serving http")
}

// serveNode starts the Node server that answers the list from our mirror.
func (a *arena) serveNode(ctx context.Context) (*site, error) {
	if err := a.bench.installPackage(ctx, "nodelist"); err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, "node", "server.mjs")
	cmd.Dir = a.bench.folder("nodelist")
	cmd.Env = append(cmd.Environ(), "PMO_DATABASE_URL="+a.server.URL(a.ours))
	return a.bench.launch(ctx, cmd, apiPath+"/products", "")
}

// serveMemory serves a body from memory with Fiber, in this process.
func serveMemory(ctx context.Context, body []byte) (*site, error) {
	web := fiber.New(fiber.Config{DisableStartupMessage: true})
	web.Get(apiPath+"/products", func(c *fiber.Ctx) error {
		c.Set(fiber.HeaderContentType, fiber.MIMEApplicationJSON)
		return c.Send(body)
	})
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = web.Listener(listener) // its client notices an error
	}()
	return &site{base: "http://" + listener.Addr().String(), close: func() {
		_ = web.ShutdownWithTimeout(time.Second) // wrk, its only client, has ended
		<-ended
	}}, nil
}

// pageNumber writes a page's number with leading zeros, n of them.
func pageNumber(page, n int) string { return strings.Repeat("0", n) + strconv.Itoa(page) }
