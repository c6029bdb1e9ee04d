package pmo

import (
	"fmt"
	"slices"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/database"
)

// MirrorNames returns the names of the mirror's tables.
func (s *Session) MirrorNames() []string {
	names := make([]string, len(s.tables))
	for i, t := range s.tables {
		names[i] = t.Mirror
	}
	return names
}

// Preflight checks the tables that the mirror has. Without writing, the role needs no privileges. Errors: schema, permission.
func (s *Session) Preflight(source, mirror map[string]database.TableInfo, writing bool) error {
	existing := slices.DeleteFunc(slices.Clone(s.tables), func(t *models.Table) bool { return !mirror[t.Mirror].Exists })
	checks := slices.DeleteFunc(s.TableChecks(source, mirror), func(c database.TableCheck) bool { return c.Name == "mirror.rights" && !writing })
	return database.Preflight(checks, existing, "schema.mirror_unusable", "schema.mirror_unusable_remedy")
}

// TableChecks lists what must hold for each table of the mirror. source are lifecycle_db's catalogue entries, mirror
// are pmo_db's.
func (s *Session) TableChecks(source, mirror map[string]database.TableInfo) []database.TableCheck {
	check := func(name string, class models.Class, find func(t *models.Table, info database.TableInfo) []models.Problem) database.TableCheck {
		return database.TableCheck{Name: name, Class: class, Find: func(t *models.Table) []models.Problem { return find(t, mirror[t.Mirror]) }}
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
			return slices.Concat(s.db.CheckColumns(t.Mirror, t, info), s.db.CheckKey(t.Mirror, info), s.db.CheckImmediateKey(t.Mirror, info), s.unfillable(t, info))
		}),
		check("mirror.width", models.Schema, func(t *models.Table, info database.TableInfo) []models.Problem {
			return s.narrower(t, source[t.Source], info)
		}),
	}
}

// unfillable lists NOT NULL columns of the mirror that no source row has a value for.
func (s *Session) unfillable(t *models.Table, info database.TableInfo) (problems []models.Problem) {
	for name, c := range info.Columns {
		if !slices.Contains(t.ColumnNames(), name) && c.NotNull && !c.Default {
			problems = append(problems, s.db.Problem("schema.column_unknown_not_null", models.Params{"column": t.Mirror + "." + name},
				fmt.Sprintf("ALTER TABLE %s ALTER COLUMN %s DROP NOT NULL", t.Mirror, name)))
		}
	}
	return problems
}

// narrower lists columns of the mirror that cannot hold every value that the source's can.
func (s *Session) narrower(t *models.Table, source, mirror database.TableInfo) (problems []models.Problem) {
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
