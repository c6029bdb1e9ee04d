package lifecycle

import (
	"context"
	"embed"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/database"
)

//go:embed schema/*.sql
var schemaFiles embed.FS

// Empty reports whether no mirrored table holds a row; a table that is not there holds none. Errors:
// connection, permission.
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
func filledTables(ctx context.Context, conn *database.Conn, tables []*models.Table) ([]string, error) {
	infos, err := conn.Inspect(ctx, sourceNames(tables))
	if err != nil {
		return nil, err
	}
	var filled []string
	for _, t := range tables {
		if !infos[t.Source].Exists {
			continue
		}
		var holds bool
		if err := conn.QueryRow(ctx, "SELECT EXISTS (SELECT 1 FROM "+t.Source+")", nil, &holds); err != nil {
			return nil, err
		}
		if holds {
			filled = append(filled, t.Source)
		}
	}
	return filled, nil
}

// createTables makes the tables that are not there, and holds all of them to their models.
func (s *Source) createTables(ctx context.Context, conn *database.Conn, tables []*models.Table) error {
	infos, err := conn.Inspect(ctx, sourceNames(tables))
	if err != nil {
		return err
	}
	if missing(infos) { // to run the script takes the right to create, also when it creates nothing
		script, err := schemaFiles.ReadFile("schema/" + string(s.db.Kind()) + ".sql")
		if err != nil {
			return err
		}
		if _, err := conn.Exec(ctx, string(script)); err != nil {
			return err
		}
		if infos, err = conn.Inspect(ctx, sourceNames(tables)); err != nil {
			return err
		}
	}
	return database.Preflight(s.TableChecks(infos), tables, "schema.source_unusable", "schema.source_unusable_remedy")
}

// TableChecks lists what must hold for each table of lifecycle_db, whose catalogue entries are infos.
func (s *Source) TableChecks(infos map[string]database.TableInfo) []database.TableCheck {
	present := func(find func(t *models.Table, info database.TableInfo) []models.Problem) func(*models.Table) []models.Problem {
		return func(t *models.Table) []models.Problem {
			if info := infos[t.Source]; info.Exists {
				return find(t, info)
			}
			return nil
		}
	}
	return []database.TableCheck{
		{Name: "source.tables", Class: models.Schema, Find: func(t *models.Table) []models.Problem {
			if infos[t.Source].Exists || t.Optional {
				return nil
			}
			return []models.Problem{{Text: models.NewText("schema.table_missing", models.Params{"table": t.Source}),
				Remedy: models.NewCommand("schema.source_missing_remedy", nil, "lifecycle-sync seed")}}
		}},
		{Name: "source.readable", Class: models.Permission, Find: present(func(t *models.Table, info database.TableInfo) []models.Problem {
			if info.Readable {
				return nil
			}
			return []models.Problem{s.db.Problem("schema.table_unreadable", models.Params{"role": info.Role, "table": t.Source}, "GRANT SELECT ON "+t.Source+" TO "+info.Role)}
		})},
		{Name: "source.columns", Class: models.Schema, Find: present(func(t *models.Table, info database.TableInfo) []models.Problem {
			return s.db.CheckColumns(t.Source, t, info)
		})},
		{Name: "source.keys", Class: models.Schema, Find: present(func(t *models.Table, info database.TableInfo) []models.Problem {
			return s.db.CheckKey(t.Source, info)
		})},
	}
}

func missing(infos map[string]database.TableInfo) bool {
	for _, info := range infos {
		if !info.Exists {
			return true
		}
	}
	return false
}

func sourceNames(tables []*models.Table) []string {
	names := make([]string, len(tables))
	for i, t := range tables {
		names[i] = t.Source
	}
	return names
}
