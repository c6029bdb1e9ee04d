package api_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"lifecycle-sync/test/kit"
	"lifecycle-sync/test/kit/testdb"
)

// slowReader has read only the head of a response.
type slowReader struct {
	net.Conn

	response *http.Response
}

// slowExport asks for an export over a connection with a small buffer.
func (s *site) slowExport(token string) slowReader {
	s.t.Helper()
	conn, err := net.Dial("tcp", s.Address)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = conn.Close() })
	if err := conn.(*net.TCPConn).SetReadBuffer(4 << 10); err != nil {
		s.t.Fatal(err)
	}
	_, _ = fmt.Fprintf(conn, "GET %s/products/export.csv?sort=id HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\n\r\n", base, s.Address, token)
	response, err := http.ReadResponse(bufio.NewReaderSize(conn, 1<<10), nil) //nolint:bodyclose // the connection is closed
	if err != nil || response.StatusCode != http.StatusOK || response.ContentLength < 20<<20 {
		s.t.Fatalf("%+v, %v", response, err)
	}
	return slowReader{conn, response}
}

// TestExports_SlowReadersHoldNothing has as many slow readers as two callers may be: they hold no connection of the database
// and no snapshot, and leave no file. Others are served as ever.
func TestExports_SlowReadersHoldNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := newSite(t, testdb.Postgres, append([]string{"DATA_DIR=" + dir}, withTokens...)...)
	exec(t, s.target, "INSERT INTO tbl_produk_lifecycle (id, produk, deskripsi) SELECT i, 'P ' || i, repeat('x', 500) FROM generate_series(10001, 60000) AS g(i)")
	readers := []string{s.Token("Staff"), s.Token("Project Manager")}
	var slow []slowReader
	for _, token := range readers {
		for range 2 {
			slow = append(slow, s.slowExport(token))
		}
		s.token = token
		refused := s.do(http.MethodGet, base+"/products/export.xlsx", nil).want(t, http.StatusTooManyRequests, "rate_limited")
		if refused.Header.Get("Retry-After") == "" {
			t.Errorf("no Retry-After: %v", refused.Header)
		}
		s.get("/products?search=p")
	}
	wantNothingHeld := func() {
		t.Helper()
		const held = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() AND (xact_start IS NOT NULL OR backend_xmin IS NOT NULL)"
		s.Eventually("no transaction is open", func() bool { return queryOne[int](t, s.target, held) == 0 }) // background jobs end theirs
		if files, err := os.ReadDir(filepath.Join(dir, "exports")); err != nil || len(files) > 0 {
			t.Errorf("files %v, %v", files, err)
		}
	}
	wantNothingHeld()
	s.token = s.Token("Admin")
	for _, path := range []string{"/products/export.csv", "/products/export.xlsx?search=p", "/products?search=p+9", "/products/10001", "/dashboard", "/stage-history", "/sync/runs", "/dropdowns"} {
		s.get(path)
	}
	if kit.IsLong() { // slow readers are cut off after half a minute
		s.token = readers[0]
		s.Eventually("a slow reader is cut off", func() bool { return s.do(http.MethodGet, base+"/products/export.csv", nil).StatusCode == http.StatusOK })
		if n, err := io.Copy(io.Discard, slow[0].response.Body); err == nil {
			t.Errorf("a slow reader gets all %d bytes", n)
		}
		wantNothingHeld()
	}
	for _, reader := range slow {
		_ = reader.Close()
	}
	s.Stop()
	if strings.Contains(s.Logs.String(), "level=ERROR") {
		t.Errorf("an error is logged:\n%s", s.Logs)
	}
}

// TestReads_WaitForAConnection gives the role of pmo_db no connection: requests wait, then fail as an overload.
func TestReads_WaitForAConnection(t *testing.T) {
	t.Parallel()
	s, owner, role := newSiteOfRole(t)
	exec(t, owner, "ALTER ROLE "+role+" CONNECTION LIMIT 0")
	exec(t, owner, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = $1", role)
	a := s.do(http.MethodGet, base+"/products?limit=3", nil).want(t, http.StatusServiceUnavailable, "unavailable")
	if a.Header.Get("Retry-After") == "" || !strings.HasPrefix(a.json.Message, "Too many requests") {
		t.Errorf("%v %s", a.Header, a.body)
	}
	if !strings.Contains(s.Logs.String(), `level=WARN msg="request failed" request_id=`+a.json.RequestID) {
		t.Errorf("the failure is not logged as a warning:\n%s", s.Logs)
	}
	s.do(http.MethodGet, "/livez", nil).want(t, http.StatusOK)
	exec(t, owner, "ALTER ROLE "+role+" CONNECTION LIMIT -1")
	s.get("/products?limit=3")
}
