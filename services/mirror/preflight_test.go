package mirror_test

import (
	"strings"
	"testing"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/database"
)

// obstacle is a problem on one side and what its error must contain.
type obstacle struct {
	name           string
	source, target string // the statement that causes it
	postgresOnly   bool
	class          models.Class
	says           []string
}

var obstacles = []obstacle{
	{name: "source table dropped", source: "DROP TABLE tbl_stage_histori", class: models.Schema, says: []string{"tbl_stage_histori does not exist"}},
	{name: "source column missing", source: "ALTER TABLE tbl_produk DROP COLUMN harga", class: models.Schema,
		says: []string{"tbl_produk.harga is missing", "ALTER TABLE tbl_produk ADD COLUMN harga bigint"}},
	{name: "source column of another type", source: "ALTER TABLE tbl_produk ALTER COLUMN harga TYPE numeric", postgresOnly: true, class: models.Schema,
		says: []string{"tbl_produk.harga has the type numeric instead of bigint", "ALTER COLUMN harga TYPE bigint"}},
	{name: "source without a key", source: "ALTER TABLE tbl_produk DROP CONSTRAINT tbl_produk_pkey", postgresOnly: true, class: models.Schema,
		says: []string{"tbl_produk has no primary key on id", "ADD PRIMARY KEY (id)"}},
	{name: "two problems", source: "ALTER TABLE tbl_produk DROP COLUMN harga; ALTER TABLE tbl_stage DROP COLUMN icon_dark", class: models.Schema,
		says: []string{"tbl_produk.harga is missing", "tbl_stage.icon_dark is missing"}},
	{name: "mirror column missing", target: "ALTER TABLE tbl_produk_lifecycle DROP COLUMN harga", class: models.Schema,
		says: []string{"tbl_produk_lifecycle.harga is missing", "ADD COLUMN harga bigint"}},
	{name: "mirror column too narrow", target: "ALTER TABLE tbl_produk_lifecycle ALTER COLUMN produk TYPE varchar(100)", postgresOnly: true, class: models.Schema,
		says: []string{"tbl_produk_lifecycle.produk holds 100 characters", "TYPE text"}},
	{name: "mirror column of fewer digits", target: "ALTER TABLE tbl_produk_lifecycle ALTER COLUMN created_at TYPE timestamptz(0)", postgresOnly: true, class: models.Schema,
		says: []string{"tbl_produk_lifecycle.created_at", "TYPE timestamptz"}},
	{name: "mirror column of another type", target: "ALTER TABLE tbl_produk_lifecycle ALTER COLUMN harga TYPE numeric", postgresOnly: true, class: models.Schema,
		says: []string{"tbl_produk_lifecycle.harga has the type numeric instead of bigint"}},
	{name: "mirror column NOT NULL", target: "ALTER TABLE tbl_produk_lifecycle ALTER COLUMN produk SET NOT NULL", postgresOnly: true, class: models.Schema,
		says: []string{"tbl_produk_lifecycle.produk is NOT NULL", "DROP NOT NULL"}},
	{name: "unknown mirror column NOT NULL", target: "ALTER TABLE tbl_produk_lifecycle ADD COLUMN baru integer NOT NULL DEFAULT 1; ALTER TABLE tbl_produk_lifecycle ALTER COLUMN baru DROP DEFAULT",
		postgresOnly: true, class: models.Schema, says: []string{"tbl_produk_lifecycle.baru is NOT NULL and does not exist in lifecycle_db"}},
	{name: "table vanished after it was mirrored", source: "DROP TABLE tbl_kategori", class: models.Schema,
		says: []string{"tbl_kategori no longer exists in lifecycle_db", "Restore the table"}},
}

// TestPreflight_RefusesUnsuitableSchemas expects no write and a remedy.
func TestPreflight_RefusesUnsuitableSchemas(t *testing.T) {
	for _, o := range obstacles {
		t.Run(o.name, func(t *testing.T) {
			both(t, func(l *fixture) {
				if o.postgresOnly && l.kind == database.SQLite {
					l.Skip("SQLite does not hold columns to types")
				}
				l.small()
				l.sync()
				l.change("DELETE FROM tbl_stage_histori WHERE id = 140")
				l.cause(o)
				before := l.stateOf("lifecycle_sync_changes", "lifecycle_sync_quarantine", "tbl_stage_histori_lifecycle")
				_, err := l.try()
				l.unchanged(before)
				e := models.AsError(err)
				if e == nil || e.Class != o.class {
					l.Fatalf("the run ended with %v (%v)", err, e)
				}
				l.wantSaid(e, o.says...)
				if _, err := l.engine.Verify(l.Context(), nil, nil); models.AsError(err) == nil || models.AsError(err).Class != o.class {
					l.Errorf("verify ended with %v", err)
				}
			})
		})
	}
}

func (l *fixture) cause(o obstacle) {
	l.Helper()
	for statement := range strings.SplitSeq(o.source, ";") {
		if statement != "" {
			l.change(statement)
		}
	}
	for statement := range strings.SplitSeq(o.target, ";") {
		if statement != "" {
			l.edit(statement)
		}
	}
}

// TestPreflight_RefusesMissingMirrorTable is separate because the run then fails to lock the table.
func TestPreflight_RefusesMissingMirrorTable(t *testing.T) {
	both(t, func(l *fixture) {
		l.edit("DROP TABLE tbl_stage_histori_lifecycle")
		_, err := l.try()
		if e := models.AsError(err); e == nil || e.Class != models.Schema || !strings.Contains(rendered(e), "tbl_stage_histori_lifecycle does not exist") || !strings.Contains(rendered(e), "lifecycle-sync migrate") {
			l.Errorf("the run ended with %v", err)
		}
	})
}

func TestPreflight_AllowsExtraColumns(t *testing.T) {
	each(t, func(l *fixture) {
		l.small()
		l.change("ALTER TABLE tbl_produk ADD COLUMN pic text DEFAULT 'x'")
		l.edit("ALTER TABLE tbl_produk_lifecycle ADD COLUMN catatan_pmo text DEFAULT 'y'")
		l.sync()
		l.idle()
	})
}
