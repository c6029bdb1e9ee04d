package pmo

import (
	"context"
	"fmt"
	"slices"
	"strings"

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
		return &models.Error{Class: models.Schema, LegacyMessage: "pmo_db has the encoding " + encoding,
			LegacyRemedy: "Create it anew with ENCODING 'UTF8', so that it can hold every text."}
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
	if err := m.store.judge(m.infos, expectation{source: source, writing: m.writing, missing: m.absent}); err != nil {
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
	var missing []string
	for name, info := range infos {
		if !info.Exists {
			missing = append(missing, name)
		}
		m.Triggered = m.Triggered || info.Altered
	}
	if m.absent = len(missing) == len(infos); m.absent && !m.writing || missing == nil {
		return nil
	}
	slices.Sort(missing)
	return &models.Error{Class: models.Schema, LegacyMessage: "missing in pmo_db: " + strings.Join(missing, ", ") + ". Nothing was changed",
		LegacyRemedy: "Run lifecycle-sync migrate; a table that was made before must be where the search_path finds it."}
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
			return &models.Error{Class: models.Schema, LegacyMessage: t.Source + " is no longer in lifecycle_db, and its rows are mirrored",
				LegacyRemedy: "Bring the table back, or see that the search_path and the role of LIFECYCLE_DATABASE_URL still reach it. Nothing was changed. " +
					"If it is gone for good, docs/operations.md says how to forget it."}
		}
	}
	return nil
}

// mirroredBefore asks whether a table has rows in the mirror, or was in a run.
func mirroredBefore(t *models.Table) string {
	return "SELECT EXISTS (SELECT 1 FROM " + t.Mirror + ") OR EXISTS (SELECT 1 FROM lifecycle_sync_run_tables WHERE table_name = '" + t.Name + "')"
}

// expectation is what inspect holds the mirror's tables to.
type expectation struct {
	source  map[string]database.TableInfo // lifecycle_db's entries, when the two are to be compared
	writing bool                          // the role must be able to write
	missing bool                          // a table may not be there yet
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

// judge reports everything that keeps a table of the mirror from holding the source's rows. Errors:
// schema, permission.
func (s *Store) judge(infos map[string]database.TableInfo, expect expectation) error {
	var flaws []database.Flaw
	class := models.Schema
	for _, t := range s.tables {
		info := infos[t.Mirror]
		switch {
		case !info.Exists && !expect.missing:
			flaws = append(flaws, database.Flaw{What: t.Mirror + " does not exist", Mend: "run lifecycle-sync migrate"})
		case !info.Exists:
			continue
		case !info.Writable && expect.writing:
			class = models.Permission
			flaws = append(flaws, database.Flaw{What: t.Mirror + " may not be written",
				Mend: "GRANT SELECT, INSERT, UPDATE, DELETE ON " + t.Mirror + " TO the role of PMO_DATABASE_URL"})
		default:
			flaws = append(flaws, s.shape(t, info)...)
			flaws = append(flaws, narrower(t, expect.source[t.Source], info)...)
		}
	}
	if flaws != nil {
		return &models.Error{Class: class, LegacyMessage: "the mirror in pmo_db cannot be used: " + database.Sentences(flaws),
			LegacyRemedy: "Mend this in pmo_db, then run again. Nothing was changed."}
	}
	return nil
}

// shape reports what keeps a table of the mirror from being written to, whatever the source is.
func (s *Store) shape(t *models.Table, info database.TableInfo) []database.Flaw {
	return slices.Concat(s.db.CheckColumns(t.Mirror, t, info), database.CheckKey(t.Mirror, info), unfillable(t, info))
}

// unfillable reports columns of the mirror that no source row could fill.
func unfillable(t *models.Table, info database.TableInfo) (flaws []database.Flaw) {
	known := map[string]bool{}
	for _, c := range t.Columns {
		known[c.Name] = true
	}
	for name, c := range info.Columns {
		if !known[name] && c.NotNull && !c.Default {
			flaws = append(flaws, database.Flaw{What: fmt.Sprintf("%s.%s is NOT NULL and unknown to lifecycle_db", t.Mirror, name),
				Mend: fmt.Sprintf("ALTER TABLE %s ALTER COLUMN %s DROP NOT NULL", t.Mirror, name)})
		}
	}
	return flaws
}

// narrower reports columns of the mirror that cannot hold what the source's may hold.
func narrower(t *models.Table, source, mirror database.TableInfo) (flaws []database.Flaw) {
	if !source.Exists {
		return nil
	}
	add := func(c models.Column, what, change string) {
		flaws = append(flaws, database.Flaw{What: t.Mirror + "." + c.Name + " " + what, Mend: "ALTER TABLE " + t.Mirror + " ALTER COLUMN " + c.Name + " " + change})
	}
	for _, c := range t.Columns {
		from, to := source.Columns[c.Name], mirror.Columns[c.Name]
		if to.NotNull && !from.NotNull && c.Name != "id" { // a view's ids are counted instead
			add(c, "is NOT NULL, and NULL in lifecycle_db is allowed", "DROP NOT NULL")
		}
		if limit := database.TextLimit(to.Type); limit > 0 && (database.TextLimit(from.Type) == 0 || database.TextLimit(from.Type) > limit) {
			add(c, fmt.Sprintf("holds %d characters, fewer than in lifecycle_db", limit), "TYPE text")
		}
		if !database.WholeMicroseconds(to.Type) {
			add(c, "is "+to.Type+" and would round", "TYPE timestamptz")
		}
	}
	return flaws
}
