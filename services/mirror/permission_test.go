package mirror_test

import (
	"strings"
	"testing"

	"lifecycle-sync/models"
	"lifecycle-sync/test/kit/testdb"
)

// TestPermissions_SourceNeedsOnlySelect ends with row security, because hidden rows would be deleted.
func TestPermissions_SourceNeedsOnlySelect(t *testing.T) {
	onPostgres(t, func(l *fixture) {
		role, as := testdb.Role(t, l.SourceURL)
		l.Connect(as, l.TargetURL)
		l.small()
		l.change("GRANT SELECT ON ALL TABLES IN SCHEMA public TO " + role)
		l.syncEqual()
		l.change("REVOKE SELECT ON tbl_stage_histori FROM " + role)
		l.refused(models.Permission, "cannot read tbl_stage_histori", "GRANT SELECT ON tbl_stage_histori TO "+role)
		l.change("REVOKE SELECT ON tbl_kategori FROM " + role) // exists, but unreadable
		l.refused(models.Permission, "cannot read tbl_kategori")
		l.change("GRANT SELECT ON ALL TABLES IN SCHEMA public TO " + role)
		l.change("ALTER TABLE tbl_stage_histori ENABLE ROW LEVEL SECURITY")
		l.refused(models.Permission)
	})
}

// TestPermissions_MirrorNeedsReadAndWrite uses a role that owns nothing, so that it leaves missing keys to the owner.
func TestPermissions_MirrorNeedsReadAndWrite(t *testing.T) {
	onPostgres(t, func(l *fixture) {
		role, as := testdb.Role(t, l.TargetURL)
		l.Connect(l.SourceURL, as)
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
		l.refused(models.Permission, "GRANT SELECT, INSERT, UPDATE, DELETE ON tbl_produk_lifecycle TO "+role)
		l.edit("GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO " + role)
		l.edit("REVOKE INSERT ON lifecycle_sync_changes FROM " + role)
		l.edit("DO $$ BEGIN EXECUTE 'REVOKE TEMPORARY ON DATABASE ' || quote_ident(current_database()) || ' FROM PUBLIC'; END $$")
		l.refused(models.Permission, "GRANT SELECT, INSERT, UPDATE, DELETE ON lifecycle_sync_changes TO "+role, "GRANT TEMPORARY ON DATABASE")
	})
}
