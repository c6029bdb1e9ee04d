package doctor_test

import (
	"crypto/rand"
	"database/sql"
	"log/slog"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/files"
	"lifecycle-sync/repositories/pmo/journal"
	mirrordb "lifecycle-sync/repositories/pmo/mirror"
	"lifecycle-sync/services/doctor"
	"lifecycle-sync/services/mirror"
	"lifecycle-sync/test/kit"
	"lifecycle-sync/test/kit/databases"
	"lifecycle-sync/test/kit/testdb"
)

// fixture is a pair of databases. Source and Target are connections of an administrator.
type fixture struct {
	*databases.Pair

	reader, keeper string // roles with the necessary privileges, which only use the databases
	slot           string // the name of pmo_db's replication slot
	doctor         doctor.Doctor
}

const rolePassword = "rahasia"

// openFixture connects to two databases and fills nothing.
func openFixture(t testing.TB, sourceURL, targetURL string) *fixture {
	t.Helper()
	return &fixture{Pair: databases.At(t, sourceURL, targetURL), doctor: doctor.Doctor{
		Tables: models.Tables(), Uploads: storage(t, t.TempDir()), Data: storage(t, t.TempDir()),
		StaleAfter: time.Hour, Retention: 90 * 24 * time.Hour, CheckTime: 10 * time.Second, Alerts: true, Now: time.Now, Log: slog.New(slog.DiscardHandler),
	}}
}

// newFixture makes a healthy pair.
func newFixture(t testing.TB) *fixture {
	t.Helper()
	l := openFixture(t, testdb.Postgres(t), testdb.Postgres(t))
	l.reader, l.keeper = l.role(), l.role()
	l.Fill(30, 20)
	l.exec(l.Source, "UPDATE tbl_produk SET id_kategori = 1, id_segmen = 1; GRANT SELECT ON ALL TABLES IN SCHEMA public TO READER; "+
		"GRANT INSERT, UPDATE, DELETE ON tbl_produk, tbl_stage_histori TO READER")
	l.exec(l.Target, "CREATE EXTENSION pg_trgm; GRANT CREATE ON SCHEMA public TO KEEPER")
	l.SourceURL = changed(t, l.SourceURL, func(u *url.URL) { u.User = url.UserPassword(l.reader, rolePassword) })
	l.TargetURL = changed(t, l.TargetURL, func(u *url.URL) { u.User = url.UserPassword(l.keeper, rolePassword) })
	l.sync()
	var err error
	if l.slot, err = journal.New(l.Store.Session).SlotName(t.Context()); err != nil {
		t.Fatal(err)
	}
	return l
}

// role creates a role and drops it when the test ends.
func (l *fixture) role() string {
	l.Helper()
	name := "test_" + strings.ToLower(rand.Text())
	kit.Exec(l, l.Source, "CREATE ROLE "+name+" LOGIN PASSWORD '"+rolePassword+"'")
	l.Cleanup(func() {
		kit.Exec(l, l.Target, "DROP OWNED BY "+name)
		kit.Exec(l, l.Source, "DROP OWNED BY "+name+"; DROP ROLE "+name)
	})
	return name
}

// named replaces READER, KEEPER and SLOT by the names of the roles and of pmo_db's slot.
func (l *fixture) named(text string) string {
	return strings.NewReplacer("READER", l.reader, "KEEPER", l.keeper, "SLOT", l.slot).Replace(text)
}

func (l *fixture) exec(db *sql.DB, statements string) {
	l.Helper()
	kit.Exec(l, db, l.named(statements))
}

// sync migrates pmo_db, makes a run and the search index.
func (l *fixture) sync() {
	l.Helper()
	l.Connect(l.SourceURL, l.TargetURL)
	l.Migrate()
	if _, err := l.Engine.Sync(l.Context(), mirror.Request{}, mirror.Silent{}); err != nil {
		l.Fatal(err)
	}
	if _, err := mirrordb.New(l.Store).IndexSearch(l.Context()); err != nil {
		l.Fatal(err)
	}
}

func storage(t testing.TB, path string) files.Files {
	t.Helper()
	opened, err := files.Open("file:" + path)
	if err != nil {
		t.Fatal(err)
	}
	return opened
}

func changed(t testing.TB, at string, change func(u *url.URL)) string {
	t.Helper()
	u, err := url.Parse(at)
	if err != nil {
		t.Fatal("the test server's URL is invalid")
	}
	change(u)
	return u.String()
}

// diagnose opens new connections and runs every check.
func (l *fixture) diagnose() []doctor.Finding {
	l.Helper()
	l.Connect(l.SourceURL, l.TargetURL)
	l.doctor.Source, l.doctor.Store = l.Lifecycle, l.Store
	return l.doctor.Diagnose(l.Context())
}

// issues are the notes and problems among findings.
func issues(findings []doctor.Finding) []doctor.Finding {
	return slices.DeleteFunc(slices.Clone(findings), func(f doctor.Finding) bool { return f.Status == doctor.OK || f.Status == doctor.Skipped })
}

// of are the findings of a check.
func of(check string, findings []doctor.Finding) []doctor.Finding {
	return slices.DeleteFunc(slices.Clone(findings), func(f doctor.Finding) bool { return f.Name != check })
}

// has reports whether a finding has a status, and its text and command contain what is given.
func has(f doctor.Finding, status doctor.Status, text, command string) bool {
	return f.Status == status && strings.Contains(f.String(), text) &&
		(command == "" || f.Remedy != nil && strings.Contains(f.Remedy.Command, command)) && (status == doctor.OK || f.Remedy != nil)
}
