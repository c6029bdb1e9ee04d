package catalog

import (
	"time"

	"lifecycle-sync/models"
)

// fits is the condition under which a column's value can be mirrored.
func (c *Catalog) fits(t *models.Table, column string) string {
	return c.s.Fits(column, columnOf(t, column))
}

// fit is a column's value in its canonical form, or NULL if it cannot be mirrored.
func (c *Catalog) fit(t *models.Table, column string) string {
	return c.s.Fitting(column, columnOf(t, column))
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
