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

	"lifecycle-sync/repositories/database/databasetest"
	"lifecycle-sync/services/doctor"
)

// unreachable is a way in which lifecycle_db is not to be had, and at which check that shows.
type unreachable struct {
	name            string
	at              func(l *lab) string // the URL
	finding         string
	says, remedy    string
	before          []string // the checks before it, which are well
	statement, undo string
}

var ways = []unreachable{
	{name: "PostgreSQL does not run", finding: "lifecycle_db.reachable", says: "connection refused", remedy: "See that PostgreSQL runs",
		at: func(l *lab) string { return changed(l, l.sourceURL, func(u *url.URL) { u.Host = "127.0.0.1:1" }) }},
	{name: "host not known", finding: "lifecycle_db.reachable", says: "the host is not known", remedy: "host, port and sslmode",
		at: func(l *lab) string {
			return changed(l, l.sourceURL, func(u *url.URL) { u.Host = "no.such.host.invalid" })
		}},
	{name: "no answer", finding: "lifecycle_db.reachable", says: "no answer within 3s", remedy: "raise CONNECT_TIMEOUT",
		at: func(l *lab) string { return changed(l, l.sourceURL, func(u *url.URL) { u.Host = mute(l) }) }},
	{name: "wrong password", finding: "lifecycle_db.credentials", says: "refused", remedy: "Mend them in its URL", before: []string{"lifecycle_db.reachable"},
		at: func(l *lab) string {
			return changed(l, l.sourceURL, func(u *url.URL) { u.User = url.UserPassword(l.reader, "salah") })
		}},
	{name: "no such user", finding: "lifecycle_db.credentials", says: "refused", remedy: "Mend them in its URL", before: []string{"lifecycle_db.reachable"},
		at: func(l *lab) string {
			return changed(l, l.sourceURL, func(u *url.URL) { u.User = url.UserPassword("siapa", "salah") })
		}},
	{name: "no such database", finding: "lifecycle_db.database", says: "does not exist", remedy: "Create it", before: []string{"lifecycle_db.reachable", "lifecycle_db.credentials"},
		at: func(l *lab) string { return changed(l, l.sourceURL, func(u *url.URL) { u.Path = "/tidak_ada" }) }},
	{name: "may not connect", finding: "lifecycle_db.database", says: "may not connect", remedy: "GRANT CONNECT ON DATABASE", before: []string{"lifecycle_db.reachable", "lifecycle_db.credentials"},
		at:        func(l *lab) string { return l.sourceURL },
		statement: "DO $$ BEGIN EXECUTE 'REVOKE CONNECT ON DATABASE ' || current_database() || ' FROM PUBLIC'; END $$",
		undo:      "DO $$ BEGIN EXECUTE 'GRANT CONNECT ON DATABASE ' || current_database() || ' TO PUBLIC'; END $$"},
}

// TestUnreachable finds at which step lifecycle_db is not to be had. What cannot be looked at for that is
// skipped with the reason, and pmo_db is examined all the same.
func TestUnreachable(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	right, all := l.sourceURL, len(l.examine())
	for _, way := range ways {
		t.Run(way.name, func(t *testing.T) {
			one := *l
			one.TB, one.home = t, t
			one.sourceURL = way.at(&one)
			if way.statement != "" {
				one.inSource(way.statement)
			}
			if strings.HasPrefix(way.says, "no answer") {
				one.options.CheckTime = 3 * time.Second
			}
			one.connect()
			findings := one.examine()
			found := sick(findings)
			if len(found) != 1 || found[0].Name != way.finding || found[0].Status != doctor.Problem || !strings.Contains(found[0].Message, way.says) || !strings.Contains(found[0].Remedy, way.remedy) {
				t.Fatalf("%+v", found)
			}
			one.rest(findings, way)
			if len(findings) != all {
				t.Errorf("%d findings, %d in health", len(findings), all)
			}
			if way.undo != "" {
				one.inSource(way.undo)
			}
			one.sourceURL, one.options.CheckTime = right, l.options.CheckTime
			one.connect()
			one.healthy()
		})
	}
}

