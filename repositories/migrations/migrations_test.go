package migrations_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/migrations"
	"lifecycle-sync/test/kit/databases"
	"lifecycle-sync/test/kit/testdb"
)

// TestUp_TurnsStoredSentencesIntoCodes upgrades a pmo_db with rows of every kind that binaries before version 6 wrote.
func TestUp_TurnsStoredSentencesIntoCodes(t *testing.T) { //nolint:gocyclo // one check for each kind of stored text
	t.Parallel()
	const every, keys = "every row was compared: ", "foreign keys are missing, which only the tables' owner can add: ALTER TABLE a ADD b; ALTER TABLE c ADD d"
	const keysText = "reason.keys_need_owner statements=ALTER TABLE a ADD b; ALTER TABLE c ADD d"
	reasons := []struct{ sentence, texts string }{
		{every + "SQLite does not tell which rows are new", "[reason.sqlite]"},
		{every + "there is no earlier run to go on from", "[reason.no_earlier_run]"},
		{every + "a trigger or rule in pmo_db may change any mirrored row", "[reason.trigger]"},
		{every + "foreign keys are missing in pmo_db", "[reason.keys_missing]"},
		{every + "the two servers hash rows in different ways", "[reason.hashes_differ]"},
		{every + "lifecycle_db's transactions have gone back: it was restored", "[reason.source_restored]"},
		{every + "the last horizon lies more than 1073741824 transactions back", "[reason.horizon_too_old limit=1073741824]"},
		{every + "what lifecycle_db was at the last run cannot be read", "[reason.source_unknown]"},
		{every + "lifecycle_db is another cluster than before", "[reason.other_cluster]"},
		{every + "lifecycle_db is another database than before", "[reason.other_database]"},
		{every + "lifecycle_db was failed over or restored (timeline 2 instead of 1)", "[reason.timeline before=1 now=2]"},
		{every + "lifecycle_db is a standby and was none, or the other way round", "[reason.standby_changed]"},
		{every + "lifecycle_db's server was started anew and may have been restored", "[reason.server_restarted]"},
		{every + "tbl_produk is no ordinary table", "[reason.table_not_ordinary table=tbl_produk]"},
		{every + "tbl_stage is new", "[reason.table_new table=tbl_stage]"},
		{every + "tbl_stage is another table than before, was written anew, or has other columns", "[reason.table_changed table=tbl_stage]"},
		{"the replication slot was lost: every row was compared", "[reason.slot_lost]"},
		{"pmo_db was restored or copied: every row was compared", "[reason.pmo_restored]"},
		{"real time had fallen behind", "[reason.real_time_behind]"},
		{"lifecycle_db's tables or publication have changed", "[reason.source_changed]"},
		{keys, "[" + keysText + "]"},
		{every + "foreign keys are missing in pmo_db; " + keys, "[reason.keys_missing " + keysText + "]"},
		{"somebody wrote this; by hand", "[legacy text=somebody wrote this; by hand]"},
		{"the first 1000 of 3520 changes are kept", "[]"},
	}
	testdb.Each(t, func(t *testing.T, url func(testing.TB) string) {
		t.Parallel()
		address := url(t)
		old := databases.Open(t, address, "pmo_db")
		if err := migrations.UpTo(t.Context(), old, 5); err != nil {
			t.Fatal(err)
		}
		insert := func(statement string, args ...any) {
			t.Helper()
			if err := old.Exec("INSERT INTO lifecycle_sync_"+statement, args...).Error; err != nil {
				t.Fatal(err)
			}
		}
		at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
		for _, r := range reasons {
			insert("runs (mode, state, reason, started_at) VALUES ('full', 'succeeded', ?, ?)", r.sentence, at)
		}
		const failed = "runs (mode, state, started_at, error_class, error_message, error_remedy) VALUES ('full', ?, ?, ?, ?, ?)"
		insert(failed, "failed", at, "connection", "lifecycle_db does not answer", "See that it runs.")
		insert(failed, "canceled", at, "canceled", "canceled", "")
		quarantined := map[string]models.QuarantineReason{
			"dangling_reference(id_segmen)": {Code: models.DanglingReference, Column: "id_segmen"},
			"parent_quarantined(id_produk)": {Code: models.ParentQuarantined, Column: "id_produk"},
			"unfit_value(created_at)":       {Code: models.UnfitValue, Column: "created_at"}, "invalid_text(produk)": {Code: models.InvalidText, Column: "produk"},
			"written by hand": {Code: models.LegacyText, Column: "written by hand"},
		}
		id := 0
		for reason := range quarantined {
			id++
			insert("quarantine (table_name, row_id, reason, payload, source_hash, run_id, since) "+
				"VALUES ('products', ?, ?, '{}', 1, 1, ?)", id, reason, at)
		}
		for action, after := range map[string]any{
			"quarantine": `{"reason":"unfit_value(created_at)","row":{"id":1,"produk":"<b>","harga":1.00}}`, "update": `{"reason":"unfit_value(created_at)"}`, "delete": nil,
		} {
			insert("changes (run_id, table_name, row_id, action, after) VALUES (1, 'products', 1, ?, ?)", action, after)
		}

		pmo := databases.Open(t, address, "pmo_db")
		if applied, err := migrations.Up(t.Context(), pmo, func(context.Context) error { return nil }); err != nil || applied < 1 {
			t.Fatalf("%d migrations, %v", applied, err)
		}
		var runs []models.Run
		if err := pmo.Order("id").Find(&runs).Error; err != nil || len(runs) != len(reasons)+2 {
			t.Fatalf("%d runs, %v", len(runs), err)
		}
		for i, r := range reasons {
			if got := fmt.Sprint(runs[i].Reasons); got != r.texts {
				t.Errorf("%q became %s, want %s", r.sentence, got, r.texts)
			}
		}
		if last := runs[len(reasons)-1]; last.ChangesFound == nil || *last.ChangesKept != 1000 || *last.ChangesFound != 3520 {
			t.Errorf("kept changes: %+v", last)
		}
		failure, canceled := runs[len(runs)-2].Err(), runs[len(runs)-1].Err()
		if failure == nil || failure.Class != models.Connection || failure.Text.String() != "legacy text=lifecycle_db does not answer" ||
			failure.Remedy.String() != "legacy text=See that it runs." {
			t.Errorf("the failed run: %+v", failure)
		}
		if canceled == nil || canceled.Class != models.Canceled || canceled.Remedy != nil {
			t.Errorf("the canceled run: %+v", canceled)
		}
		var rows []models.Quarantined
		if err := pmo.Find(&rows).Error; err != nil || len(rows) != len(quarantined) {
			t.Fatalf("%+v, %v", rows, err)
		}
		for _, row := range rows {
			if reason := row.Reason; quarantined[reason.String()] != reason {
				t.Errorf("quarantined: %+v", reason)
			}
		}
		var changes []models.LoggedChange
		if err := pmo.Find(&changes).Error; err != nil || len(changes) != 3 {
			t.Fatalf("%+v, %v", changes, err)
		}
		for _, change := range changes {
			unfit, ok := change.Unfit()
			switch {
			case change.Action == "quarantine" && (!ok || unfit.Reason() != quarantined["unfit_value(created_at)"] || string(unfit.Row) != `{"id":1,"produk":"<b>","harga":1.00}`):
				t.Errorf("quarantined in a preview: %s", change.After)
			case change.Action == "update" && string(change.After) != `{"reason":"unfit_value(created_at)"}`, change.Action == "delete" && change.After != nil:
				t.Errorf("%s: %s", change.Action, change.After)
			}
		}
	})
}

