package pmo

import (
	"context"
	"fmt"
	"slices"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/database"
)

// Examine reads what the catalogue says of the mirror. It needs nothing of the source, so both
// databases can be looked at together. Errors: schema, connection.
func (m *Mirror) Examine(ctx context.Context) (err error) {
	holdable, err := m.conn.Holdable(ctx, m.store.mirrorNames())
	if err != nil {
		return err
	}
	if err := m.conn.Hold(ctx, holdable); err != nil {
		return err
	}
	if m.infos, err = m.store.inspect(ctx, m.conn); err != nil {
		return err
	}
	if err := m.look(m.infos); err != nil || m.absent || m.store.Kind() == database.SQLite {
		return err
	}
	hash, encoding, err := m.conn.ProbeHash(ctx)
	if err != nil {
		return err
	}
	if encoding != "UTF8" {
		return models.NewError(models.Schema, "schema.encoding", models.Params{"encoding": encoding}).WithRemedy("schema.encoding_remedy", nil)
	}
	m.Probe = hash
	if m.writing {
		if err := m.checkRights(ctx); err != nil {
			return err
		}
	}
	m.guarded, err = readKeys(ctx, m.conn)
	return err
}

// Assume takes over what an earlier look at the catalogue has found, whose connection may be closed.
func (m *Mirror) Assume(earlier *Mirror) {
	m.infos, m.guarded, m.absent, m.hashing = earlier.infos, earlier.guarded, earlier.absent, earlier.hashing
	m.Probe, m.Triggered = earlier.Probe, earlier.Triggered
}

// Preflight holds the mirror, once examined, against the source before any row is read: source are the
// catalogue's entries of lifecycle_db by table name, present the tables it has. It also tells which
// foreign keys that the models ask for are not there, by table name: rows of those tables may be
// orphans. Errors: schema and permission (every problem with its mending), connection.
func (m *Mirror) Preflight(ctx context.Context, source map[string]database.TableInfo, present []*models.Table) (missingKeys map[string][]models.Column, err error) {
	if err := m.store.preflight(source, m.infos, m.writing); err != nil {
		return nil, err
	}
	if err := m.refuseVanished(ctx, present); err != nil || m.guarded == nil {
		return nil, err
	}
	return m.guarded.missing(present), nil
}

// look notes what the catalogue tells of the mirror as a whole. All tables may be missing before the
// first migration, when nothing is to be written; some may not.
func (m *Mirror) look(infos map[string]database.TableInfo) error {
	m.absent = true
	for _, info := range infos {
		m.absent = m.absent && !info.Exists
		m.Triggered = m.Triggered || info.Altered
	}
	if m.absent && !m.writing {
		return nil
	}
	return database.Preflight(m.store.TableChecks(nil, infos)[:1], m.store.tables, "schema.mirror_unusable", "schema.mirror_unusable_remedy")
}

// refuseVanished stops a run when a table that used to be mirrored is no longer there: it must never
// be taken for empty.
func (m *Mirror) refuseVanished(ctx context.Context, present []*models.Table) error {
	if m.absent {
		return nil
	}
	for _, t := range m.store.tables {
		if find(present, t.Source) != nil {
			continue
		}
		var known bool
		if err := m.conn.QueryRow(ctx, mirroredBefore(t), nil, &known); err != nil {
			return err
		}
		if known {
			return models.NewError(models.Schema, "schema.table_vanished", models.Params{"table": t.Source}).WithRemedy("schema.table_vanished_remedy", nil)
		}
	}
	return nil
}

// mirroredBefore asks whether a table has rows in the mirror, or was in a run.
func mirroredBefore(t *models.Table) string {
	return "SELECT EXISTS (SELECT 1 FROM " + t.Mirror + ") OR EXISTS (SELECT 1 FROM lifecycle_sync_run_tables WHERE table_name = '" + t.Name + "')"
}

// inspect reads the catalogue's entries of the mirror by table name. Errors: connection.
func (s *Store) inspect(ctx context.Context, conn *database.Conn) (map[string]database.TableInfo, error) {
	return conn.Inspect(ctx, s.mirrorNames())
}

func (s *Store) mirrorNames() []string {
	names := make([]string, len(s.tables))
	for i, t := range s.tables {
		names[i] = t.Mirror
	}
	return names
}

