package mirror

import (
	"context"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/database"
	"lifecycle-sync/repositories/pmo"
)

// Examine reads the mirror's catalogue entries. It needs nothing from the source, so both databases can be examined at
// the same time. Errors: schema, connection.
func (m *Reader) Examine(ctx context.Context) (err error) {
	holdable, err := m.conn.LockableTables(ctx, m.s.MirrorNames())
	if err != nil {
		return err
	}
	if err := m.conn.LockDefinitions(ctx, holdable); err != nil {
		return err
	}
	if m.infos, err = m.conn.Inspect(ctx, m.s.MirrorNames()); err != nil {
		return err
	}
	if err := m.checkTables(); err != nil || m.absent || !m.s.Features().Server {
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
	m.guarded, err = readKeys(ctx, m.s)
	return err
}

// Assume takes over what an earlier reader, which may be closed, has found in the catalogue.
func (m *Reader) Assume(earlier *Reader) {
	m.infos, m.guarded, m.absent, m.hashing = earlier.infos, earlier.guarded, earlier.absent, earlier.hashing
	m.Probe, m.Triggered = earlier.Probe, earlier.Triggered
}

// Preflight compares the examined mirror with the source before any row is read: source are the catalogue entries of
// lifecycle_db by table name, present its tables. It returns the missing foreign keys by table name: rows of those tables
// may be orphans. Errors: schema and permission (all problems with their remedies), connection.
func (m *Reader) Preflight(ctx context.Context, source map[string]database.TableInfo, present []*models.Table) (missingKeys map[string][]models.Column, err error) {
	if err := m.s.Preflight(source, m.infos, m.writing); err != nil {
		return nil, err
	}
	if err := m.refuseVanished(ctx, present); err != nil || m.guarded == nil {
		return nil, err
	}
	return m.guarded.missing(present), nil
}

// checkTables checks that all tables exist, or, before the first migration and without writing, none.
func (m *Reader) checkTables() error {
	m.absent = true
	for _, info := range m.infos {
		m.absent = m.absent && !info.Exists
		m.Triggered = m.Triggered || info.HasTriggers
	}
	if m.absent && !m.writing {
		return nil
	}
	return database.Preflight(m.s.TableChecks(nil, m.infos)[:1], m.s.Tables(), "schema.mirror_unusable", "schema.mirror_unusable_remedy")
}

// refuseVanished stops a run when the source lacks a table that was mirrored before: it must never count as empty.
func (m *Reader) refuseVanished(ctx context.Context, present []*models.Table) error {
	if m.absent {
		return nil
	}
	for _, t := range m.s.Tables() {
		if models.FindTable(present, t.Source) != nil {
			continue
		}
		if mirrored, err := isMirrored(ctx, m.s, t); err != nil {
			return err
		} else if mirrored {
			return models.NewError(models.Schema, "schema.table_vanished", models.Params{"table": t.Source}).WithRemedy("schema.table_vanished_remedy", nil)
		}
	}
	return nil
}

func isMirrored(ctx context.Context, s *pmo.Session, t *models.Table) (mirrored bool, err error) {
	err = s.Gorm(ctx).Raw("SELECT EXISTS (SELECT 1 FROM "+t.Mirror+") OR EXISTS (SELECT 1 FROM lifecycle_sync_run_tables WHERE table_name = ?)", t.Name).Scan(&mirrored).Error
	return mirrored, s.Translate(err)
}
