package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
)

// wrk's settings. One thread leaves a processor to the server on a small machine.
const (
	wrkConnections = "16"
	wrkDuration    = "5s"
)

// throughput compares the requests per second of a cached list with those of a yardstick that serves the same bytes. wrk
// loads one at a time.
type throughput struct {
	yardstick func(ctx context.Context, a *arena, body []byte) (*site, error)
}

func (t throughput) measure(ctx context.Context, a *arena, m measure) (figures, error) {
	if err := a.bench.installWrk(ctx); err != nil {
		return figures{}, err
	}
	if _, err := measured(a.command(ctx, a.ours, "sync")); err != nil {
		return figures{}, err
	}
	const target = apiPath + "/products"
	var ours, theirs []float64
	for round := range m.runs {
		us, body, err := against(ctx, target, a.serve)
		if err != nil {
			return figures{}, err
		}
		them, same, err := against(ctx, target, func(ctx context.Context) (*site, error) { return t.yardstick(ctx, a, body) })
		if err != nil {
			return figures{}, err
		}
		if !bytes.Equal(unescaped(body), unescaped(same)) {
			return figures{}, fmt.Errorf("%s does not answer the same bytes:\n%s\nours:\n%s", m.against, same, body)
		}
		ours, theirs = append(ours, us), append(theirs, them)
		a.bench.say("%s, run %d of %d: %.0f requests/s; %s: %.0f", m.name, round+1, m.runs, us, m.against, them)
	}
	return figures{middle(ours), middle(theirs)}, nil
}

// unescaped undoes the escaping of &, < and > in Go's JSON.
func unescaped(body []byte) []byte {
	return []byte(strings.NewReplacer(`\u0026`, "&", `\u003c`, "<", `\u003e`, ">").Replace(string(body)))
}

// byNode serves the list from our mirror.
func byNode(ctx context.Context, a *arena, _ []byte) (*site, error) { return a.serveNode(ctx) }

// fromMemory serves the body that our server returned.
func fromMemory(ctx context.Context, _ *arena, body []byte) (*site, error) {
	return serveMemory(ctx, body)
}

// against starts a site, warms it up, and returns its requests per second and the body.
func against(ctx context.Context, target string, start func(context.Context) (*site, error)) (perSecond float64, body []byte, err error) {
	s, err := start(ctx)
	if err != nil {
		return 0, nil, err
	}
	defer s.close()
	if body, _, err = s.fetch(ctx, target); err != nil {
		return 0, nil, err
	}
	for _, duration := range []string{"1s", wrkDuration} {
		if perSecond, err = wrk(ctx, duration, s.base+target); err != nil {
			return 0, nil, err
		}
	}
	return perSecond, body, nil
}

// wrk loads a URL and returns the requests per second, all of which must be answered with 200.
func wrk(ctx context.Context, duration, address string) (float64, error) {
	text, err := output(exec.CommandContext(ctx, "wrk", "-t1", "-c"+wrkConnections, "-d"+duration, address))
	if err != nil {
		return 0, err
	}
	if strings.Contains(text, "Non-2xx") || strings.Contains(text, "Socket errors") {
		return 0, fmt.Errorf("%s did not answer well:\n%s", address, text)
	}
	for line := range strings.Lines(text) {
		if number, found := strings.CutPrefix(line, "Requests/sec:"); found {
			return strconv.ParseFloat(strings.TrimSpace(number), 64)
		}
	}
	return 0, errors.New("wrk printed no requests a second:\n" + text)
}

// installWrk installs wrk if it is missing. Errors: skipped when that is not possible.
func (b *bench) installWrk(ctx context.Context) error {
	if _, err := exec.LookPath("wrk"); err == nil {
		return nil
	}
	b.say("installing wrk")
	args := []string{"apt-get", "install", "-y", "-qq", "--no-install-recommends", "wrk"}
	if os.Getuid() != 0 {
		args = append([]string{"sudo", "-n"}, args...)
	}
	if _, err := measured(exec.CommandContext(ctx, args[0], args[1:]...)); err != nil {
		return skipped{"wrk is not installed (Debian, Ubuntu: apt-get install wrk)"}
	}
	return nil
}

// middle is the middle value, or the lower of the two middle values.
func middle(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[(len(sorted)-1)/2]
}
