package lifecycle

import (
	"context"
	"embed"
	"slices"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/database"
)

//go:embed schema/*.sql
var schemaFiles embed.FS

// Empty reports whether no mirrored table holds a row; a missing table holds none. Errors: connection, permission.
func (s *Source) Empty(ctx context.Context) (bool, error) {
	conn, err := s.db.BeginConn(ctx, database.ReadOnly)
	if err != nil {
		return false, err
	}
	defer conn.Close()
	filled, err := filledTables(ctx, conn, models.Tables())
	return len(filled) == 0, err
}

// filledTables lists the tables that hold a row.
func filledTables(ctx context.Context, conn *database.Conn, tables []*models.Table) (filled []string, err error) {
	infos, err := conn.Inspect(ctx, sourceNames(tables))
	if err != nil {
		return nil, err
	}
	for _, name := range sourceNames(tables) {
		var holds bool
		if !infos[name].Exists {
			continue
		}
		if err := conn.QueryRow(ctx, "SELECT EXISTS (SELECT 1 FROM "+name+")", nil, &holds); err != nil {
			return nil, err
		}
		if holds {
			filled = append(filled, name)
		}
	}
	return filled, nil
}

// createTables creates missing tables and checks all of them against their models. The script needs the privilege to
// create, even if it creates nothing.
func (s *Source) createTables(ctx context.Context, conn *database.Conn, tables []*models.Table) error {
	names := sourceNames(tables)
	infos, err := conn.Inspect(ctx, names)
	if err != nil {
		return err
	}
	if slices.ContainsFunc(names, func(name string) bool { return !infos[name].Exists }) {
		script, err := schemaFiles.ReadFile("schema/" + string(s.db.Kind()) + ".sql")
		if err != nil {
			return err
		}
		if _, err := conn.Exec(ctx, string(script)); err != nil {
			return err
		}
		if infos, err = conn.Inspect(ctx, names); err != nil {
			return err
		}
	}
	return s.preflight(infos, tables)
}

// preflight returns an error with all problems of the tables. Errors: schema, permission.
func (s *Source) preflight(infos map[string]database.TableInfo, tables []*models.Table) error {
	return database.Preflight(s.TableChecks(infos), tables, "schema.source_unusable", "schema.source_unusable_remedy")
}

// TableChecks lists the requirements for each table of lifecycle_db, whose catalogue entries are infos.
func (s *Source) TableChecks(infos map[string]database.TableInfo) []database.TableCheck {
	check := func(name string, class models.Class, find func(t *models.Table, info database.TableInfo) []models.Problem) database.TableCheck {
		return database.TableCheck{Name: name, Class: class, Find: func(t *models.Table) []models.Problem {
			if info := infos[t.Source]; info.Exists {
				return find(t, info)
			}
			return nil
		}}
	}
	return []database.TableCheck{
		{Name: "source.tables", Class: models.Schema, Find: func(t *models.Table) []models.Problem {
			if infos[t.Source].Exists || t.Optional {
				return nil
			}
			return []models.Problem{{Text: models.NewText("schema.table_missing", models.Params{"table": t.Source}),
				Remedy: models.NewCommand("schema.source_missing_remedy", nil, "lifecycle-sync seed")}}
		}},
		check("source.readable", models.Permission, func(t *models.Table, info database.TableInfo) []models.Problem {
			if info.Readable {
				return nil
			}
			return []models.Problem{s.db.Problem("schema.table_unreadable", models.Params{"role": info.Role, "table": t.Source}, "GRANT SELECT ON "+t.Source+" TO "+info.Role)}
		}),
		check("source.columns", models.Schema, func(t *models.Table, info database.TableInfo) []models.Problem {
			return s.db.CheckColumns(t.Source, t, info)
		}),
		check("source.keys", models.Schema, func(t *models.Table, info database.TableInfo) []models.Problem { return s.db.CheckKey(t.Source, info) }),
	}
}

func sourceNames(tables []*models.Table) []string {
	names := make([]string, len(tables))
	for i, t := range tables {
		names[i] = t.Source
	}
	return names
}
