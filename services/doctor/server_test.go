package doctor_test

import (
	"crypto/rand"
	"io"
	"net"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgproto3"

	"lifecycle-sync/services/doctor"
)

// unreachable is a reason why lifecycle_db cannot be used, and the check that reports it.
type unreachable struct {
	name            string
	url             func(l *fixture) string
	finding         string
	text, command   string
	before          []string // earlier checks, which pass
	statement, undo string
}

var ways = []unreachable{
	{name: "PostgreSQL does not run", finding: "lifecycle_db.reachable", text: "connection refused",
		url: func(l *fixture) string { return changed(l, l.SourceURL, func(u *url.URL) { u.Host = "127.0.0.1:1" }) }},
	{name: "host not known", finding: "lifecycle_db.reachable", text: "database.host_unknown",
		url: func(l *fixture) string {
			return changed(l, l.SourceURL, func(u *url.URL) { u.Host = "no.such.host.invalid" })
		}},
	{name: "no answer", finding: "lifecycle_db.reachable", text: "doctor.timeout limit=3s",
		url: func(l *fixture) string { return changed(l, l.SourceURL, func(u *url.URL) { u.Host = silentServer(l) }) }},
	{name: "wrong password", finding: "lifecycle_db.credentials", text: "refused", before: []string{"lifecycle_db.reachable"},
		url: func(l *fixture) string {
			return changed(l, l.SourceURL, func(u *url.URL) { u.User = url.UserPassword(l.reader, "salah") })
		}},
	{name: "no such user", finding: "lifecycle_db.credentials", text: "refused", before: []string{"lifecycle_db.reachable"},
		url: func(l *fixture) string {
			return changed(l, l.SourceURL, func(u *url.URL) { u.User = url.UserPassword("siapa", "salah") })
		}},
	{name: "no such database", finding: "lifecycle_db.database", text: "database.no_database", before: []string{"lifecycle_db.reachable", "lifecycle_db.credentials"},
		url: func(l *fixture) string { return changed(l, l.SourceURL, func(u *url.URL) { u.Path = "/tidak_ada" }) }},
	{name: "may not connect", finding: "lifecycle_db.database", text: "doctor.connect_denied", command: "GRANT CONNECT ON DATABASE", before: []string{"lifecycle_db.reachable", "lifecycle_db.credentials"},
		url:       func(l *fixture) string { return l.SourceURL },
		statement: "DO $$ BEGIN EXECUTE 'REVOKE CONNECT ON DATABASE ' || current_database() || ' FROM PUBLIC'; END $$",
		undo:      "DO $$ BEGIN EXECUTE 'GRANT CONNECT ON DATABASE ' || current_database() || ' TO PUBLIC'; END $$"},
}

func TestDiagnose_ReportsWhyADatabaseIsUnreachableAndSkipsTheRest(t *testing.T) {
	t.Parallel()
	l := newFixture(t)
	right, all := l.SourceURL, len(l.diagnose())
	for _, way := range ways {
		t.Run(way.name, func(t *testing.T) {
			one := *l
			one.TB = t
			one.SourceURL = way.url(&one)
			if way.statement != "" {
				one.execSource(way.statement)
			}
			if strings.HasPrefix(way.text, "doctor.timeout") {
				one.options.CheckTime = 3 * time.Second
			}
			one.connect()
			findings := one.diagnose()
			found := issues(findings)
			if len(found) != 1 || found[0].Name != way.finding || !found[0].BlocksRuns || !has(found[0], doctor.Problem, way.text, way.command) {
				t.Fatalf("%+v", found)
			}
			one.checkOthers(findings, way)
			if len(findings) != all {
				t.Errorf("%d findings, %d in health", len(findings), all)
			}
			if way.undo != "" {
				one.execSource(way.undo)
			}
			one.SourceURL, one.options.CheckTime = right, l.options.CheckTime
			one.connect()
			one.requireHealthy()
		})
	}
}

