package api_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"lifecycle-sync/test/kit"
)

// stream is an open stream of server-sent events.
type stream struct {
	t        testing.TB
	response *http.Response
	lines    *bufio.Scanner
	close    context.CancelFunc
}

type event struct {
	id, name string
	data     json.RawMessage
}

// events opens the stream of sync events.
func (s *site) events(after string) *stream {
	s.t.Helper()
	return s.stream("/sync/events", after)
}

// stream opens a stream of events, when the caller has few enough; after is the id of the last event that was received, or "".
func (s *site) stream(path, after string) *stream {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), time.Minute)
	s.t.Cleanup(cancel)
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.Address+base+path, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	if s.token != "" {
		r.Header.Set("Authorization", "Bearer "+s.token)
	}
	if after != "" {
		r.Header.Set("Last-Event-ID", after)
	}
	var response *http.Response
	s.Eventually("a stream is free", func() bool {
		opened, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(r)
		if err != nil {
			s.t.Fatal(err)
		}
		s.t.Cleanup(func() { _ = opened.Body.Close() })
		response = opened
		return opened.StatusCode != http.StatusTooManyRequests
	})
	if response.StatusCode != http.StatusOK || response.Header.Get("Content-Type") != "text/event-stream" || response.Header.Get("Cache-Control") != "no-store" ||
		response.Header.Get("X-Accel-Buffering") != "no" || response.Header.Get("ETag") != "" {
		s.t.Fatalf("%d %v", response.StatusCode, response.Header)
	}
	return &stream{t: s.t, response: response, lines: bufio.NewScanner(response.Body), close: cancel}
}

// next reads one event; ok is false at the end of the stream.
func (s *stream) next() (e event, ok bool) {
	s.t.Helper()
	for s.lines.Scan() {
		field, value, _ := strings.Cut(s.lines.Text(), ": ")
		switch field {
		case "id":
			e.id = value
		case "event":
			e.name = value
		case "data":
			e.data = json.RawMessage(value)
		case "":
			if e.name != "" {
				return e, true
			}
		}
	}
	return event{}, false
}

// until reads up to an event of a name and returns all events.
func (s *stream) until(name string) (all []event) {
	s.t.Helper()
	for {
		e, ok := s.next()
		if !ok {
			s.t.Fatalf("the stream ended before %s: %v", name, s.lines.Err())
		}
		if all = append(all, e); e.name == name {
			return all
		}
	}
}

func TestSyncEvents_StreamRuns(t *testing.T) { //nolint:gocyclo // one story, step by step
	t.Parallel()
	eachSite(t, func(t *testing.T, s *site) {
		live := s.events("")
		first, _ := live.next()
		var status syncStatus
		if err := json.Unmarshal(first.data, &status); err != nil || first.name != "state" || status.State != "healthy" {
			t.Fatalf("%+v", first)
		}
		run := s.postAccepted("/sync", "")
		all := live.until("finished")
		counts := map[string]int{}
		process, number, _ := strings.Cut(first.id, "-")
		last, err := strconv.Atoi(number)
		for i, e := range all {
			counts[e.name]++
			if want := fmt.Sprintf("%s-%d", process, last+1+i); err != nil || e.id != want {
				t.Errorf("event %s, want %s", e.id, want)
			}
		}
		if counts["progress"] < 5 || counts["table"] != 5 {
			t.Errorf("%v", counts)
		}
		var done syncRun
		if err := json.Unmarshal(all[len(all)-1].data, &done); err != nil || done.Run != run.Run || done.State != "succeeded" || len(done.Tables) != 5 || done.Tables[0].Table != "tbl_segmen" {
			t.Errorf("%s", all[len(all)-1].data)
		}
		for _, e := range all {
			var progress struct {
				Run         int64
				Table       string
				Done, Total *int64
				Unchanged   *int64
			}
			if err := json.Unmarshal(e.data, &progress); err != nil {
				t.Fatal(err)
			}
			if (e.name == "progress" && (progress.Done == nil || progress.Total == nil) || e.name == "table" && progress.Unchanged == nil) || e.name != "state" && e.name != "finished" && (progress.Run != run.Run || !strings.HasPrefix(progress.Table, "tbl_")) {
				t.Errorf("%s %s", e.name, e.data)
			}
		}
		live.close()

		resumed := s.events(all[2].id).until("finished")
		if len(resumed) != len(all)-3 || resumed[0].id != all[3].id || string(resumed[len(resumed)-1].data) != string(all[len(all)-1].data) {
			t.Errorf("resumed after %s with %v of %v", all[2].id, resumed, all)
		}
		for _, unknown := range []string{"other-3", "x", process + "-99999"} {
			first, _ := s.events(unknown).next()
			if first.name != "state" {
				t.Errorf("after the unknown %s: %+v", unknown, first)
			}
		}
		other := s.events("")
		other.until("state")
		s.Command("sync") // in another process
		for {
			states := other.until("state")
			if err := json.Unmarshal(states[len(states)-1].data, &status); err != nil {
				t.Fatal(err)
			}
			if status.LastRun.Run > run.Run && status.State == "healthy" {
				return
			}
		}
	})
}

// wantEndWithClient closes only the client's side, to see that the stream ends before anything else is written.
func (s *site) wantEndWithClient() {
	s.t.Helper()
	conn, err := net.Dial("tcp", s.Address)
	if err != nil {
		s.t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(kit.Patience))
	_, _ = fmt.Fprintf(conn, "GET %s/sync/events HTTP/1.1\r\nHost: %s\r\n\r\n", base, s.Address)
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		s.t.Fatal(err)
	}
	defer response.Body.Close()
	live := &stream{t: s.t, response: response, lines: bufio.NewScanner(response.Body)}
	live.until("state")
	if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
		s.t.Fatal(err)
	}
	for live.lines.Scan() {
		if strings.Contains(live.lines.Text(), "heartbeat") {
			s.t.Fatal("the stream goes on after its client has closed")
		}
	}
	if err := live.lines.Err(); err != nil {
		s.t.Error(err)
	}
}

func TestSyncEvents_AreBoundedAndEndForGoneAndSlowClients(t *testing.T) {
	t.Parallel()
	eachSite(t, func(t *testing.T, s *site) {
		var open []*stream
		for range 20 {
			open = append(open, s.events(""))
		}
		response := s.do(http.MethodGet, base+"/sync/events", nil).want(t, http.StatusTooManyRequests, "rate_limited")
		if response.Header.Get("Retry-After") == "" {
			t.Error("no Retry-After")
		}
		for _, o := range open {
			o.close()
		}
		for range 5 {
			closed := s.events("")
			closed.until("state")
			_ = closed.response.Body.Close()
			conn, err := net.Dial("tcp", s.Address) // never reads
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = conn.Close() })
			_, _ = fmt.Fprintf(conn, "GET %s/sync/events HTTP/1.1\r\nHost: %s\r\n\r\n", base, s.Address)
		}
		for range 3 {
			if run := s.runSync(""); run.State != "succeeded" {
				t.Errorf("%+v", run)
			}
		}
		s.wantEndWithClient()
		if head := s.do(http.MethodHead, base+"/sync/events", nil); head.StatusCode != http.StatusOK || len(head.body) != 0 {
			t.Errorf("HEAD: %d %s", head.StatusCode, head.body)
		}
	})
}
