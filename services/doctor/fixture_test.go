package doctor_test

import (
	"crypto/rand"
	"log/slog"
	"net/url"
	"os"
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

// fixture is a healthy pair of databases. Roles with the necessary privileges only use them; Source and Target are
// connections of an administrator.
type fixture struct {
	testing.TB
	*databases.Pair

	reader, keeper string // the roles
	slot           string // the name of pmo_db's replication slot
	options        doctor.Options
}

const rolePassword = "rahasia"

func newFixture(t testing.TB) *fixture {
	t.Helper()
	l := openFixture(t, testdb.Postgres(t), testdb.Postgres(t))
	l.reader, l.keeper = l.role(), l.role()
	l.Fill(30, 20)
	l.execSource("UPDATE tbl_produk SET id_kategori = 1, id_segmen = 1",
		"GRANT SELECT ON ALL TABLES IN SCHEMA public TO "+l.reader, "GRANT INSERT, UPDATE, DELETE ON tbl_produk, tbl_stage_histori TO "+l.reader)
	l.execTarget("CREATE EXTENSION pg_trgm", "GRANT CREATE ON SCHEMA public TO "+l.keeper)
	l.SourceURL, l.TargetURL = asRole(t, l.SourceURL, l.reader), asRole(t, l.TargetURL, l.keeper)
	l.connect()
	l.sync()
	l.indexSearch()
	var err error
	if l.slot, err = journal.New(l.Store.Session).SlotName(t.Context()); err != nil {
		t.Fatal(err)
	}
	return l
}

// openFixture connects to two databases and fills nothing.
func openFixture(t testing.TB, sourceURL, targetURL string) *fixture {
	t.Helper()
	l := &fixture{TB: t, Pair: &databases.Pair{TB: t, SourceURL: sourceURL, TargetURL: targetURL}, options: doctor.Options{
		Tables: models.Tables(), Uploads: storage(t, t.TempDir()), Data: storage(t, t.TempDir()),
		StaleAfter: time.Hour, CheckTime: 10 * time.Second, Alerts: true, Now: time.Now, Log: slog.New(slog.DiscardHandler),
	}}
	l.Source, l.Target = testdb.Open(t, sourceURL), testdb.Open(t, targetURL)
	l.connect()
	return l
}

// connect gives the doctor connections by the fixture's URLs.
func (l *fixture) connect() {
	l.Helper()
	l.Connect(l.SourceURL, l.TargetURL)
	l.options.Source, l.options.Store = l.Lifecycle, l.Store
}

func (l *fixture) migrate() {
	l.Helper()
	if _, err := l.Store.Migrate(l.Context()); err != nil {
		l.Fatal(err)
	}
}

func (l *fixture) sync() {
	l.Helper()
	l.migrate()
	if _, err := l.Engine.Sync(l.Context(), mirror.Request{}, mirror.Silent{}); err != nil {
		l.Fatal(err)
	}
}

func (l *fixture) indexSearch() {
	l.Helper()
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

// role creates a role and drops it when the test ends.
func (l *fixture) role() string {
	l.Helper()
	name := "test_" + strings.ToLower(rand.Text())
	l.execSource("CREATE ROLE " + name + " LOGIN PASSWORD '" + rolePassword + "'")
	l.Cleanup(func() {
		l.execSource("DROP OWNED BY " + name)
		l.execTarget("DROP OWNED BY " + name)
		l.execSource("DROP ROLE " + name)
	})
	return name
}

func asRole(t testing.TB, at, role string) string {
	t.Helper()
	return changed(t, at, func(u *url.URL) { u.User = url.UserPassword(role, rolePassword) })
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

func (l *fixture) execSource(statements ...string) {
	l.Helper()
	for _, statement := range statements {
		kit.Exec(l, l.Source, statement)
	}
}

func (l *fixture) execTarget(statements ...string) {
	l.Helper()
	for _, statement := range statements {
		kit.Exec(l, l.Target, statement)
	}
}

func (l *fixture) diagnose() []doctor.Finding {
	l.Helper()
	return doctor.New(l.options).Diagnose(l.Context())
}

// issues are the notes and problems among findings.
func issues(findings []doctor.Finding) []doctor.Finding {
	return slices.DeleteFunc(slices.Clone(findings), func(f doctor.Finding) bool { return f.Status == doctor.OK || f.Status == doctor.Skipped })
}

// requireHealthy fails the test if doctor finds anything.
func (l *fixture) requireHealthy() {
	l.Helper()
	for _, f := range issues(l.diagnose()) {
		l.Errorf("in health: %+v", f)
	}
	if l.Failed() {
		l.FailNow()
	}
}

// named are the findings of a check.
func named(findings []doctor.Finding, name string) []doctor.Finding {
	return slices.DeleteFunc(slices.Clone(findings), func(f doctor.Finding) bool { return f.Name != name })
}

// has reports whether a finding has a status, and its text and command contain what is given.
func has(f doctor.Finding, status doctor.Status, text, command string) bool {
	return f.Status == status && strings.Contains(f.String(), text) &&
		(command == "" || f.Remedy != nil && strings.Contains(f.Remedy.Command, command)) && (status == doctor.OK || f.Remedy != nil)
}

// fault is something wrong: statements that cause it, in which READER and KEEPER are the roles and SLOT is pmo_db's
// slot; the one finding that it must lead to; and how it is fixed: by the remedy's command unless fix says otherwise.
type fault struct {
	name           string
	source, target string
	finding        string
	status         doctor.Status
	text, command  string
	also           []string         // checks with findings that are a consequence
	fix            func(l *fixture) // where the command does not fix it
	after          func(l *fixture) // undoes what the fix leaves
}

func (f fault) test(l *fixture) {
	l.Helper()
	names := strings.NewReplacer("READER", l.reader, "KEEPER", l.keeper, "SLOT", l.slot)
	if f.source != "" {
		l.execSource(names.Replace(f.source))
	}
	if f.target != "" {
		l.execTarget(names.Replace(f.target))
	}
	findings := l.diagnose()
	var seen *doctor.Finding
	for _, found := range issues(findings) {
		expected := found.Name == f.finding && has(found, f.status, names.Replace(f.text), names.Replace(f.command))
		switch {
		case expected && seen == nil:
			seen = &found
		case expected, !slices.Contains(f.also, found.Name):
			l.Errorf("unexpected: %+v", found)
		}
	}
	switch {
	case seen == nil:
		l.Fatalf("not found; the check found %+v", named(findings, f.finding))
	case f.fix != nil:
		f.fix(l)
	case strings.HasPrefix(f.finding, "mirror."):
		l.execTarget(seen.Remedy.Command)
	default:
		l.execSource(seen.Remedy.Command)
	}
	if f.after != nil {
		f.after(l)
	}
	l.requireHealthy()
}

// testFaults goes through faults in one fixture, which is healthy after each.
func testFaults(t *testing.T, faults []fault, prepare func(l *fixture)) {
	t.Helper()
	l := newFixture(t)
	if prepare != nil {
		prepare(l)
	}
	l.requireHealthy()
	for _, f := range faults {
		fixed := t.Run(f.name, func(t *testing.T) {
			one := *l
			one.TB = t
			f.test(&one)
			l.options = one.options
		})
		if !fixed {
			t.FailNow() // the fixture is no longer healthy
		}
	}
}

func TestDiagnose_HealthyPairHasNoIssues_EveryCheckIsDocumented(t *testing.T) {
	t.Parallel()
	l := newFixture(t)
	content, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	onlyRealtime := []string{"replication.connection", "replication.publication"}
	for _, f := range l.diagnose() {
		want := doctor.OK
		if slices.Contains(onlyRealtime, f.Name) {
			want = doctor.Skipped
		}
		if f.Status != want {
			t.Errorf("%+v", f)
		}
		if !strings.Contains(string(content), "`"+f.Name+"`") {
			t.Errorf("docs/operations.md does not explain %s", f.Name)
		}
	}
}