// TestUp_GivesAttachmentsToTheCurrentProducts upgrades a pmo_db whose attachments belong to ids only.
func TestUp_GivesAttachmentsToTheCurrentProducts(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, url func(testing.TB) string) {
		t.Parallel()
		address := url(t)
		old := databases.Open(t, address, "pmo_db")
		if err := migrations.UpTo(t.Context(), old, 6); err != nil {
			t.Fatal(err)
		}
		for _, statement := range []string{
			"INSERT INTO tbl_produk_lifecycle (id, created_at) VALUES (1, '2024-01-01 07:00:00.000001+07:00'), (2, NULL), (6, '2025-01-02 00:00:00Z'), (7, '2025-01-02 00:00:01Z')",
			`INSERT INTO lifecycle_sync_quarantine (table_name, row_id, payload, source_hash, run_id, since, reason_code, reason_column) VALUES
				('products', 3, '{}', 1, 1, '2024-01-01', 'x', ''),
				('products', 8, '{"id":8,"created_at":"2024-01-01T00:00:00.000001Z"}', 1, 1, '2024-01-01', 'x', ''),
				('products', 9, '{"created_at":"2025-06-01T00:00:00Z"}', 1, 1, '2024-01-01', 'x', ''),
				('products', 10, '{"created_at":"2024-13-01T00:00:00Z"}', 1, 1, '2024-01-01', 'x', ''),
				('products', 11, '{"created_at":"infinity"}', 1, 1, '2024-01-01', 'x', ''),
				('products', 12, '{"created_at":null}', 1, 1, '2024-01-01', 'x', '')`,
			`INSERT INTO lifecycle_attachments (id_produk, nama_file, tipe_file, ukuran_file, sha256, object_key, state, write_id, created_at)
				SELECT id, 'a.txt', 'text/plain', 1, '', 'key' || id, CASE id WHEN 2 THEN 'removing' WHEN 5 THEN 'pending' ELSE 'stored' END, CASE WHEN id IN (2, 5) THEN 'w' END, '2025-01-01T00:00:00.000000Z'
				FROM (SELECT 1 AS id UNION ALL SELECT 2 UNION ALL SELECT 3 UNION ALL SELECT 4 UNION ALL SELECT 5
				UNION ALL SELECT 6 UNION ALL SELECT 7 UNION ALL SELECT 8 UNION ALL SELECT 9 UNION ALL SELECT 10 UNION ALL SELECT 11 UNION ALL SELECT 12) n`,
		} {
			if err := old.Exec(statement).Error; err != nil {
				t.Fatalf("%s: %v", statement, err)
			}
		}
		pmo := databases.Open(t, address, "pmo_db")
		if _, err := migrations.Up(t.Context(), pmo, func(context.Context) error { return nil }); err != nil {
			t.Fatal(err)
		}
		var got []string
		var rows []models.Attachment
		if err := pmo.Order("id_produk").Find(&rows).Error; err != nil {
			t.Fatal(err)
		}
		for _, a := range rows {
			createdAt := "NULL"
			if a.ProductCreatedAt != nil {
				createdAt = a.ProductCreatedAt.String()
			}
			got = append(got, fmt.Sprintf("%d %s %s %t", a.ProductID, a.State, createdAt, a.ClosedAt != nil))
		}
		if want := []string{
			"1 stored 2024-01-01T00:00:00.000001Z false", "2 stored NULL false", "3 stored NULL false",
			"4 stored 2025-01-01T00:00:00.000000Z true",                          // no product has this created_at
			"5 pending NULL false", "6 stored 2025-01-02T00:00:00.000000Z false", // within the tolerance
			"7 stored 2025-01-01T00:00:00.000000Z true",                                               // another product has reused the id
			"8 stored 2024-01-01T00:00:00.000001Z false", "9 stored 2025-01-01T00:00:00.000000Z true", // quarantined
			"10 stored NULL false", "11 stored NULL false", "12 stored NULL false",
		}; !slices.Equal(got, want) {
			t.Errorf("%q, want %q", got, want)
		}
		var key string
		if err := pmo.Raw("SELECT key FROM lifecycle_signing_key").Scan(&key).Error; err != nil || len(key) < 64 {
			t.Errorf("the key has %d characters: %v", len(key), err)
		}
	})
}

// TestUp_UpgradesEveryVersion opens a database that an earlier binary has left at each of its versions.
func TestUp_UpgradesEveryVersion(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, url func(testing.TB) string) {
		t.Parallel()
		for version, latest := int64(1), int64(1); version <= latest; version++ {
			db := databases.Open(t, url(t), "pmo_db")
			if err := migrations.UpTo(t.Context(), db, version); err != nil {
				t.Fatalf("version %d: %v", version, err)
			}
			applied, err := migrations.Up(t.Context(), db, func(context.Context) error { return nil })
			current, newest, versionErr := migrations.Version(t.Context(), db)
			wanted, listErr := migrations.After(db, version)
			if latest = newest; err != nil || versionErr != nil || listErr != nil || current != latest || applied != wanted {
				t.Errorf("from version %d to %d of %d: %d migrations, want %d; %v, %v, %v", version, current, latest, applied, wanted, err, versionErr, listErr)
			}
		}
	})
}
