package mirror_test

import (
	"crypto/rand"
	"net/url"
	"strings"
	"testing"

	"lifecycle-sync/models"
	"lifecycle-sync/test/kit"
	"lifecycle-sync/test/kit/testdb"
)

// limited returns a fixture whose engine uses a new role on one side or both.
func limited(t *testing.T, asSource, asTarget bool) (l *fixture, role string) {
	t.Helper()
	l = newFixture(t, testdb.Postgres)
	role = "test_" + strings.ToLower(rand.Text())
	l.change("CREATE ROLE " + role + " LOGIN PASSWORD 'rahasia'")
	t.Cleanup(func() {
		kit.Exec(t, l.source, "DROP OWNED BY "+role)
		kit.Exec(t, l.target, "DROP OWNED BY "+role)
		kit.Exec(t, l.source, "DROP ROLE "+role)
	})
	as := func(raw string) string {
		u, err := url.Parse(raw)
		if err != nil {
			t.Fatal("the test server's URL is invalid")
		}
		u.User = url.UserPassword(role, "rahasia")
		return u.String()
	}
	if asSource {
		l.sourceURL = as(l.sourceURL)
	}
	if asTarget {
		l.targetURL = as(l.targetURL)
	}
	l.connect()
	return l, role
}

// TestPermissions_SourceNeedsOnlySelect ends with row security, because hidden rows would be deleted.
func TestPermissions_SourceNeedsOnlySelect(t *testing.T) {
	t.Parallel()
	l, role := limited(t, true, false)
	l.small()
	l.change("GRANT SELECT ON ALL TABLES IN SCHEMA public TO " + role)
	l.syncEqual()
	l.change("REVOKE SELECT ON tbl_stage_histori FROM " + role)
	l.refusedSaying(models.Permission, "cannot read tbl_stage_histori", "GRANT SELECT ON tbl_stage_histori TO "+role)
	l.change("REVOKE SELECT ON tbl_kategori FROM " + role) // exists, but unreadable
	l.refusedSaying(models.Permission, "cannot read tbl_kategori")
	l.change("GRANT SELECT ON ALL TABLES IN SCHEMA public TO " + role)
	l.change("ALTER TABLE tbl_stage_histori ENABLE ROW LEVEL SECURITY")
	l.refused(models.Permission)
}

// TestPermissions_MirrorNeedsReadAndWrite uses a role that owns nothing, so that it leaves missing keys to the owner.
func TestPermissions_MirrorNeedsReadAndWrite(t *testing.T) {
	t.Parallel()
	l, role := limited(t, false, true)
	l.small()
	l.edit("GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO " + role)
	l.sync()
	l.idle()
	l.edit("ALTER TABLE tbl_produk_lifecycle DROP CONSTRAINT tbl_produk_lifecycle_id_segmen_fkey")
	result, err := l.try()
	if err != nil {
		t.Fatal(err)
	}
	if reasons := result.Run.Reasons; len(reasons) != 1 || !strings.Contains(reasons[0].String(), "reason.keys_need_owner statements=ALTER TABLE tbl_produk_lifecycle") {
		t.Errorf("the run's reasons are %v", reasons)
	}
	l.equal()
	l.change("UPDATE tbl_produk SET id_segmen = 99 WHERE id = 7")
	l.syncEqual()
	l.edit("REVOKE INSERT, UPDATE, DELETE ON tbl_produk_lifecycle FROM " + role)
	l.refusedSaying(models.Permission, "GRANT SELECT, INSERT, UPDATE, DELETE ON tbl_produk_lifecycle TO "+role)
	l.edit("GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO " + role)
	l.edit("REVOKE INSERT ON lifecycle_sync_changes FROM " + role)
	l.edit("DO $$ BEGIN EXECUTE 'REVOKE TEMPORARY ON DATABASE ' || quote_ident(current_database()) || ' FROM PUBLIC'; END $$")
	e := l.refused(models.Permission)
	if !strings.Contains(e.Remedy.Command, "GRANT SELECT, INSERT, DELETE ON lifecycle_sync_changes TO "+role) || !strings.Contains(e.Remedy.Command, "GRANT TEMPORARY ON DATABASE") {
		t.Errorf("%v", e)
	}
}
