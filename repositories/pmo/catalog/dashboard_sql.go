package catalog

import (
	"fmt"
	"math"
	"strings"
	"time"

	"gorm.io/gorm"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/database"
)

// fits is the condition under which a column's value can stand in the mirror.
func (c *Catalog) fits(t *models.Table, column string) string {
	return c.s.DB.Fits(column, columnOf(t, column))
}

// fit is a column's value in its canonical form, or NULL where it cannot stand in the mirror.
func (c *Catalog) fit(t *models.Table, column string) string {
	col, fits := columnOf(t, column), c.fits(t, column)
	if fits == "" {
		return column
	}
	value := column
	if col.Kind != models.KindInt {
		value = c.s.DB.Cell(column, col)
	}
	return "CASE WHEN " + fits + " THEN " + value + " END"
}

// columnOf finds a column that is there.
func columnOf(t *models.Table, name string) models.Column {
	for _, c := range t.Columns {
		if c.Name == name {
			return c
		}
	}
	panic(t.Name + " has no column " + name)
}

// unflattened keeps SQLite from merging a query into the one around it, which would compute a column
// again wherever it is named. PostgreSQL is better off merging.
func (c *Catalog) unflattened(query *gorm.DB) *gorm.DB {
	if c.s.DB.Kind() == database.SQLite {
		return query.Limit(math.MaxInt)
	}
	return query
}

// bucket is the number of bounds, which ascend and are texts of a type, that a value has reached; NULL
// for NULL.
func (c *Catalog) bucket(value string, bounds []string, kind string) string {
	if c.s.DB.Kind() == database.Postgres {
		return fmt.Sprintf("width_bucket(%s, ARRAY['%s']::%s[])", value, strings.Join(bounds, "','"), kind)
	}
	return fmt.Sprintf("CASE WHEN %s IS NOT NULL THEN (SELECT count(*) FROM (VALUES ('%s')) WHERE column1 <= %[1]s) END",
		value, strings.Join(bounds, "'),('"))
}

func (c *Catalog) dateLiteral(d models.Date) string {
	if c.s.DB.Kind() == database.Postgres {
		return "DATE '" + d.String() + "'"
	}
	return "'" + d.String() + "'"
}

func dateTexts(days []models.Date) []string {
	texts := make([]string, len(days))
	for i, d := range days {
		texts[i] = d.String()
	}
	return texts
}

// timeTexts writes instants as they stand in an SQLite column; PostgreSQL reads that too.
func timeTexts(times []time.Time) []string {
	texts := make([]string, len(times))
	for i, t := range times {
		texts[i] = models.InstantOf(t).String()
	}
	return texts
}
