package doctor

import (
	"context"
	"slices"
	"strings"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/lifecycle"
)

func (d *diagnosis) sourceChecks() []check {
	role := func(code string) func() Finding {
		return func() Finding { return ok(code, params{"role": d.source.server.Role}) }
	}
	readable := d.source.preflightCheck("source.readable", role("doctor.source_readable"), d.hiddenRows)
	readable.postgresOnly = true
	return []check{
		{name: "source.tables", db: &d.source, blocksRuns: true, find: d.sourceTables},
		readable,
		d.source.preflightCheck("source.columns", func() Finding { return ok("doctor.columns_ok", nil) }, nil),
		d.source.preflightCheck("source.keys", func() Finding { return ok("doctor.source_keys_ok", nil) }, d.duplicateIDs),
		{name: "source.writing", db: &d.source, postgresOnly: true, find: d.sourceWriting},
		{name: "source.rights", db: &d.source, postgresOnly: true, find: d.sourcePrivileges},
		{name: "source.required_values", db: &d.source, find: d.requiredValues},
		{name: "source.references", db: &d.source, find: d.references},
	}
}

func (d *diagnosis) sourceNames() (names []string) {
	for _, t := range d.Tables {
		names = append(names, t.Source)
	}
	return names
}

func (d *diagnosis) sourceTables(ctx context.Context) (found []Finding, err error) {
	hidden, err := d.source.inspect(ctx, d.sourceNames())
	if err != nil {
		return nil, err
	}
	presence := d.source.tableChecks()[0]
	for _, t := range d.Tables {
		finding, isHidden := hidden[t.Source]
		switch {
		case isHidden:
			found = append(found, finding)
		case t.Optional && !d.source.has(t):
			found = append(found, ok("doctor.optional_table_missing", params{"table": t.Source}))
		default:
			found = append(found, problems(presence.Find(t))...)
		}
	}
	return okIfNone(found, ok("doctor.tables_ok", nil)), nil
}

// hiddenRows finds tables whose rows a row-level policy may hide from the role.
func (d *diagnosis) hiddenRows(ctx context.Context) (found []Finding, err error) {
	if d.access, err = d.Source.Access(ctx, d.sourceNames()); err != nil {
		return nil, err
	}
	for _, t := range d.source.existing() {
		if d.access[t.Source].Hidden && d.source.tables[t.Source].Readable {
			found = append(found, problem("doctor.rows_hidden", params{"table": t.Source}, asSuperuser(inSource, "ALTER ROLE "+d.source.server.Role+" BYPASSRLS")))
		}
	}
	return found, nil
}

func asSuperuser(at, statement string) *models.Remedy {
	return models.NewCommand("remedy.run_sql_as_superuser", params{"database": at}, statement)
}

// duplicateIDs counts ids where no key guarantees that they are unique.
func (d *diagnosis) duplicateIDs(ctx context.Context) (found []Finding, err error) {
	for _, t := range d.source.existing() {
		if d.source.tables[t.Source].UniqueIDs() || !d.countable(t, "id") {
			continue
		}
		duplicates, err := d.Source.CountDuplicateIDs(ctx, t)
		if found, err = d.counted(found, t.Source, duplicates, err, Finding{Status: Problem, Problem: lifecycle.DuplicateIDs(t, duplicates)}); err != nil {
			return found, err
		}
	}
	return found, nil
}

// writable reports whether the API writes to a table.
func writable(t *models.Table) bool {
	return t.Source == lifecycle.ProductTable || t.Source == lifecycle.HistoryTable
}

func (d *diagnosis) sourceWriting(context.Context) (found []Finding, err error) {
	role := d.source.server.Role
	for _, t := range d.source.existing() {
		a, known := d.access[t.Source]
		if lacking := privileges(!a.Insert, !a.Update, !a.Delete, false); known && writable(t) && lacking != "" {
			found = append(found, note("doctor.api_cannot_write", params{"table": t.Source},
				models.NewCommand("doctor.api_cannot_write_remedy", nil, "GRANT "+lacking+" ON "+t.Source+" TO "+role)))
		}
	}
	return d.source.withSkippedTables(found, ok("doctor.api_can_write", nil)), nil
}

