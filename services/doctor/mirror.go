package doctor

import (
	"context"
	"slices"

	"lifecycle-sync/models"
	mirrordb "lifecycle-sync/repositories/pmo/mirror"
)

func (d *diagnosis) mirrorChecks() []check {
	columns := d.mirror.preflightCheck("mirror.columns", func() Finding { return ok("doctor.columns_ok", nil) }, nil)
	width := d.mirror.preflightCheck("mirror.width", func() Finding { return ok("doctor.width_ok", nil) }, nil)
	width.requires, width.postgresOnly = &d.source, true
	privileges := d.mirror.preflightCheck("mirror.rights", func() Finding { return ok("doctor.mirror_privileges_ok", params{"role": d.mirror.server.Role}) }, d.missingPrivileges)
	privileges.postgresOnly = true
	return []check{
		{name: "mirror.migrations", db: &d.mirror, find: d.migrations},
		{name: "mirror.tables", db: &d.mirror, blocksRuns: true, find: d.mirrorTables},
		columns, width, privileges,
		{name: "mirror.owner", db: &d.mirror, postgresOnly: true, find: d.mirrorOwner},
		{name: "mirror.foreign_keys", db: &d.mirror, requires: &d.source, postgresOnly: true, find: d.foreignKeys},
		{name: "mirror.triggers", db: &d.mirror, postgresOnly: true, find: d.triggers},
		{name: "mirror.search_index", db: &d.mirror, postgresOnly: true, find: d.searchIndex},
		{name: "mirror.vanished", db: &d.mirror, requires: &d.source, blocksRuns: true, find: d.missingInSource},
	}
}

func (d *diagnosis) migrations(ctx context.Context) ([]Finding, error) {
	current, latest, err := d.Store.SchemaVersion(ctx)
	if err != nil {
		return nil, err
	}
	d.schemaUpToDate = current >= latest
	values := params{"current": current, "latest": latest}
	migrate := models.NewCommand("doctor.migrate_remedy", nil, "lifecycle-sync migrate")
	switch {
	case current == 0:
		return []Finding{problem("doctor.not_migrated", nil, migrate)}, nil
	case current < latest:
		return []Finding{problem("doctor.schema_older", values, migrate)}, nil
	case current > latest:
		return []Finding{problem("doctor.schema_newer", values, models.NewRemedy("doctor.schema_newer_remedy", nil))}, nil
	default:
		return []Finding{ok("doctor.schema_ok", values)}, nil
	}
}

// mirrorTables looks for the mirrored tables and the program's own, such as that of the runs.
func (d *diagnosis) mirrorTables(ctx context.Context) (found []Finding, err error) {
	names := mirrordb.OwnTables()
	for _, t := range d.Tables {
		names = append(names, t.Mirror)
	}
	hidden, err := d.mirror.inspect(ctx, names)
	if err != nil {
		return nil, err
	}
	var missing []string
	for _, name := range names {
		finding, isHidden := hidden[name]
		switch {
		case isHidden:
			found = append(found, finding)
		case !d.mirror.tables[name].Exists:
			missing = append(missing, name)
		}
	}
	switch {
	case missing == nil:
		return okIfNone(found, ok("doctor.tables_ok", nil)), nil
	case !d.schemaUpToDate:
		return append(found, skipped("doctor.tables_skipped", params{"tables": missing, "check": "mirror.migrations"})), nil
	}
	remedy := models.NewCommand("doctor.recreate_tables_remedy", nil, "DELETE FROM lifecycle_sync_migrations WHERE version_id > 0")
	if !d.onServer() { // SQLite's migrations cannot run twice
		remedy = models.NewRemedy("doctor.restore_file_remedy", nil)
	}
	return append(found, problem("doctor.tables_missing", params{"tables": missing}, remedy)), nil
}

