package doctor

import (
	"context"
	"fmt"
	"strings"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/database"
	"lifecycle-sync/repositories/pmo"
)

func (e *examination) mirrorTables() []check {
	return []check{
		{name: "mirror.migrations", on: inMirror, look: e.migrations},
		{name: "mirror.tables", on: inMirror, look: e.mirrorPresent},
		{name: "mirror.columns", on: inMirror, look: e.mirrorColumns},
		{name: "mirror.width", on: inMirror, also: inSource, postgres: true, look: e.mirrorWidth},
		{name: "mirror.rights", on: inMirror, postgres: true, look: e.mirrorRights},
		{name: "mirror.owner", on: inMirror, postgres: true, look: e.mirrorOwner},
		{name: "mirror.foreign_keys", on: inMirror, also: inSource, postgres: true, look: e.foreignKeys},
		{name: "mirror.triggers", on: inMirror, postgres: true, look: e.triggers},
		{name: "mirror.search_index", on: inMirror, postgres: true, look: e.searchIndex},
		{name: "mirror.vanished", on: inMirror, also: inSource, look: e.vanished},
	}
}

func (e *examination) migrations(ctx context.Context) ([]Finding, error) {
	current, latest, err := e.Store.SchemaVersion(ctx)
	if err != nil {
		return nil, err
	}
	e.migrated = current >= latest
	const migrate = "Run lifecycle-sync migrate, as the role that shall own the tables."
	switch {
	case current == 0:
		return []Finding{problem("the tables in pmo_db were never made", migrate)}, nil
	case current < latest:
		return []Finding{problem(fmt.Sprintf("the tables in pmo_db are of version %d, and this binary needs %d", current, latest), migrate)}, nil
	case current > latest:
		return []Finding{problem(fmt.Sprintf("the tables in pmo_db are of version %d, newer than version %d of this binary", current, latest),
			"Use the newer lifecycle-sync that made them.")}, nil
	default:
		return []Finding{ok(fmt.Sprintf("the tables in pmo_db are of version %d, this binary's", current))}, nil
	}
}

// mirrorPresent looks for the mirror's tables and ours beside it.
func (e *examination) mirrorPresent(ctx context.Context) (found []Finding, err error) {
	names := pmo.OwnTables()
	for _, t := range e.Tables {
		names = append(names, t.Mirror)
	}
	if e.mirror.tables, err = e.Store.Examiner().Inspect(ctx, names); err != nil {
		return nil, err
	}
	hidden, err := e.elsewhere(ctx, e.Store.Examiner(), e.mirror.tables)
	if err != nil {
		return nil, err
	}
	var missing []string
	for _, name := range names {
		place, lies := hidden[name]
		switch {
		case e.mirror.tables[name].Exists:
		case lies:
			found = append(found, outOfSight(inMirror, name, place, e.mirror.server))
		default:
			missing = append(missing, name)
		}
	}
	switch {
	case missing == nil:
		return orOK(found, "every table is there"), nil
	case !e.migrated:
		return append(found, because(strings.Join(missing, ", "), "mirror.migrations")), nil
	default:
		return append(found, problem("missing: "+strings.Join(missing, ", "), e.remake())), nil
	}
}

// remake is how to get back tables that somebody has dropped. SQLite's migrations cannot be run twice.
func (e *examination) remake() string {
	if !e.Store.Features().Server {
		return "Bring them back from a backup, or name another file in PMO_DATABASE_URL."
	}
	return "Bring them back from a backup. Or have them made anew, empty: in pmo_db DELETE FROM lifecycle_sync_migrations WHERE version_id > 0, " +
		"then run lifecycle-sync migrate."
}

// mirrored calls fn with the mirror's tables that are there.
func (e *examination) mirrored(fn func(t *models.Table, info database.TableInfo)) {
	for _, t := range e.Tables {
		if info := e.mirror.tables[t.Mirror]; info.Exists {
			fn(t, info)
		}
	}
}

func (e *examination) mirrorColumns(context.Context) (found []Finding, err error) {
	e.mirrored(func(t *models.Table, _ database.TableInfo) {
		found = append(found, problems(inMirror, e.Store.TableChecks(e.source.tables, e.mirror.tables)[2].Find(t))...)
	})
	return e.ofTables(inMirror, found, "columns, types and keys are as they must be"), nil
}

