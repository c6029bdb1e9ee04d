package runs

import (
	"context"
	"encoding/json"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/pmo"
	"lifecycle-sync/repositories/pmo/journal"
	"lifecycle-sync/services/mirror"
)

// keptDifferences is how many of a verification's differences are kept, the first.
const keptDifferences = 100

// Difference is one row in which mirror and source differ.
type Difference struct {
	Table   string // as lifecycle_db calls it
	ID      int64
	Action  mirror.Action // what a run would do
	Cause   mirror.Cause
	Columns []string // of an update
}

// Verdict is what a verification found.
type Verdict struct {
	Run         models.Run // its record
	Equal       bool
	Count       models.Differences
	Tables      []models.TableCount
	Differences []Difference // the first 100
}

// comparison lets one dry run or verification at a time be made here: each takes connections and a look
// at every row. Errors: conflict, unavailable.
func (s *Service) comparison(ctx context.Context) (context.Context, func(), error) {
	task, end, err := s.task(ctx)
	if err != nil {
		return nil, nil, err
	}
	s.mu.Lock()
	taken := s.comparing
	s.comparing = true
	s.mu.Unlock()
	if taken {
		end()
		return nil, nil, models.NewError(models.Conflict, "run.comparison_active", nil).WithRemedy("run.comparison_active_remedy", nil)
	}
	task, cancel := mirror.WithTimeout(task, s.o.Timeout)
	return task, func() {
		cancel()
		s.mu.Lock()
		s.comparing = false
		s.mu.Unlock()
		end()
	}, nil
}

// dryRun finds out what a run would do, and keeps its digest, counts and first changes. When the run would be
// stopped by the mass-delete guard, its record says so.
func (s *Service) dryRun(ctx context.Context, req mirror.Request) (models.Run, error) {
	ctx, end, err := s.comparison(ctx)
	if err != nil {
		return models.Run{}, err
	}
	defer end()
	o, started := Outcome{Run: models.Run{Mode: models.DryRun, StartedAt: s.o.Now()}}, s.o.Now()
	found, err := s.o.Engine.Preview(ctx, req, mirror.Silent{}, nil)
	if found.Tables == nil {
		return models.Run{}, err
	}
	found.Describe(&o.Run)
	o.Run.Digest, o.Tables, o.Took = &found.Digest, found.Tables, s.o.Now().Sub(started)
	return s.record(ctx, o, found.Changes, err)
}

// Verify compares every row and writes no mirrored one. Errors: conflict when another comparison is under
// way here; UnderWayError when on SQLite its record has to wait for too long; unavailable, those of
// mirror.Engine.Verify.
func (s *Service) Verify(ctx context.Context) (Verdict, error) {
	ctx, end, err := s.comparison(ctx)
	if err != nil {
		return Verdict{}, err
	}
	defer end()
	o, started := Outcome{Run: models.Run{Mode: models.VerifyRun, StartedAt: s.o.Now()}}, s.o.Now()
	v := Verdict{Differences: []Difference{}}
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
		return Verdict{}, err
	}
	v.Equal, v.Count, v.Tables = found.Equal, found.Differences, found.Tables
	if o.Run.Differences, err = json.Marshal(v.Count); err != nil {
		return Verdict{}, err
	}
	o.Tables, o.Took = found.Tables, s.o.Now().Sub(started)
	v.Run, err = s.record(ctx, o, nil, nil)
	return v, err
}

// record keeps a comparison that has ended, with the error that the run would end with.
func (s *Service) record(ctx context.Context, o Outcome, changes []models.LoggedChange, outcome error) (models.Run, error) {
	finished := s.o.Now()
	o.Run.FinishedAt, o.Run.State = &finished, models.Succeeded
	if outcome != nil {
		o.Run.Fail(outcome)
		o.Run.State = models.Failed
	}
	err := s.o.Store.InTx(ctx, func(tx *pmo.Session) error {
		return journal.New(tx).Record(ctx, &o.Run, o.Tables, changes)
	})
	if err != nil {
		if models.AsError(err).Class == models.Busy {
			err = s.busy(ctx, err)
		}
		return models.Run{}, err
	}
	s.ended(o)
	return o.Run, nil
}
