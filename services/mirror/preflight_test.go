package mirror_test

import (
	"slices"
	"testing"

	"lifecycle-sync/models"
)

// TestPreflight_RefusesUnsuitableSchemas expects no write, and all problems of a side with their remedies.
func TestPreflight_RefusesUnsuitableSchemas(t *testing.T) {
	type problem struct{ statement, says, remedy string }
	for _, c := range []struct {
		name             string
		run              func(l *fixture, statement string, args ...any)
		common, postgres []problem
	}{
		{"source", (*fixture).change, []problem{
			{"ALTER TABLE tbl_produk DROP COLUMN harga", "tbl_produk.harga is missing", "ALTER TABLE tbl_produk ADD COLUMN harga bigint"},
			{"ALTER TABLE tbl_stage DROP COLUMN icon_dark", "tbl_stage.icon_dark is missing", ""},
		}, []problem{
			{"ALTER TABLE tbl_produk ALTER COLUMN id_stage TYPE numeric", "tbl_produk.id_stage has the type numeric instead of integer", "ALTER COLUMN id_stage TYPE integer"},
			{"ALTER TABLE tbl_produk DROP CONSTRAINT tbl_produk_pkey", "tbl_produk has no primary key on id", "ADD PRIMARY KEY (id)"},
		}},
		{"source table dropped", (*fixture).change, []problem{{"DROP TABLE tbl_stage_histori", "tbl_stage_histori does not exist", ""}}, nil},
		{"mirrored table dropped", (*fixture).change, []problem{{"DROP TABLE tbl_kategori", "tbl_kategori no longer exists in lifecycle_db", "Restore the table"}}, nil},
		{"mirror", (*fixture).edit, []problem{
			{"ALTER TABLE tbl_produk_lifecycle DROP COLUMN harga", "tbl_produk_lifecycle.harga is missing", "ADD COLUMN harga bigint"},
		}, []problem{
			{"ALTER TABLE tbl_produk_lifecycle ALTER COLUMN pelanggan TYPE varchar(100)", "tbl_produk_lifecycle.pelanggan holds 100 characters", "TYPE text"},
			{"ALTER TABLE tbl_produk_lifecycle ALTER COLUMN created_at TYPE timestamptz(0)", "tbl_produk_lifecycle.created_at", "TYPE timestamptz"},
			{"ALTER TABLE tbl_produk_lifecycle ALTER COLUMN tanggal_launch TYPE text", "tbl_produk_lifecycle.tanggal_launch has the type text instead of date", ""},
			{"ALTER TABLE tbl_produk_lifecycle ALTER COLUMN produk SET NOT NULL", "tbl_produk_lifecycle.produk is NOT NULL", "DROP NOT NULL"},
			{"ALTER TABLE tbl_produk_lifecycle ADD COLUMN baru integer NOT NULL DEFAULT 1; ALTER TABLE tbl_produk_lifecycle ALTER COLUMN baru DROP DEFAULT",
				"tbl_produk_lifecycle.baru is NOT NULL and does not exist in lifecycle_db", ""},
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			both(t, func(l *fixture) {
				l.small()
				l.sync()
				l.change("UPDATE tbl_segmen SET segmen = 'baru' WHERE id = 1")
				var says []string
				for _, p := range slices.Concat(c.common, on(l, c.postgres, nil)) {
					c.run(l, p.statement)
					says = append(says, p.says, p.remedy)
				}
				l.refused(models.Schema, says...)
				_, err := l.Engine.Verify(l.Context(), nil, nil)
				l.wantError(err, models.Schema)
			})
		})
	}
}

// TestPreflight_RefusesMissingMirrorTable is separate because the run then fails to lock the table.
func TestPreflight_RefusesMissingMirrorTable(t *testing.T) {
	both(t, func(l *fixture) {
		l.edit("DROP TABLE tbl_stage_histori_lifecycle")
		_, err := l.try()
		l.wantError(err, models.Schema, "tbl_stage_histori_lifecycle does not exist", "lifecycle-sync migrate")
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
