package doctor

import (
	"context"
	"fmt"
	"strings"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/database"
	"lifecycle-sync/repositories/lifecycle"
)

func (e *examination) sourceTables() []check {
	return []check{
		{name: "source.tables", on: inSource, look: e.sourcePresent},
		{name: "source.readable", on: inSource, postgres: true, look: e.sourceReadable},
		{name: "source.columns", on: inSource, look: e.sourceColumns},
		{name: "source.keys", on: inSource, look: e.sourceKeys},
		{name: "source.writing", on: inSource, postgres: true, look: e.sourceWriting},
		{name: "source.rights", on: inSource, postgres: true, look: e.sourceRights},
	}
}

func (e *examination) sourceNames() (names []string) {
	for _, t := range e.Tables {
		names = append(names, t.Source)
	}
	return names
}

// present lists the tables that lifecycle_db has.
func (e *examination) present() (tables []*models.Table) {
	for _, t := range e.Tables {
		if e.source.tables[t.Source].Exists {
			tables = append(tables, t)
		}
	}
	return tables
}

func (e *examination) sourcePresent(ctx context.Context) (found []Finding, err error) {
	if e.source.tables, err = e.Source.Examiner().Inspect(ctx, e.sourceNames()); err != nil {
		return nil, err
	}
	hidden, err := e.elsewhere(ctx, e.Source.Examiner(), e.source.tables)
	if err != nil {
		return nil, err
	}
	var missing []string
	for _, t := range e.Tables {
		place, lies := hidden[t.Source]
		switch {
		case e.source.tables[t.Source].Exists:
		case lies:
			found = append(found, outOfSight(inSource, t.Source, place, e.source.server))
		case t.Optional:
			found = append(found, ok(t.Source+" is not there, which is allowed: categories are then the ids that the products carry"))
		default:
			missing = append(missing, t.Source)
		}
	}
	if missing != nil {
		found = append(found, problem("missing: "+strings.Join(missing, ", "), "See that LIFECYCLE_DATABASE_URL names the right database. "+
			"An empty one can be filled with invented data: lifecycle-sync seed."))
	}
	return orOK(found, "every table is there"), nil
}

// elsewhere finds the tables that are there, where nobody looks. SQLite has no such place.
func (e *examination) elsewhere(ctx context.Context, ask *database.Examiner, tables map[string]database.TableInfo) (map[string]database.Elsewhere, error) {
	var missing []string
	for name, info := range tables {
		if !info.Exists {
			missing = append(missing, name)
		}
	}
	if missing == nil || !e.Source.Features().Server {
		return nil, nil //nolint:nilnil // nothing lies anywhere
	}
	return ask.Elsewhere(ctx, missing)
}

func outOfSight(at side, table string, lies database.Elsewhere, s database.Server) Finding {
	if !lies.Usable {
		return problem(fmt.Sprintf("%s lies in the schema %s, which %s may not use", table, lies.Schema, s.Role),
			fmt.Sprintf("In %s: GRANT USAGE ON SCHEMA %s TO %s", at, lies.Schema, s.Role))
	}
	return problem(fmt.Sprintf("%s lies in the schema %s, where the search_path of %s does not look", table, lies.Schema, s.Role),
		fmt.Sprintf("In %s: ALTER ROLE %s IN DATABASE %s SET search_path = %s, public", at, s.Role, s.Database, lies.Schema))
}

func (e *examination) sourceReadable(ctx context.Context) (found []Finding, err error) {
	if e.access, err = e.Source.Access(ctx, e.sourceNames()); err != nil {
		return nil, err
	}
	role := e.source.server.Role
	for _, t := range e.present() {
		switch {
		case !e.source.tables[t.Source].Readable:
			found = append(found, problem(t.Source+" may not be read", "In lifecycle_db: GRANT SELECT ON "+t.Source+" TO "+role))
		case e.access[t.Source].Hidden:
			found = append(found, problem("a row-level policy may hide rows of "+t.Source+", and a run refuses to work on a part of a table",
				"As a superuser: ALTER ROLE "+role+" BYPASSRLS"))
		}
	}
	return e.ofTables(inSource, found, role+" may read every table"), nil
}

func (e *examination) sourceColumns(context.Context) (found []Finding, err error) {
	for _, t := range e.present() {
		found = append(found, problems(inSource, e.Source.TableChecks(e.source.tables)[2].Find(t))...)
	}
	return e.ofTables(inSource, found, "every column is there, with its type"), nil
}

func problems(at side, flaws []models.Problem) (found []Finding) {
	for _, f := range flaws {
		found = append(found, problem(f.Text.String(), "In "+string(at)+": "+f.Remedy.Command))
	}
	return found
}

// sourceKeys counts the ids of what cannot have a key, as a run does.
func (e *examination) sourceKeys(ctx context.Context) (found []Finding, err error) {
	for _, t := range e.present() {
		info := e.source.tables[t.Source]
		found = append(found, problems(inSource, e.Source.TableChecks(e.source.tables)[3].Find(t))...)
		if !info.Keyless || !e.countable(t, "id") {
			continue
		}
		spare, err := e.Source.SpareIDs(ctx, t)
		if uncounted, timed := e.uncounted(t.Source, err); timed {
			found = append(found, uncounted)
		} else if err != nil {
			return found, err
		}
		if spare > 0 {
			found = append(found, problem(fmt.Sprintf("%s is no table, and %d of its rows have no id or one that another row has", t.Source, spare),
				"Mend its definition in lifecycle_db so that id is unique."))
		}
	}
	return e.ofTables(inSource, found, "every id is unique"), nil
}

// written reports whether the API writes to a table.
func written(t *models.Table) bool {
	return t.Source == lifecycle.ProductTable || t.Source == lifecycle.HistoryTable
}

func (e *examination) sourceWriting(context.Context) (found []Finding, err error) {
	for _, t := range e.present() {
		a, there := e.access[t.Source]
		if lacking := rights(!a.Insert, !a.Update, !a.Delete, false); there && written(t) && lacking != "" {
			found = append(found, note("the API cannot write to "+t.Source,
				"Only where people write through the API, in lifecycle_db: GRANT "+lacking+" ON "+t.Source+" TO "+e.source.server.Role))
		}
	}
	return e.ofTables(inSource, found, "the API may write"), nil
}

// sourceRights leaves superusers out: nothing can be taken from them.
func (e *examination) sourceRights(context.Context) (found []Finding, err error) {
	role := e.source.server.Role
	for _, t := range e.present() {
		a := e.access[t.Source]
		spare := rights(a.Insert && !written(t), a.Update && !written(t), a.Delete && !written(t), a.Truncate)
		switch {
		case e.source.server.Superuser:
		case a.Owned:
			found = append(found, note(role+" owns "+t.Source+", and can alter and drop it", "Give LIFECYCLE_DATABASE_URL another role: "+rolesChapter))
		case spare != "":
			found = append(found, note(role+" may do more to "+t.Source+" than anything here needs", "In lifecycle_db: REVOKE "+spare+" ON "+t.Source+" FROM "+role))
		}
	}
	if e.source.server.Superuser {
		return []Finding{because("", "lifecycle_db.role: a superuser has every right")}, nil
	}
	return e.ofTables(inSource, found, role+" has no rights beyond what is needed"), nil
}

func rights(insert, update, remove, truncate bool) string {
	var all []string
	for _, r := range []struct {
		name string
		yes  bool
	}{{"INSERT", insert}, {"UPDATE", update}, {"DELETE", remove}, {"TRUNCATE", truncate}} {
		if r.yes {
			all = append(all, r.name)
		}
	}
	return strings.Join(all, ", ")
}