// checkOthers checks the findings without issues: they passed, or are skipped because of the issue.
func (l *fixture) checkOthers(findings []doctor.Finding, way unreachable) {
	l.Helper()
	for _, f := range findings {
		needs := strings.HasPrefix(f.Name, "lifecycle_db.") || strings.HasPrefix(f.Name, "source.") || strings.HasPrefix(f.Name, "replication.") ||
			slices.Contains([]string{"mirror.width", "mirror.foreign_keys", "mirror.vanished"}, f.Name)
		switch {
		case f.Name == way.finding:
		case slices.Contains(way.before, f.Name), !needs:
			if f.Status != doctor.OK {
				l.Errorf("%+v", f)
			}
		default:
			if f.Status != doctor.Skipped || f.String() != "doctor.skipped check="+way.finding {
				l.Errorf("%+v", f)
			}
		}
	}
}

// silentServer accepts connections and never answers.
func silentServer(t testing.TB) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	return listener.Addr().String()
}

func TestDiagnose_PmoDbMustBeUTF8(t *testing.T) {
	t.Parallel()
	l := newFixture(t)
	name := "test_" + strings.ToLower(rand.Text())
	l.execTarget("CREATE DATABASE " + name + " ENCODING 'LATIN1' TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'")
	t.Cleanup(func() { l.execTarget("DROP DATABASE " + name + " WITH (FORCE)") })
	l.TargetURL = changed(t, l.TargetURL, func(u *url.URL) { u.Path = "/" + name })
	l.connect()
	found := issues(l.diagnose())
	if len(found) != 2 || found[0].Name != "pmo_db.encoding" || !has(found[0], doctor.Problem, "schema.encoding encoding=LATIN1", "") || !found[0].BlocksRuns {
		t.Fatalf("%+v", found)
	}
	if found[1].Name != "mirror.migrations" || found[1].Code != "doctor.not_migrated" {
		t.Errorf("%+v", found[1])
	}
}

func TestDiagnose_NotesClockDifferences(t *testing.T) {
	t.Parallel()
	l := newFixture(t)
	for _, c := range []struct {
		off  time.Duration
		code string
	}{{time.Minute, "doctor.clock_behind"}, {-time.Minute, "doctor.clock_ahead"}} {
		l.options.Now = func() time.Time { return time.Now().Add(c.off) }
		found := issues(l.diagnose())
		if len(found) != 2 || found[0].Name != "lifecycle_db.clock" || found[1].Name != "pmo_db.clock" || !has(found[0], doctor.Note, c.code, "") {
			t.Errorf("%s: %+v", c.off, found)
		}
	}
}

func TestDiagnose_NotesPoolers(t *testing.T) {
	t.Parallel()
	l := newFixture(t)
	pooled := func(u *url.URL) { u.Host = pooler(t, u.Host) }
	l.SourceURL, l.TargetURL = changed(t, l.SourceURL, pooled), changed(t, l.TargetURL, pooled)
	l.connect()
	found := issues(l.diagnose())
	if len(found) != 2 || found[0].Name != "lifecycle_db.pooler" || found[1].Name != "pmo_db.pooler" || found[0].Code != "doctor.pooler_no_realtime" ||
		found[1].Code != "doctor.listen_unreliable" {
		t.Errorf("%+v", found)
	}
}

// pooler forwards connections to a server. Like a pooler, it gives clients cancel keys of its own.
func pooler(t testing.TB, server string) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			behind, err := net.Dial("tcp", server)
			if err != nil {
				_ = client.Close()
				return
			}
			go func() { _, _ = io.Copy(behind, client); _ = behind.Close() }()
			go func() { disguise(client, behind); _ = client.Close() }()
		}
	}()
	return listener.Addr().String()
}

func disguise(client, server net.Conn) {
	from, to := pgproto3.NewFrontend(server, io.Discard), pgproto3.NewBackend(strings.NewReader(""), client)
	for {
		message, err := from.Receive()
		if err != nil {
			return
		}
		if key, ok := message.(*pgproto3.BackendKeyData); ok {
			key.ProcessID++
		}
		to.Send(message)
		if err := to.Flush(); err != nil {
			return
		}
	}
}
