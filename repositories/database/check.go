package database

import "lifecycle-sync/models"

// TableCheck is one condition that a table must meet, judged by the catalogue. A database has one list of them,
// which the preflight of runs and doctor share.
type TableCheck struct {
	Name       string // as doctor lists it, such as "source.columns"
	Class      models.Class
	BlocksRuns bool
	Find       func(t *models.Table) []models.Problem
}

// Preflight runs the checks that block runs. It returns the error with all their problems, nil if there are none.
// Errors: the class of the first check that found something.
func Preflight(checks []TableCheck, tables []*models.Table, code, remedy string) error {
	var failure *models.Error
	for _, check := range checks {
		if !check.BlocksRuns {
			continue
		}
		for _, t := range tables {
			problems := check.Find(t)
			if len(problems) == 0 {
				continue
			}
			if failure == nil {
				failure = models.NewError(check.Class, code, nil).WithRemedy(remedy, nil)
			}
			failure.Problems = append(failure.Problems, problems...)
		}
	}
	if failure == nil {
		return nil
	}
	return failure
}

// Problem returns a problem that a statement in this database fixes.
func (db *DB) Problem(code string, params models.Params, statement string) models.Problem {
	return models.Problem{Text: models.NewText(code, params), Remedy: models.NewSQL(db.Name, statement)}
}
