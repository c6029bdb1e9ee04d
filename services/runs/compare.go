package runs

import (
	"context"
	"encoding/json"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/pmo"
	"lifecycle-sync/repositories/pmo/journal"
	"lifecycle-sync/services/mirror"
)

// keptDifferences is the number of a verification's differences that are returned.
const keptDifferences = 100

// Difference is one row in which mirror and source differ.
type Difference struct {
	Table   string        `json:"table"` // in lifecycle_db
	ID      int64         `json:"id"`
	Action  mirror.Action `json:"action"` // what a run would do
	Cause   mirror.Cause  `json:"cause"`
	Columns []string      `json:"columns"` // of an update
}

// Verification is the result of a verification.
type Verification struct {
	Run         models.Run // its record
	Equal       bool
	Count       models.Differences
	Tables      []models.TableCount
	Differences []Difference // the first 100
}

// dryRun finds out what a run would do, and records its digest, counts and first changes. If the mass-delete guard would
// stop the run, the record says so. Errors: conflict during another comparison; unavailable, those of mirror.Engine.DryRun.
func (s *Service) dryRun(ctx context.Context, req mirror.Request) (models.Run, error) {
	return s.compare(ctx, models.DryRun, func(ctx context.Context, o *Outcome) ([]models.LoggedChange, error) {
		found, err := s.o.Engine.DryRun(ctx, req, mirror.Silent{}, nil)
		found.Describe(&o.Run)
		o.Run.Digest, o.Tables = &found.Digest, found.Tables
		return found.Changes, err
	})
}

// Verify compares every row and writes no mirrored one. Errors: conflict during another comparison of this process;
// ActiveRunError if on SQLite its record has to wait too long; unavailable, those of mirror.Engine.Verify.
func (s *Service) Verify(ctx context.Context) (Verification, error) {
	v := Verification{Differences: []Difference{}}
	var err error
	v.Run, err = s.compare(ctx, models.VerifyRun, func(ctx context.Context, o *Outcome) ([]models.LoggedChange, error) {
		found, err := s.o.Engine.Verify(ctx, mirror.Silent{}, func(c mirror.Change, cause mirror.Cause) error {
			if len(v.Differences) < keptDifferences {
				d := Difference{Table: c.Table.Source, ID: c.ID, Action: c.Action, Cause: cause, Columns: []string{}}
				for _, i := range c.Columns {
					d.Columns = append(d.Columns, c.Table.Columns[i].Name)
				}
				v.Differences = append(v.Differences, d)
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
		v.Equal, v.Count, v.Tables, o.Tables = found.Equal, found.Differences, found.Tables, found.Tables
		o.Run.Differences, err = json.Marshal(v.Count)
		return nil, err
	})
	if err != nil {
		return Verification{}, err
	}
	return v, nil
}

// compare makes a dry run or verification and records it, with the error that it returns; if it returns no tables, it
// has failed and is not recorded. A process makes one at a time, because each needs connections and reads every row.
func (s *Service) compare(ctx context.Context, mode string, find func(context.Context, *Outcome) ([]models.LoggedChange, error)) (models.Run, error) {
	ctx, end, err := s.task(ctx)
	if err != nil {
		return models.Run{}, err
	}
	defer end()
	if !s.comparing.TryLock() {
		return models.Run{}, models.NewError(models.Conflict, "run.comparison_active", nil).WithRemedy("run.comparison_active_remedy", nil)
	}
	defer s.comparing.Unlock()
	ctx, cancel := mirror.WithTimeout(ctx, s.o.Timeout)
	defer cancel()
	o := Outcome{Run: models.Run{Mode: mode, State: models.Succeeded, StartedAt: s.o.Now(), Actor: models.AuthorOf(ctx).Actor}}
	changes, err := find(ctx, &o)
	if o.Tables == nil {
		return models.Run{}, err
	}
	finished := s.o.Now()
	o.Run.FinishedAt, o.Took = &finished, finished.Sub(o.Run.StartedAt)
	if err != nil {
		o.Run.Fail(err)
		o.Run.State = models.Failed
	}
	err = s.o.Store.InTx(ctx, func(tx *pmo.Session) error { return journal.New(tx).Record(ctx, &o.Run, o.Tables, changes) })
	switch {
	case err == nil:
		s.ended(o)
		return o.Run, nil
	case models.AsError(err).Class == models.Busy:
		err = s.explainBusy(ctx, err)
	}
	return models.Run{}, err
}