func (e *examination) mirrorWidth(context.Context) (found []Finding, err error) {
	e.mirrored(func(t *models.Table, _ database.TableInfo) {
		found = append(found, problems(inMirror, e.Store.TableChecks(e.source.tables, e.mirror.tables)[3].Find(t))...)
	})
	return e.ofTables(inMirror, found, "the mirror can hold all that lifecycle_db can"), nil
}

func (e *examination) mirrorRights(ctx context.Context) (found []Finding, err error) {
	role := e.mirror.server.Role
	e.mirrored(func(t *models.Table, info database.TableInfo) {
		if !info.Readable || !info.Writable {
			found = append(found, problem(role+" may not read and write "+t.Mirror, "In pmo_db: GRANT SELECT, INSERT, UPDATE, DELETE ON "+t.Mirror+" TO "+role))
		}
	})
	lacking, err := e.Store.LackingRights(ctx)
	for _, grant := range lacking {
		found = append(found, problem(role+" lacks "+strings.TrimPrefix(grant, "GRANT "), "In pmo_db: "+grant+" TO "+role))
	}
	return e.ofTables(inMirror, found, role+" has every right that it needs"), err
}

func (e *examination) mirrorOwner(context.Context) (found []Finding, err error) {
	var others []string
	e.mirrored(func(t *models.Table, info database.TableInfo) {
		if !info.Owned {
			others = append(others, t.Mirror)
		}
	})
	if others != nil {
		found = append(found, note("another role owns "+strings.Join(others, ", "),
			"Nothing from day to day. Migrations, foreign keys and the search's index are the owner's work: docs/operations.md, under roles and rights."))
	}
	return e.ofTables(inMirror, found, e.mirror.server.Role+" owns the mirror's tables"), nil
}

// foreignKeys are no problem where they are missing: then every row is compared.
func (e *examination) foreignKeys(ctx context.Context) (found []Finding, err error) {
	var there []*models.Table
	for _, t := range e.present() {
		if e.mirror.tables[t.Mirror].Exists {
			there = append(there, t)
		}
	}
	missing, err := e.Store.MissingKeys(ctx, there)
	for _, key := range missing {
		found = append(found, note("a foreign key is missing: runs compare the table row by row",
			"The next full run of a role that owns the table adds it. Or once its orphans are gone, in pmo_db, as the owner: "+key))
	}
	return e.ofTables(inMirror, found, "every reference has its foreign key"), err
}

func (e *examination) triggers(ctx context.Context) (found []Finding, err error) {
	foreign, err := e.Store.Foreign(ctx)
	for _, what := range foreign {
		found = append(found, note("somebody has made a "+what+": runs hash every table whole, and fail when it changes what they write",
			"If nobody needs it, in pmo_db: DROP "+what))
	}
	return e.ofTables(inMirror, found, "there are no triggers or rules of others"), err
}

func (e *examination) searchIndex(ctx context.Context) ([]Finding, error) {
	if !e.mirror.tables["tbl_produk_lifecycle"].Exists {
		return []Finding{because("", "mirror.tables")}, nil
	}
	state, err := e.Store.SearchIndex(ctx)
	if err != nil {
		return nil, err
	}
	return []Finding{judgeSearchIndex(state.Present, models.AsError(state.Obstacle()))}, nil
}

func judgeSearchIndex(present bool, obstacle *models.Error) Finding {
	switch {
	case present:
		return ok("searches have their index")
	case obstacle != nil:
		return note(obstacle.LegacyMessage, obstacle.LegacyRemedy)
	default:
		return note("searches read every product: their index is not there yet", "lifecycle-sync serve builds it in the background.")
	}
}

// vanished looks for tables that a run would not take for empty.
func (e *examination) vanished(ctx context.Context) (found []Finding, err error) {
	for _, t := range e.Tables {
		if e.source.tables[t.Source].Exists || !e.migrated || !e.mirror.tables[t.Mirror].Exists || !e.mirror.tables["lifecycle_sync_run_tables"].Exists {
			continue
		}
		known, err := e.Store.IsMirrored(ctx, t)
		if err != nil {
			return found, err
		}
		if known {
			found = append(found, problem(t.Source+" is no longer in lifecycle_db, and its rows are mirrored",
				"Bring it back, or see that the search_path and the role of LIFECYCLE_DATABASE_URL still reach it. If it is gone for good, docs/operations.md says how to forget it."))
		}
	}
	return e.ofTables(inMirror, found, "no table that was mirrored is gone"), nil
}
