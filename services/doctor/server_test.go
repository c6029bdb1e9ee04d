package doctor_test

import (
	"cmp"
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
	"lifecycle-sync/test/kit"
	"lifecycle-sync/test/kit/testdb"
)

// TestDiagnose_ReportsWhyADatabaseIsUnreachableAndSkipsTheRest expects that the earlier checks of lifecycle_db pass.
func TestDiagnose_ReportsWhyADatabaseIsUnreachableAndSkipsTheRest(t *testing.T) {
	t.Parallel()
	silent, err := net.Listen("tcp", "127.0.0.1:0") // connects, and never answers
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	l := newFixture(t)
	right, all := l.SourceURL, len(l.diagnose())
	for _, way := range []struct {
		check, text, command string
		change               func(u *url.URL)
		limit                time.Duration
	}{
		{check: "lifecycle_db.reachable", text: "connection refused", change: func(u *url.URL) { u.Host = "127.0.0.1:1" }},
		{check: "lifecycle_db.reachable", text: "database.host_unknown", change: func(u *url.URL) { u.Host = "no.such.host.invalid" }},
		{check: "lifecycle_db.reachable", text: "doctor.timeout limit=3s", change: func(u *url.URL) { u.Host = silent.Addr().String() }, limit: 3 * time.Second},
		{check: "lifecycle_db.credentials", text: "refused", change: func(u *url.URL) { u.User = url.UserPassword(l.reader, "salah") }},
		{check: "lifecycle_db.database", text: "database.no_database", change: func(u *url.URL) { u.Path = "/tidak_ada" }},
		{check: "lifecycle_db.database", text: "doctor.connect_denied", command: "GRANT CONNECT ON DATABASE", change: func(*url.URL) {
			l.exec(l.Source, "DO $$ BEGIN EXECUTE 'REVOKE CONNECT ON DATABASE ' || current_database() || ' FROM PUBLIC'; END $$")
		}},
	} {
		l.SourceURL, l.doctor.CheckTime = changed(t, right, way.change), cmp.Or(way.limit, 10*time.Second)
		findings := l.diagnose()
		found := issues(findings)
		if len(found) != 1 || found[0].Name != way.check || !found[0].BlocksRuns || !has(found[0], doctor.Problem, way.text, way.command) || len(findings) != all {
			t.Errorf("%s: %d findings, %d in health: %+v", way.text, len(findings), all, found)
		}
		reported := false
		for _, f := range findings {
			topic, _, _ := strings.Cut(f.Name, ".")
			needed := slices.Contains([]string{"lifecycle_db", "source", "replication"}, topic) || slices.Contains([]string{"mirror.width", "mirror.foreign_keys", "mirror.vanished"}, f.Name)
			switch {
			case f.Name == way.check:
				reported = true
			case reported && needed:
				if f.Status != doctor.Skipped || f.String() != "doctor.skipped check="+way.check {
					t.Errorf("%s: %+v", way.text, f)
				}
			case f.Status != doctor.OK:
				t.Errorf("%s: %+v", way.text, f)
			}
		}
	}
}

func TestDiagnose_PmoDbMustBeUTF8(t *testing.T) {
	t.Parallel()
	at, name := testdb.Postgres(t), "test_"+strings.ToLower(rand.Text())
	server := testdb.Open(t, at)
	kit.Exec(t, server, "CREATE DATABASE "+name+" ENCODING 'LATIN1' TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'")
	t.Cleanup(func() { kit.Exec(t, server, "DROP DATABASE "+name+" WITH (FORCE)") })
	l := openFixture(t, at, changed(t, at, func(u *url.URL) { u.Path = "/" + name }))
	if found := of("pmo_db.encoding", l.diagnose()); len(found) != 1 || !has(found[0], doctor.Problem, "schema.encoding encoding=LATIN1", "") || !found[0].BlocksRuns {
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
