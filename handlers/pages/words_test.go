package pages

import (
	"fmt"
	"strings"
	"testing"

	"lifecycle-sync/models"
)

func TestRemediesAreTakenApart(t *testing.T) {
	t.Parallel()
	for words, want := range map[string]remedy{
		"":                               {},
		"Look at the log.":               {Before: "Look at the log."},
		"GRANT SELECT ON x TO y":         {Statement: "GRANT SELECT ON x TO y"},
		"In pmo_db: DROP TRIGGER a ON b": {Before: "In pmo_db: ", Statement: "DROP TRIGGER a ON b"},
		"In lifecycle_db, as a superuser: ALTER SYSTEM SET wal_level = logical, then restart PostgreSQL": {
			"In lifecycle_db, as a superuser: ", "ALTER SYSTEM SET wal_level = logical", ", then restart PostgreSQL",
		},
		"As the database's owner: GRANT CONNECT ON DATABASE … TO the role": {Before: "As the database's owner: GRANT CONNECT ON DATABASE … TO the role"},
		"See that SELECT is allowed":                                       {Before: "See that SELECT is allowed"},
	} {
		if got := remedyOf(words); got != want {
			t.Errorf("%q: %+v", words, got)
		}
	}
}

func TestDocumentsAreTakenApart(t *testing.T) {
	t.Parallel()
	deep := strings.Repeat("[", 20_000) + strings.Repeat("]", 20_000)
	long := strings.Repeat("é", valueLength+1)
	for document, want := range map[string][]value{
		"":                     nil,
		"{}":                   {},
		"null":                 {{None: true}},
		" [1, {\"a\": 1.00}] ": {{Text: `[1,{"a":1.00}]`}},
		`{"b": 1e400, "a": null, "c": "", "d": "x\u0001<b>"}`: {{Name: "b", Text: "1e400", IsNumber: true}, {Name: "a", None: true}, {Name: "c"}, {Name: "d", Text: "x\u0001<b>"}},
		`"` + long + `"`:        {{Start: long[:2*lineLength], Text: long[:2*valueLength], Cut: true}},
		deep:                    {{Start: deep[:lineLength], Text: deep[:valueLength], Cut: true}},
		`{"broken`:              {{Text: `{"broken`}},
		"{\"bytes\": \"\xff\"}": {{Name: "bytes", Text: "�"}},
	} {
		got := valuesOf(models.JSON(document))
		if len(got) != len(want) {
			t.Errorf("%.60q: %+v", document, got)
			continue
		}
		for i := range got {
			if got[i] != want[i] {
				t.Errorf("%.60q: %+v, want %+v", document, got[i], want[i])
			}
		}
	}
	many := "{"
	for i := range 100 {
		many += fmt.Sprintf(`"k%d": %d,`, i, i)
	}
	if got := valuesOf(models.JSON(many + `"last": 1}`)); len(got) != mostValues+1 || got[mostValues] != (value{More: 101 - mostValues}) {
		t.Errorf("of many values: %+v", got)
	}
	if valuesOf(nil) != nil {
		t.Error("nothing has values")
	}
}

// TestReasonsHaveWords of every code that there is, and of one that there is not.
func TestReasonsHaveWords(t *testing.T) {
	t.Parallel()
	payload := valuesOf(models.JSON(`{"id_segmen": 77, "id_produk": 3, "created_at": "infinity", "produk": "A\\xff"}`))
	for code, want := range map[string]string{
		"dangling_reference(id_segmen)": "id_segmen is 77, and tbl_segmen has no row with that id.",
		"parent_quarantined(id_segmen)": "id_segmen is 77, and that row of tbl_segmen is in quarantine itself.",
		"unfit_value(created_at)":       "created_at holds a value that cannot be shown: infinity.",
		"invalid_text(produk)":          "produk holds bytes that are not UTF-8 text.",
		"something_new":                 "It cannot stand in the mirror: something_new.",
	} {
		got := reasonOf(models.Quarantined{Table: "products", Reason: code}, payload, models.Tables())
		if !strings.HasPrefix(got.What, want) || got.Todo == "" {
			t.Errorf("%s: %+v", code, got)
		}
	}
}