// missingPrivileges finds privileges that the role lacks on the program's own tables and on the database.
func (d *diagnosis) missingPrivileges(ctx context.Context) (found []Finding, err error) {
	role := d.mirror.server.Role
	grants, err := mirrordb.New(d.Store).LackingRights(ctx)
	for _, grant := range grants {
		statement := grant + " TO " + role
		found = append(found, problem("doctor.privilege_missing", params{"role": role, "grant": statement}, models.NewSQL(inMirror, statement)))
	}
	return found, err
}

func (d *diagnosis) mirrorOwner(context.Context) (found []Finding, err error) {
	var others []string
	for _, t := range d.mirror.existing() {
		if !d.mirror.tables[t.Mirror].Owned {
			others = append(others, t.Mirror)
		}
	}
	if others != nil {
		found = append(found, note("doctor.other_owner", params{"tables": others}, models.NewRemedy("doctor.other_owner_remedy", nil)))
	}
	return d.mirror.withSkippedTables(found, ok("doctor.owner_ok", params{"role": d.mirror.server.Role})), nil
}

// foreignKeys notes missing foreign keys. Runs work without them, but compare every row.
func (d *diagnosis) foreignKeys(ctx context.Context) (found []Finding, err error) {
	both := slices.DeleteFunc(d.source.existing(), func(t *models.Table) bool { return !d.mirror.has(t) })
	missing, err := mirrordb.New(d.Store).MissingKeys(ctx, both)
	for _, statement := range missing {
		found = append(found, note("doctor.foreign_key_missing", nil, models.NewCommand("doctor.foreign_key_missing_remedy", nil, statement)))
	}
	return d.mirror.withSkippedTables(found, ok("doctor.foreign_keys_ok", nil)), err
}

func (d *diagnosis) triggers(ctx context.Context) (found []Finding, err error) {
	foreign, err := mirrordb.New(d.Store).Triggers(ctx)
	for _, what := range foreign {
		found = append(found, note("doctor.foreign_trigger", params{"object": what}, models.NewCommand("doctor.foreign_trigger_remedy", nil, "DROP "+what)))
	}
	return d.mirror.withSkippedTables(found, ok("doctor.triggers_ok", nil)), err
}

func (d *diagnosis) searchIndex(ctx context.Context) ([]Finding, error) {
	if !d.mirror.tables["tbl_produk_lifecycle"].Exists {
		return []Finding{skippedBecause("mirror.tables")}, nil
	}
	state, err := mirrordb.New(d.Store).SearchIndex(ctx)
	if err != nil {
		return nil, err
	}
	obstacle := models.AsError(state.Obstacle())
	switch {
	case state.Present:
		return []Finding{ok("doctor.search_index_ok", nil)}, nil
	case obstacle != nil:
		return []Finding{failed(Note, obstacle)}, nil
	case d.mirror.transport.Pooled && !d.mirror.inspector.HasDirectURL():
		return []Finding{failed(Note, mirrordb.PooledObstacle())}, nil
	default:
		return []Finding{note("doctor.search_index_missing", nil, models.NewRemedy("doctor.search_index_missing_remedy", nil))}, nil
	}
}

// missingInSource looks for mirrored tables that lifecycle_db no longer has. A run never treats them as empty.
func (d *diagnosis) missingInSource(ctx context.Context) (found []Finding, err error) {
	for _, t := range d.Tables {
		if d.source.has(t) || !d.schemaUpToDate || !d.mirror.has(t) || !d.mirror.tables["lifecycle_sync_run_tables"].Exists {
			continue
		}
		mirrored, err := mirrordb.New(d.Store).IsMirrored(ctx, t)
		if err != nil {
			return found, err
		}
		if mirrored {
			found = append(found, problem("schema.table_vanished", params{"table": t.Source}, models.NewRemedy("schema.table_vanished_remedy", nil)))
		}
	}
	return d.mirror.withSkippedTables(found, ok("doctor.no_table_vanished", nil)), nil
}