// sourcePrivileges finds privileges that the role does not need. Nothing can be revoked from a superuser.
func (d *diagnosis) sourcePrivileges(context.Context) (found []Finding, err error) {
	role := d.source.server.Role
	if d.source.server.Superuser {
		return []Finding{skippedBecause("lifecycle_db.role")}, nil
	}
	for _, t := range d.source.existing() {
		a := d.access[t.Source]
		excess := privileges(a.Insert && !writable(t), a.Update && !writable(t), a.Delete && !writable(t), a.Truncate)
		values := params{"role": role, "table": t.Source, "setting": "LIFECYCLE_DATABASE_URL"}
		switch {
		case a.Owned:
			found = append(found, note("doctor.role_owns_table", values, models.NewRemedy("doctor.other_role_remedy", values)))
		case excess != "":
			found = append(found, note("doctor.excess_privileges", values, models.NewSQL(inSource, "REVOKE "+excess+" ON "+t.Source+" FROM "+role)))
		}
	}
	return d.source.withSkippedTables(found, ok("doctor.no_excess_privileges", params{"role": role})), nil
}

func privileges(insert, update, remove, truncate bool) string {
	var all []string
	for _, p := range []struct {
		name string
		yes  bool
	}{{"INSERT", insert}, {"UPDATE", update}, {"DELETE", remove}, {"TRUNCATE", truncate}} {
		if p.yes {
			all = append(all, p.name)
		}
	}
	return strings.Join(all, ", ")
}

// required lists the columns that the API requires although the source allows NULL.
func required(t *models.Table) []string {
	return map[string][]string{
		"tbl_segmen": {"segmen"}, "tbl_stage": {"stage"}, "tbl_kategori": {"kategori"},
		"tbl_produk":        {"produk", "id_kategori", "id_segmen", "id_stage"},
		"tbl_stage_histori": {"id_produk", "stage_now"},
	}[t.Source]
}

func (d *diagnosis) requiredValues(ctx context.Context) ([]Finding, error) {
	var lists []rowList
	for _, t := range d.source.existing() {
		for _, column := range required(t) {
			lists = append(lists, rowList{t.Source + "." + column, lifecycle.ListNulls(t, column), d.countable(t, column),
				"doctor.required_value_missing", "doctor.required_value_missing_remedy"})
		}
	}
	return d.countRows(ctx, lists, ok("doctor.required_values_ok", nil))
}

func (d *diagnosis) references(ctx context.Context) ([]Finding, error) {
	var lists []rowList
	for _, t := range d.source.existing() {
		for _, c := range t.References() {
			i := slices.IndexFunc(d.Tables, func(parent *models.Table) bool { return parent.Source == c.References })
			if parent := d.Tables[i]; d.source.has(parent) {
				lists = append(lists, rowList{t.Source + "." + c.Name, lifecycle.ListDangling(t, c), d.countable(t, c.Name) && d.countable(parent, "id"),
					"doctor.reference_dangling", "doctor.reference_dangling_remedy"})
			}
		}
	}
	return d.countRows(ctx, lists, ok("doctor.references_ok", nil))
}

// rowList is a SELECT of unwanted rows, with the codes of the text and the remedy.
type rowList struct {
	column, query string
	countable     bool
	code, remedy  string
}

// countRows notes how many rows each list has.
func (d *diagnosis) countRows(ctx context.Context, lists []rowList, otherwise Finding) (found []Finding, err error) {
	for _, l := range lists {
		if !l.countable {
			found = append(found, skipped("doctor.tables_skipped", params{"tables": l.column, "check": "source.readable, source.columns"}))
			continue
		}
		n, err := d.Source.Count(ctx, l.query)
		if found, err = d.counted(found, l.column, n, err, note(l.code, params{"column": l.column, "count": n}, models.NewCommand(l.remedy, nil, l.query))); err != nil {
			return found, err
		}
	}
	return d.source.withSkippedTables(found, otherwise), nil
}

// countable reports whether a column can be read.
func (d *diagnosis) countable(t *models.Table, column string) bool {
	info := d.source.tables[t.Source]
	_, exists := info.Columns[column]
	return exists && info.Readable && !d.access[t.Source].Hidden
}

// counted adds a finding if any rows were counted. If counting exceeded the time limit, that is no fault of the database.
func (d *diagnosis) counted(found []Finding, what string, n int64, err error, some Finding) ([]Finding, error) {
	switch e := models.AsError(err); {
	case e != nil && e.Class == models.Timeout:
		some = skipped("doctor.not_counted", params{"what": what, "limit": d.CheckTime})
		some.Remedy = models.NewRemedy("doctor.not_counted_remedy", nil)
		return append(found, some), nil
	case e != nil:
		return found, err
	case n > 0:
		return append(found, some), nil
	default:
		return found, nil
	}
}
