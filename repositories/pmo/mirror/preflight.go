package mirror

import (
	"context"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/database"
)

// Examine reads what the catalogue says of the mirror. It needs nothing of the source, so both
// databases can be looked at together. Errors: schema, connection.
func (m *Reader) Examine(ctx context.Context) (err error) {
	holdable, err := m.s.Conn.LockableTables(ctx, m.s.MirrorNames())
	if err != nil {
		return err
	}
	if err := m.s.Conn.LockDefinitions(ctx, holdable); err != nil {
		return err
	}
	if m.infos, err = m.s.Conn.Inspect(ctx, m.s.MirrorNames()); err != nil {
		return err
	}
	if err := m.look(m.infos); err != nil || m.absent || !m.s.DB.Features().Server {
		return err
	}
	hash, encoding, err := m.s.Conn.ProbeHash(ctx)
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
	m.guarded, err = readKeys(ctx, m.s.Conn)
	return err
}

// Assume takes over what an earlier look at the catalogue has found, whose connection may be closed.
func (m *Reader) Assume(earlier *Reader) {
	m.infos, m.guarded, m.absent, m.hashing = earlier.infos, earlier.guarded, earlier.absent, earlier.hashing
	m.Probe, m.Triggered = earlier.Probe, earlier.Triggered
}

// Preflight holds the mirror, once examined, against the source before any row is read: source are the
// catalogue's entries of lifecycle_db by table name, present the tables it has. It also tells which
// foreign keys that the models ask for are not there, by table name: rows of those tables may be
// orphans. Errors: schema and permission (every problem with its mending), connection.
func (m *Reader) Preflight(ctx context.Context, source map[string]database.TableInfo, present []*models.Table) (missingKeys map[string][]models.Column, err error) {
	if err := m.s.Preflight(source, m.infos, m.writing); err != nil {
		return nil, err
	}
	if err := m.refuseVanished(ctx, present); err != nil || m.guarded == nil {
		return nil, err
	}
	return m.guarded.missing(present), nil
}

// look notes what the catalogue tells of the mirror as a whole. All tables may be missing before the
// first migration, when nothing is to be written; some may not.
func (m *Reader) look(infos map[string]database.TableInfo) error {
	m.absent = true
	for _, info := range infos {
		m.absent = m.absent && !info.Exists
		m.Triggered = m.Triggered || info.HasTriggers
	}
	if m.absent && !m.writing {
		return nil
	}
	return database.Preflight(m.s.TableChecks(nil, infos)[:1], m.s.Tables, "schema.mirror_unusable", "schema.mirror_unusable_remedy")
}

// refuseVanished stops a run when a table that used to be mirrored is no longer there: it must never
// be taken for empty.
func (m *Reader) refuseVanished(ctx context.Context, present []*models.Table) error {
	if m.absent {
		return nil
	}
	for _, t := range m.s.Tables {
		if models.FindTable(present, t.Source) != nil {
			continue
		}
		var known bool
		if err := m.s.Conn.QueryRow(ctx, mirroredBefore(t), nil, &known); err != nil {
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
