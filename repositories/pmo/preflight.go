package pmo

import (
	"context"
	"fmt"
	"strings"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/database"
)

// inspect reads the catalogue's entries of the mirror and reports everything that keeps a table from
// holding the source's rows. With source, the entries of lifecycle_db by table name, the two are held
// against each other as well. missing says that a table may not be there yet. Errors: schema,
// permission, connection.
func (s *Store) inspect(ctx context.Context, conn *database.Conn, source map[string]database.TableInfo, missing bool) (map[string]database.TableInfo, error) {
	names := make([]string, len(s.tables))
	for i, t := range s.tables {
		names[i] = t.Mirror
	}
	infos, err := conn.Inspect(ctx, names)
	if err != nil {
		return nil, err
	}
	var problems []string
	class := models.Schema
	for _, t := range s.tables {
		info := infos[t.Mirror]
		switch {
		case !info.Exists && !missing:
			problems = append(problems, t.Mirror+" does not exist: run lifecycle-sync migrate")
		case !info.Exists:
			continue
		case !info.Writable && source != nil:
			class = models.Permission
			problems = append(problems, t.Mirror+" may not be written: GRANT SELECT, INSERT, UPDATE, DELETE ON "+t.Mirror+" TO the role of PMO_DATABASE_URL")
		default:
			problems = append(problems, s.db.CheckColumns(t.Mirror, t, info)...)
			problems = append(problems, unfillable(t, info)...)
			problems = append(problems, narrower(t, source[t.Source], info)...)
		}
	}
	if problems != nil {
		return nil, &models.Error{Class: class, Message: "the mirror in pmo_db cannot be used: " + strings.Join(problems, "; "),
			Remedy: "Mend this in pmo_db, then run again. Nothing was changed."}
	}
	return infos, nil
}

// unfillable reports columns of the mirror that no source row could fill.
func unfillable(t *models.Table, info database.TableInfo) (problems []string) {
	known := map[string]bool{}
	for _, c := range t.Columns {
		known[c.Name] = true
	}
	for name, c := range info.Columns {
		if !known[name] && c.NotNull && !c.Default {
			problems = append(problems, fmt.Sprintf("%s.%s is NOT NULL and unknown to lifecycle_db: ALTER TABLE %s ALTER COLUMN %s DROP NOT NULL", t.Mirror, name, t.Mirror, name))
		}
	}
	return problems
}

// narrower reports columns of the mirror that cannot hold what the source's may hold.
func narrower(t *models.Table, source, mirror database.TableInfo) (problems []string) {
	if !source.Exists {
		return nil
	}
	for _, c := range t.Columns {
		from, to := source.Columns[c.Name], mirror.Columns[c.Name]
		if to.NotNull && !from.NotNull {
			problems = append(problems, fmt.Sprintf("%s.%s is NOT NULL, and NULL in lifecycle_db is allowed: ALTER TABLE %s ALTER COLUMN %s DROP NOT NULL", t.Mirror, c.Name, t.Mirror, c.Name))
		}
		if limit := database.TextLimit(to.Type); limit > 0 && (database.TextLimit(from.Type) == 0 || database.TextLimit(from.Type) > limit) {
			problems = append(problems, fmt.Sprintf("%s.%s holds %d characters, fewer than in lifecycle_db: ALTER TABLE %s ALTER COLUMN %s TYPE text", t.Mirror, c.Name, limit, t.Mirror, c.Name))
		}
	}
	return problems
}