// preflight checks the tables that the mirror has. Without writing, the role needs no privileges. Errors: schema, permission.
func (s *Store) preflight(source, mirror map[string]database.TableInfo, writing bool) error {
	existing := slices.DeleteFunc(slices.Clone(s.tables), func(t *models.Table) bool { return !mirror[t.Mirror].Exists })
	checks := slices.DeleteFunc(s.TableChecks(source, mirror), func(c database.TableCheck) bool { return c.Name == "mirror.rights" && !writing })
	return database.Preflight(checks, existing, "schema.mirror_unusable", "schema.mirror_unusable_remedy")
}

// TableChecks lists what must hold for each table of the mirror. source are lifecycle_db's catalogue entries, mirror
// are pmo_db's.
func (s *Store) TableChecks(source, mirror map[string]database.TableInfo) []database.TableCheck {
	check := func(name string, class models.Class, find func(t *models.Table, info database.TableInfo) []models.Problem) database.TableCheck {
		return database.TableCheck{Name: name, Class: class, BlocksRuns: true, Find: func(t *models.Table) []models.Problem { return find(t, mirror[t.Mirror]) }}
	}
	return []database.TableCheck{
		check("mirror.tables", models.Schema, func(t *models.Table, info database.TableInfo) []models.Problem {
			if info.Exists {
				return nil
			}
			return []models.Problem{{Text: models.NewText("schema.table_missing", models.Params{"table": t.Mirror}),
				Remedy: models.NewCommand("schema.mirror_missing_remedy", nil, "lifecycle-sync migrate")}}
		}),
		check("mirror.rights", models.Permission, func(t *models.Table, info database.TableInfo) []models.Problem {
			if info.Readable && info.Writable {
				return nil
			}
			return []models.Problem{s.db.Problem("schema.table_not_writable", models.Params{"role": info.Role, "table": t.Mirror},
				"GRANT SELECT, INSERT, UPDATE, DELETE ON "+t.Mirror+" TO "+info.Role)}
		}),
		check("mirror.columns", models.Schema, func(t *models.Table, info database.TableInfo) []models.Problem {
			return slices.Concat(s.db.CheckColumns(t.Mirror, t, info), s.db.CheckKey(t.Mirror, info), s.unfillable(t, info))
		}),
		check("mirror.width", models.Schema, func(t *models.Table, info database.TableInfo) []models.Problem {
			return s.narrower(t, source[t.Source], info)
		}),
	}
}

// unfillable lists NOT NULL columns of the mirror that no source row has a value for.
func (s *Store) unfillable(t *models.Table, info database.TableInfo) (problems []models.Problem) {
	known := map[string]bool{}
	for _, c := range t.Columns {
		known[c.Name] = true
	}
	for name, c := range info.Columns {
		if !known[name] && c.NotNull && !c.Default {
			problems = append(problems, s.db.Problem("schema.column_unknown_not_null", models.Params{"column": t.Mirror + "." + name},
				fmt.Sprintf("ALTER TABLE %s ALTER COLUMN %s DROP NOT NULL", t.Mirror, name)))
		}
	}
	return problems
}

// narrower lists columns of the mirror that cannot hold every value that the source's can.
func (s *Store) narrower(t *models.Table, source, mirror database.TableInfo) (problems []models.Problem) {
	if !source.Exists {
		return nil
	}
	for _, c := range t.Columns {
		from, to := source.Columns[c.Name], mirror.Columns[c.Name]
		column, alter := t.Mirror+"."+c.Name, "ALTER TABLE "+t.Mirror+" ALTER COLUMN "+c.Name+" "
		if to.NotNull && !from.NotNull && c.Name != "id" { // a view's ids are counted instead
			problems = append(problems, s.db.Problem("schema.column_not_null", models.Params{"column": column}, alter+"DROP NOT NULL"))
		}
		if limit := database.TextLimit(to.Type); limit > 0 && (database.TextLimit(from.Type) == 0 || database.TextLimit(from.Type) > limit) {
			problems = append(problems, s.db.Problem("schema.column_too_short", models.Params{"column": column, "limit": limit}, alter+"TYPE text"))
		}
		if !database.WholeMicroseconds(to.Type) {
			problems = append(problems, s.db.Problem("schema.column_rounds", models.Params{"column": column, "have": to.Type}, alter+"TYPE timestamptz"))
		}
	}
	return problems
}