// rest holds the findings that are no problem against what is to be expected of them.
func (l *lab) rest(findings []doctor.Finding, way unreachable) {
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
			if f.Status != doctor.Skipped || f.Message != "not looked at, because of "+way.finding {
				l.Errorf("%+v", f)
			}
		}
	}
}

// mute listens, and says nothing to anybody.
func mute(t testing.TB) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	return listener.Addr().String()
}

// TestEncoding refuses a pmo_db that cannot hold every text.
func TestEncoding(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	name := "test_" + strings.ToLower(rand.Text())
	l.inTarget("CREATE DATABASE " + name + " ENCODING 'LATIN1' TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'")
	t.Cleanup(func() { l.inTarget("DROP DATABASE " + name + " WITH (FORCE)") })
	l.targetURL = changed(t, l.targetURL, func(u *url.URL) { u.Path = "/" + name })
	l.connect()
	found := sick(l.examine())
	if len(found) != 2 || found[0].Name != "pmo_db.encoding" || found[0].Status != doctor.Problem || !strings.Contains(found[0].Remedy, "ENCODING 'UTF8'") {
		t.Fatalf("%+v", found)
	}
	if found[1].Name != "mirror.migrations" || found[1].Message != "the tables in pmo_db were never made" {
		t.Errorf("%+v", found[1])
	}
}

// TestClock notes a clock that goes wrong, on whichever side.
func TestClock(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	for _, c := range []struct {
		off  time.Duration
		says string
	}{{time.Minute, "60 seconds behind this machine's"}, {-time.Minute, "60 seconds ahead of this machine's"}} {
		l.options.Now = func() time.Time { return time.Now().Add(c.off) }
		found := sick(l.examine())
		if len(found) != 2 || found[0].Name != "lifecycle_db.clock" || found[1].Name != "pmo_db.clock" || found[0].Status != doctor.Note || !strings.Contains(found[0].Message, c.says) {
			t.Errorf("%s: %+v", c.off, found)
		}
	}
}

// TestPooler knows a pooler by the keys that it gives its clients.
func TestPooler(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	pooled := func(u *url.URL) { u.Host = pooler(t, u.Host) }
	l.sourceURL, l.targetURL = changed(t, l.sourceURL, pooled), changed(t, l.targetURL, pooled)
	l.connect()
	found := sick(l.examine())
	if len(found) != 2 || found[0].Name != "lifecycle_db.pooler" || found[1].Name != "pmo_db.pooler" || !strings.Contains(found[0].Remedy, "LIFECYCLE_DATABASE_URL") ||
		!strings.Contains(found[1].Message, "LISTEN works for the moment") {
		t.Errorf("%+v", found)
	}
}

// pooler stands before a server and passes everything on, but for the keys by which statements are
// cancelled: these are its own.
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

// TestSQLite makes the checks that there are, and says that others are not made.
func TestSQLite(t *testing.T) {
	t.Parallel()
	l := &lab{TB: t, home: t, sourceURL: databasetest.SQLite(t), targetURL: databasetest.SQLite(t), options: options(t)}
	l.connect()
	found := sick(l.examine())
	if len(found) != 2 || found[0].Name != "lifecycle_db.reachable" || found[1].Name != "pmo_db.reachable" || !strings.Contains(found[0].Message, "is not there") {
		t.Errorf("without files: %+v", found)
	}
	l.fill(l.sourceURL)
	l.sync()
	findings := l.examine()
	if f := findings[0]; f.Name != "postgresql" || f.Status != doctor.Skipped || !strings.Contains(f.Message, "SQLite") {
		t.Errorf("%+v", f)
	}
	for _, f := range findings[1:] {
		if f.Status != doctor.OK && f.Name != "source.required_values" { // the invented data have such
			t.Errorf("%+v", f)
		}
	}
	db := open(t, l.sourceURL)
	l.exec(db, []string{"PRAGMA foreign_keys = off", "UPDATE tbl_produk SET id_stage = 99 WHERE id = 3", "ALTER TABLE tbl_segmen DROP COLUMN icon_dark", "DROP TABLE tbl_stage_histori"})
	for _, name := range []string{"source.tables", "source.columns", "source.references", "mirror.vanished"} {
		if len(named(sick(l.examine()), name)) != 1 {
			t.Errorf("%s: %+v", name, named(l.examine(), name))
		}
	}
}
