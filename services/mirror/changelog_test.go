package mirror_test

import (
	"database/sql"
	"encoding/json"
	"errors"
	"reflect"
	"testing"

	"lifecycle-sync/models"
	"lifecycle-sync/services/mirror"
)

// logged is an entry of the change log, with its documents as plain values.
type logged struct {
	table, action string
	id            int64
	before, after map[string]any
}

// changes reads the change log of the last run.
func (l *fixture) changes() (out []logged) {
	l.Helper()
	l.scan(l.Target, `SELECT table_name, action, row_id, before, after FROM lifecycle_sync_changes
		WHERE run_id = (SELECT max(id) FROM lifecycle_sync_runs) ORDER BY id`, nil, func(rows *sql.Rows) error {
		var c logged
		var before, after models.JSON
		err := rows.Scan(&c.table, &c.action, &c.id, &before, &after)
		if before != nil {
			err = errors.Join(err, json.Unmarshal(before, &c.before))
		}
		if after != nil {
			err = errors.Join(err, json.Unmarshal(after, &c.after))
		}
		out = append(out, c)
		return err
	})
	return out
}

func (l *fixture) loggedExactly(want ...logged) {
	l.Helper()
	if got := l.changes(); len(got)+len(want) > 0 && !reflect.DeepEqual(got, want) {
		l.Fatalf("the change log has\n%+v\nmust have\n%+v", got, want)
	}
}

// TestSync_LogsOverwrittenValues expects the changed columns of updates and whole rows that come or leave, except those of the
// first sync.
func TestSync_LogsOverwrittenValues(t *testing.T) {
	each(t, func(l *fixture) {
		l.small()
		l.sync()
		l.loggedExactly()
		l.change("UPDATE tbl_produk SET harga = 9223372036854775807, produk = NULL WHERE id = 20")
		l.change("UPDATE tbl_segmen SET segmen = 'lama', created_at = NULL, updated_at = NULL, icon_dark = NULL WHERE id = 3")
		l.sync()
		at := on(l, "2024-01-01T00:00:03.000003Z", "2024-01-01T00:00:03.000001Z")
		l.loggedExactly(
			logged{"segments", "update", 3,
				map[string]any{"segmen": "nilai\t\\ \n3", "created_at": at, "updated_at": at, "icon_dark": "nilai\t\\ \n3"},
				map[string]any{"segmen": "lama", "created_at": nil, "updated_at": nil, "icon_dark": nil}},
			logged{"products", "update", 20,
				map[string]any{"harga": float64(20 * 4294967296), "produk": "nilai\t\\ \n20"},
				map[string]any{"harga": float64(1 << 63), "produk": nil}})
		if exact := l.text("SELECT after FROM lifecycle_sync_changes WHERE row_id = 20"); exact != `{"produk":null,"harga":9223372036854775807}` {
			l.Fatalf("the price is logged as %s", exact)
		}
		l.change("UPDATE tbl_segmen SET created_at = 'infinity' WHERE id = 3")
		l.change("UPDATE tbl_produk SET id_segmen = NULL")
		l.change("DELETE FROM tbl_stage_histori WHERE id = 101")
		l.sync()
		got := l.changes()
		if n := len(got); n != 42 { // 40 products lose their segment
			l.Fatalf("%d entries", n)
		}
		first, last := got[0], got[41]
		if first.action != string(mirror.Quarantine) || first.before["segmen"] != "lama" || len(first.before) != 6 || first.after != nil {
			l.Errorf("quarantine is logged as %+v", first)
		}
		if last.action != string(mirror.Delete) || last.id != 101 || last.before["id_produk"] != float64(3) || len(last.before) != 9 || last.after != nil {
			l.Errorf("deletion is logged as %+v", last)
		}
		l.change("UPDATE tbl_segmen SET created_at = NULL WHERE id = 3")
		l.change("INSERT INTO tbl_segmen (id, segmen) " + on(l, "OVERRIDING SYSTEM VALUE", "") + " VALUES (70, 'baru')")
		l.sync()
		if got = l.changes(); len(got) != 2 || got[0].action != string(mirror.Release) || got[0].after["segmen"] != "lama" || got[1].action != string(mirror.Insert) ||
			got[1].after["segmen"] != "baru" || got[1].before != nil {
			l.Errorf("a release and an insert are logged as %+v", got)
		}
	})
}
