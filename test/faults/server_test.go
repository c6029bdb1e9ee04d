package faults_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"lifecycle-sync/test/kit"
	"lifecycle-sync/test/kit/program"
	"lifecycle-sync/test/kit/testdb"
)

func TestServer_DatabaseRestartDuringRun(t *testing.T) {
	t.Parallel()
	for _, c := range kit.Daily(t, 1, [2]string{"fast", "lifecycle_db"}, [2]string{"immediate", "pmo_db"},
		[2]string{"immediate", "lifecycle_db"}, [2]string{"fast", "pmo_db"}) {
		mode, name := c[0], c[1]
		t.Run(mode+" "+name, func(t *testing.T) {
			t.Parallel()
			server := testdb.NewCluster(t)
			source, target := server.Database(t), testdb.Postgres(t)
			if name == "pmo_db" {
				source, target = target, source
			}
			s := siteOn(t, source, target)
			run, release := s.startBlockedRun()
			server.Stop(mode)
			release()
			run.Says("⏳ " + name + ": ")
			server.Start()
			run.Ends(0, "Retrying in ")
			s.wantRetry()
			s.wantRecovery()
		})
	}
}

func TestServer_DatabaseRestartDuringReads(t *testing.T) {
	t.Parallel()
	server := testdb.NewCluster(t)
	s := siteOn(t, testdb.Postgres(t), server.Database(t))
	v := s.serve()
	for range 3 {
		v.readAll(http.StatusOK)
		server.Stop("fast")
		v.readAll(http.StatusServiceUnavailable)
		server.Start()
		v.readAll(http.StatusOK)
	}
	v.end()
	s.wantRecovery()
}

func TestServer_SourceUnreachable(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	source, _ := s.throughLinks()
	v := s.serve()
	s.change()
	release, awaited := kit.Lock(s, s.source, "LOCK TABLE tbl_stage_histori IN ACCESS EXCLUSIVE MODE")
	if status := v.send(http.MethodPost, "/sync", ""); status != http.StatusAccepted {
		t.Fatalf("POST /sync: %d", status)
	}
	s.Eventually("the run waits", awaited)
	source.Cut()
	release()
	v.Says("sync retry")
	v.readAll(http.StatusOK)
	if status := v.send(http.MethodPost, "/products", uji); status != http.StatusServiceUnavailable {
		t.Errorf("a write: %d", status)
	}
	source.Restore()
	s.Eventually("the run succeeds", func() bool { return s.lastRun().state == "succeeded" })
	s.wantRetry()
	v.end()
	s.wantRecovery()
}

func TestServer_RunIsRefusedWhileMirrorIsUnreachable(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	_, target := s.throughLinks()
	v := s.serve()
	target.Cut()
	if status := v.send(http.MethodPost, "/sync", ""); status != http.StatusServiceUnavailable {
		t.Errorf("POST /sync: %d", status)
	}
	target.Restore()
	s.Eventually("a run begins", func() bool { return v.send(http.MethodPost, "/sync", "") == http.StatusAccepted })
	s.Eventually("the run succeeds", func() bool { return s.lastRun().state == "succeeded" })
	v.end()
	s.wantRecovery()
}

func TestServer_PoolExhausted(t *testing.T) {
	t.Parallel()
	kit.Rare(t)
	s := newSite(t)
	v := s.serve()
	release, awaited := kit.Lock(s, s.target, "LOCK TABLE lifecycle_attachments IN ACCESS EXCLUSIVE MODE")
	var readers sync.WaitGroup
	for page := range 20 { // more than there are connections
		readers.Go(func() {
			status, answer, err := do(v.Address(), http.MethodGet, api+fmt.Sprintf("/products?limit=1&page=%d", page+1), "")
			if err != nil || status != http.StatusServiceUnavailable || !strings.Contains(answer, "Retry-After") {
				t.Errorf("a reader: %d %s %v", status, answer, err)
			}
		})
	}
	s.Eventually("readers wait", awaited)
	if status, _, err := do(v.Address(), http.MethodGet, "/livez", ""); err != nil || status != http.StatusOK {
		t.Errorf("/livez: %d %v", status, err)
	}
	s.change()
	if status := v.send(http.MethodPost, "/sync", ""); status != http.StatusAccepted { // runs have connections of their own
		t.Errorf("POST /sync: %d", status)
	}
	readers.Wait()
	release()
	s.Eventually("the run succeeds", func() bool { return s.lastRun().state == "succeeded" })
	v.readAll(http.StatusOK)
	v.end()
	s.wantRecovery()
}

const api = "/api/product-lifecycle"

// uji is a product as JSON.
const uji = `{"produk":"Uji","id_kategori":1,"id_segmen":1,"id_stage":1}`

// server is the program as a server within the test's process.
type server struct {
	*program.Running

	s *site
}

// serve starts a server with further settings.
func (s *site) serve(env ...string) *server {
	s.Helper()
	s.Set(append(env, "PORT=0")...)
	v := &server{s.Begin("serve"), s}
	v.Says("Serving http://")
	return v
}

// do sends a request.
func do(address, method, path, body string, headers ...string) (status int, answer string, err error) {
	if body != "" {
		headers = append([]string{"Content-Type", "application/json"}, headers...)
	}
	r, err := kit.NewRequest(method, "http://"+address+path, strings.NewReader(body), headers...)
	if err != nil {
		return 0, "", err
	}
	response, content, err := kit.Send(r) //nolint:bodyclose // Send has closed it
	if err != nil {
		return 0, "", err
	}
	return response.StatusCode, fmt.Sprint(response.Header, string(content)), nil
}

// send sends a request to the API and returns its answer's status.
func (v *server) send(method, path, body string, headers ...string) int {
	v.s.Helper()
	status, _, err := do(v.Address(), method, api+path, body, headers...)
	if err != nil {
		v.s.Fatal(err)
	}
	return status
}

// readAll sends several uncached reads at once and wants one status for all.
func (v *server) readAll(status int) {
	v.s.Helper()
	var readers sync.WaitGroup
	for id := range 9 {
		readers.Go(func() {
			got, _, err := do(v.Address(), http.MethodGet, api+fmt.Sprintf("/stage-history?page=%d", id+1), "")
			if err != nil || got != status {
				v.s.Errorf("a reader: %d %v, want %d\n%s", got, err, status, v)
			}
		})
	}
	readers.Wait()
}

// end stops the server and waits.
func (v *server) end() {
	v.s.Helper()
	v.Cancel()
	v.Ends(0)
}
