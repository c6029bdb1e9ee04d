package mirror

import (
	"context"
	"strings"

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

// refuseVanished stops a run if the source lacks a table that was mirrored before: it must never count as empty.
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

// isMirrored is IsMirrored on a session. Raw, because GORM has no EXISTS.
func isMirrored(ctx context.Context, s *pmo.Session, t *models.Table) (mirrored bool, err error) {
	err = s.Gorm(ctx).Raw("SELECT EXISTS (SELECT 1 FROM "+t.Mirror+") OR EXISTS (SELECT 1 FROM lifecycle_sync_run_tables WHERE table_name = ?)", t.Name).Scan(&mirrored).Error
	return mirrored, s.Translate(err)
}

// OwnTables names our tables other than the mirror's.
func OwnTables() (names []string) {
	for _, n := range needs() {
		names = append(names, n.table)
	}
	return names
}

// LackingRights lists the grants, without "TO role", that the role lacks on our tables other than the mirror's and on the
// database. PostgreSQL only. Errors: connection.
func (s *Store) LackingRights(ctx context.Context) ([]string, error) {
	return lackingRights(ctx, s.pool.Session, needs())
}

// MissingKeys lists the statements that add missing foreign keys between the tables that the source has. PostgreSQL
// only. Errors: connection.
func (s *Store) MissingKeys(ctx context.Context, present []*models.Table) (statements []string, err error) {
	keys, err := readKeys(ctx, s.pool.Session)
	if err != nil {
		return nil, err
	}
	missing := keys.missing(present)
	for _, t := range present {
		for _, c := range missing[t.Name] {
			statements = append(statements, addKey(t, c, models.FindTable(present, c.References)))
		}
	}
	return statements, nil
}

// Triggers lists the triggers and rules on mirrored tables, as "trigger x on y" and "rule x on y". Raw, because it
// reads the catalogue. PostgreSQL only. Errors: connection.
func (s *Store) Triggers(ctx context.Context) ([]string, error) {
	return database.FirstColumn(s.pool.Query(ctx, `SELECT format('%s %I on %s', f.kind, f.name, f.relation) FROM (
			SELECT 'trigger' AS kind, tgname AS name, tgrelid::regclass AS relation FROM pg_trigger WHERE NOT tgisinternal
			UNION ALL SELECT 'rule', rulename, ev_class::regclass FROM pg_rewrite) f
		JOIN pg_class c ON c.oid = f.relation AND c.relkind IN ('r', 'p')
		WHERE c.oid IN (SELECT to_regclass(quote_ident(n)) FROM unnest($1::text[]) AS n) ORDER BY 1`, s.pool.MirrorNames()))
}

// IsMirrored reports whether a table has mirrored rows or was part of a run: then lifecycle_db must have it. Errors:
// connection, timeout, schema.
func (s *Store) IsMirrored(ctx context.Context, t *models.Table) (mirrored bool, err error) {
	return isMirrored(ctx, s.pool.Session, t)
}

// need lists the privileges that the role needs on one of our tables other than the mirror's.
type need struct {
	table, privileges string
	run               bool // a run needs it; else only the API does
}

// needs lists our tables other than the mirror's. docs/operations.md has them as GRANT statements.
func needs() []need {
	return []need{
		{"lifecycle_sync_runs", "SELECT, INSERT, UPDATE, DELETE", true},
		{"lifecycle_sync_run_tables", "SELECT, INSERT, UPDATE", true},
		{"lifecycle_sync_changes", "SELECT, INSERT, UPDATE, DELETE", true},
		{"lifecycle_sync_quarantine", "SELECT, INSERT, UPDATE, DELETE", true},
		{"lifecycle_mirror_version", "SELECT, UPDATE", true},
		{"lifecycle_mirror_changes", "SELECT, INSERT, DELETE", true},
		{"lifecycle_sync_watermark", "SELECT, INSERT, UPDATE", true},
		{"lifecycle_attachments", "SELECT, INSERT, UPDATE, DELETE", true},
		{"lifecycle_activities", "SELECT, INSERT, UPDATE, DELETE", true},
		{"lifecycle_activity_changes", "SELECT, INSERT, UPDATE, DELETE", true},
		{"lifecycle_writes", "SELECT, INSERT, UPDATE, DELETE", false},
		{"lifecycle_signing_key", "SELECT", false},
		{"lifecycle_views", "SELECT, INSERT, UPDATE, DELETE", false},
		{"lifecycle_import_previews", "SELECT, INSERT, UPDATE, DELETE", false},
	}
}

// lackingRights lists the grants, without the grantee, that the role lacks on existing tables. Raw, because it reads the
// catalogue. PostgreSQL only.
func lackingRights(ctx context.Context, s *pmo.Session, all []need) ([]string, error) {
	var tables, privileges []string
	for _, n := range all {
		tables, privileges = append(tables, n.table), append(privileges, n.privileges)
	}
	return database.FirstColumn(s.Query(ctx, `SELECT concat('GRANT ', n.privileges, ' ON ', n.name)
		FROM unnest($1::text[], $2::text[]) AS n(name, privileges)
		WHERE EXISTS (SELECT FROM unnest(string_to_array(n.privileges, ', ')) AS one WHERE NOT has_table_privilege(to_regclass(n.name), one))
		UNION ALL SELECT 'GRANT TEMPORARY ON DATABASE ' || quote_ident(current_database()) WHERE NOT has_database_privilege(current_database(), 'TEMPORARY')`,
		tables, privileges))
}

// checkRights reports rights that would be found missing in the midst of a run.
func (m *Reader) checkRights(ctx context.Context) error {
	var ofRuns []need
	for _, n := range needs() {
		if n.run {
			ofRuns = append(ofRuns, n)
		}
	}
	lacking, err := lackingRights(ctx, m.s, ofRuns)
	if err != nil || lacking == nil {
		return err
	}
	role := m.infos[m.s.Tables()[0].Mirror].Role
	for i := range lacking {
		lacking[i] += " TO " + role
	}
	return models.NewError(models.Permission, "schema.privileges_missing", models.Params{"role": role, "privileges": lacking}).
		WithCommand("schema.privileges_missing_remedy", nil, strings.Join(lacking, ";\n"))
}
