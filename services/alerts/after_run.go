package alerts

import (
	"context"
	"time"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/pmo/journal"
)

// AfterRun finds what one run that has just ended gives to tell, for a process that ends with it: what
// holds with the run and did not without. run is nil when it had not begun; err is how it ended. An error
// says that pmo_db could not be asked; what is known all the same is returned as well.
func AfterRun(ctx context.Context, runs Runs, run *models.Run, err error, at time.Time, limits Limits) ([]Alert, error) {
	is := Picture{At: at, Lost: failure(run, err, at)}
	if run == nil {
		alerts, _ := changes(nil, conditions(is, limits), is)
		return alerts, nil
	}
	without, err := runs.Evidence(ctx, run.ID)
	if err == nil {
		is.Evidence, err = runs.Evidence(ctx, run.ID+1)
	}
	if err != nil {
		is.Evidence = journal.Evidence{}
		alerts, _ := changes(nil, conditions(is, limits), is)
		return alerts, err
	}
	alerts, _ := changes(conditions(Picture{At: at, Evidence: without}, limits), conditions(is, limits), is)
	return alerts, nil
}

// failure is a run that failed in a way that people are told of: not when somebody ended it, or it had to
// give way. What the mass-delete guard stopped is told of by itself, as pmo_db has it.
func failure(run *models.Run, err error, at time.Time) *models.Run {
	e := models.AsError(err)
	if e == nil {
		return nil
	}
	switch e.Class {
	case models.Canceled, models.Busy, models.Unavailable, models.Conflict, models.MassDelete:
		return nil
	default:
	}
	if run != nil {
		return run
	}
	lost := models.FailedRun("", at, at, err)
	return &lost
}
