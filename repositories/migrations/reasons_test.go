package migrations_test

import (
	"context"
	"encoding/json"
	"reflect"
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
	const keys = "foreign keys are missing, which only the tables' owner can add: ALTER TABLE a ADD b; ALTER TABLE c ADD d"
	text := func(code string, params models.Params) models.Texts {
		return models.Texts{models.NewText(code, params)}
	}
	keysText := models.NewText("reason.keys_need_owner", models.Params{"statements": "ALTER TABLE a ADD b; ALTER TABLE c ADD d"})
	reasons := map[string]models.Texts{
		"every row was compared: SQLite does not tell which rows are new":                                        text("reason.sqlite", nil),
		"every row was compared: there is no earlier run to go on from":                                          text("reason.no_earlier_run", nil),
		"every row was compared: a trigger or rule in pmo_db may change any mirrored row":                        text("reason.trigger", nil),
		"every row was compared: foreign keys are missing in pmo_db":                                             text("reason.keys_missing", nil),
		"every row was compared: the two servers hash rows in different ways":                                    text("reason.hashes_differ", nil),
		"every row was compared: lifecycle_db's transactions have gone back: it was restored":                    text("reason.source_restored", nil),
		"every row was compared: the last horizon lies more than 1073741824 transactions back":                   text("reason.horizon_too_old", models.Params{"limit": 1073741824}),
		"every row was compared: what lifecycle_db was at the last run cannot be read":                           text("reason.source_unknown", nil),
		"every row was compared: lifecycle_db is another cluster than before":                                    text("reason.other_cluster", nil),
		"every row was compared: lifecycle_db is another database than before":                                   text("reason.other_database", nil),
		"every row was compared: lifecycle_db was failed over or restored (timeline 2 instead of 1)":             text("reason.timeline", models.Params{"now": 2, "before": 1}),
		"every row was compared: lifecycle_db is a standby and was none, or the other way round":                 text("reason.standby_changed", nil),
		"every row was compared: lifecycle_db's server was started anew and may have been restored":              text("reason.server_restarted", nil),
		"every row was compared: tbl_produk is no ordinary table":                                                text("reason.table_not_ordinary", models.Params{"table": "tbl_produk"}),
		"every row was compared: tbl_stage is new":                                                               text("reason.table_new", models.Params{"table": "tbl_stage"}),
		"every row was compared: tbl_stage is another table than before, was written anew, or has other columns": text("reason.table_changed", models.Params{"table": "tbl_stage"}),
		"the replication slot was lost: every row was compared":                                                  text("reason.slot_lost", nil),
		"pmo_db was restored or copied: every row was compared":                                                  text("reason.pmo_restored", nil),
		"real time had fallen behind":                                                                            text("reason.real_time_behind", nil),
		"lifecycle_db's tables or publication have changed":                                                      text("reason.source_changed", nil),
		keys: {keysText},
		"every row was compared: foreign keys are missing in pmo_db; " + keys: append(text("reason.keys_missing", nil), keysText),
		"somebody wrote this; by hand":                                        text("legacy", models.Params{"text": "somebody wrote this; by hand"}),
		"the first 1000 of 3520 changes are kept":                             nil,
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
		for reason := range reasons {
			insert("runs (mode, state, reason, started_at) VALUES ('full', 'succeeded', ?, ?)", reason, at)
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
		var got []models.Texts
		for _, run := range runs {
			if run.ChangesFound != nil && (*run.ChangesKept != 1000 || *run.ChangesFound != 3520 || run.Reasons != nil) {
				t.Errorf("kept changes: %+v", run)
			}
			if run.Reasons != nil {
				got = append(got, run.Reasons)
			}
		}
		want := 0
		for sentence, texts := range reasons {
			if texts == nil {
				continue
			}
			want++
			if !contains(got, texts) {
				t.Errorf("%q became none of %v", sentence, got)
			}
		}
		if len(got) != want {
			t.Errorf("%d runs with reasons, want %d", len(got), want)
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

// contains compares as JSON, in which numbers have one form.
func contains(all []models.Texts, want models.Texts) bool {
	for _, texts := range all {
		got, gotErr := json.Marshal(texts)
		expected, err := json.Marshal(want)
		if gotErr == nil && err == nil && reflect.DeepEqual(got, expected) {
			return true
		}
	}
	return false
}
