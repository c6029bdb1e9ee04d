package mirror

import (
	"context"
	"strings"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/pmo"
)

// need is what the role must be able to do with one of our tables beside the mirror.
type need struct {
	table, privileges string
	run               bool // a run needs it; else only the API does
}

// needs lists our tables beside the mirror. docs/operations.md has them as GRANT statements.
func needs() []need {
	return []need{
		{"lifecycle_sync_runs", "SELECT, INSERT, UPDATE, DELETE", true},
		{"lifecycle_sync_run_tables", "SELECT, INSERT, UPDATE", true},
		{"lifecycle_sync_changes", "SELECT, INSERT, DELETE", true},
		{"lifecycle_sync_quarantine", "SELECT, INSERT, UPDATE, DELETE", true},
		{"lifecycle_mirror_version", "SELECT, UPDATE", true},
		{"lifecycle_sync_watermark", "SELECT, INSERT, UPDATE", true},
		{"lifecycle_attachments", "SELECT, INSERT, UPDATE, DELETE", false},
		{"lifecycle_writes", "SELECT, INSERT, UPDATE, DELETE", false},
	}
}

// lackingRights lists the grants, without the role to which, that the role lacks on tables that are
// there. PostgreSQL only.
func lackingRights(ctx context.Context, s *pmo.Session, all []need) (grants []string, err error) {
	var tables, privileges []string
	for _, n := range all {
		tables, privileges = append(tables, n.table), append(privileges, n.privileges)
	}
	for cells, err := range s.Query(ctx, `SELECT concat('GRANT ', n.privileges, ' ON ', n.name)
		FROM unnest($1::text[], $2::text[]) AS n(name, privileges)
		WHERE EXISTS (SELECT FROM unnest(string_to_array(n.privileges, ', ')) AS one WHERE NOT has_table_privilege(to_regclass(n.name), one))
		UNION ALL SELECT 'GRANT TEMPORARY ON DATABASE ' || quote_ident(current_database()) WHERE NOT has_database_privilege(current_database(), 'TEMPORARY')`,
		tables, privileges) {
		if err != nil {
			return nil, err
		}
		grants = append(grants, string(cells[0]))
	}
	return grants, nil
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
