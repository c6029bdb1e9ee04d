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
		script, err := schemaFiles.ReadFile("schema/" + string(s.Kind()) + ".sql")
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
	var flaws []database.Flaw
	for _, t := range tables {
		flaws = append(flaws, s.db.CheckColumns(t.Source, t, infos[t.Source])...)
		flaws = append(flaws, database.CheckKey(t.Source, infos[t.Source])...)
	}
	if flaws != nil {
		return &models.Error{Class: models.Schema, LegacyMessage: "lifecycle_db is not as expected: " + database.Sentences(flaws),
			LegacyRemedy: "Mend this, or name an empty database in LIFECYCLE_DATABASE_URL. Nothing was changed."}
	}
	return nil
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
