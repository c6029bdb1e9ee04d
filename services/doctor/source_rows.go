package doctor

import (
	"context"
	"fmt"
	"slices"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/lifecycle"
)

func (e *examination) sourceRows() []check {
	return []check{
		{name: "source.required_values", on: inSource, look: e.requiredValues},
		{name: "source.references", on: inSource, look: e.references},
	}
}

// required lists the columns that the API asks for, or shows something by, although the source allows NULL.
func required(t *models.Table) []string {
	return map[string][]string{
		"tbl_segmen": {"segmen"}, "tbl_stage": {"stage"}, "tbl_kategori": {"kategori"},
		"tbl_produk":        {"produk", "id_kategori", "id_segmen", "id_stage"},
		"tbl_stage_histori": {"id_produk", "stage_now"},
	}[t.Source]
}

func (e *examination) requiredValues(ctx context.Context) ([]Finding, error) {
	return e.counts(ctx, "no required value is missing", func(t *models.Table) (lists []list) {
		for _, column := range required(t) {
			lists = append(lists, list{t.Source + "." + column, lifecycle.ListNulls(t, column), e.countable(t, column),
				"%s is NULL in %d rows, and the API asks for it", "These rows are mirrored as they are. To see them, in lifecycle_db: "})
		}
		return lists
	})
}

func (e *examination) references(ctx context.Context) ([]Finding, error) {
	return e.counts(ctx, "every reference leads to a row", func(t *models.Table) (lists []list) {
		for _, c := range t.References() {
			i := slices.IndexFunc(e.Tables, func(parent *models.Table) bool { return parent.Source == c.References })
			if parent := e.Tables[i]; e.source.tables[parent.Source].Exists {
				lists = append(lists, list{t.Source + "." + c.Name, lifecycle.ListDangling(t, c), e.countable(t, c.Name) && e.countable(parent, "id"),
					"%s refers to nothing in %d rows, which are kept in quarantine with what refers to them",
					"Correct them, or set them to NULL where that is allowed. To see them, in lifecycle_db: "})
			}
		}
		return lists
	})
}

// list is a SELECT of rows that should not be, and what to say about them.
type list struct {
	column, query   string
	countable       bool
	message, remedy string // the message takes the column and the number
}

// counts tells how many rows each list has.
func (e *examination) counts(ctx context.Context, none string, listsOf func(*models.Table) []list) (found []Finding, err error) {
	for _, t := range e.present() {
		for _, l := range listsOf(t) {
			if !l.countable {
				found = append(found, because(l.column, "source.readable or source.columns"))
				continue
			}
			n, err := e.Source.Count(ctx, l.query)
			if uncounted, timed := e.uncounted(l.column, err); timed {
				found = append(found, uncounted)
			} else if err != nil {
				return found, err
			}
			if n > 0 {
				found = append(found, note(fmt.Sprintf(l.message, l.column, n), l.remedy+l.query))
			}
		}
	}
	return e.ofTables(inSource, found, none), nil
}

// countable reports whether a column can be read.
func (e *examination) countable(t *models.Table, column string) bool {
	info := e.source.tables[t.Source]
	_, there := info.Columns[column]
	return there && info.Readable && !e.access[t.Source].Hidden
}

// uncounted is the finding that counting takes longer than a check may: that is no fault of the database.
func (e *examination) uncounted(what string, err error) (Finding, bool) {
	if failure := models.AsError(err); failure == nil || failure.Class != models.Timeout {
		return Finding{}, false
	}
	return skipped(what+" was not counted: that takes longer than "+e.CheckTime.String(), "Raise CONNECT_TIMEOUT to have it counted."), true
}
