package runs

import (
	"context"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/pmo/journal"
	"lifecycle-sync/services/mirror"
)

// Cancel asks a run to stop, whichever process makes it, and returns it; that it has stopped is seen
// later. On SQLite the run of another process cannot be asked. Errors: not_found, conflict when the run
// has ended already or cannot be asked, connection, timeout.
func (s *Service) Cancel(ctx context.Context, id int64) (models.Run, error) {
	if !s.ours(id) {
		if err := journal.New(s.o.Store.Session).MarkInterrupted(ctx); err != nil {
			return models.Run{}, err
		}
	}
	run, err := journal.New(s.o.Store.Session).Run(ctx, id)
	switch {
	case err != nil:
		return models.Run{}, err
	case run == nil:
		return models.Run{}, models.NewError(models.NotFound, "run.not_found", models.Params{"run": id})
	case run.State != models.Running:
		return models.Run{}, tooLate(*run)
	}
	own := s.mine(id)
	if !s.o.Store.Features().SingleWriter {
		if asked, err := journal.New(s.o.Store.Session).RequestCancel(ctx, id); err != nil {
			return models.Run{}, err
		} else if !asked {
			return models.Run{}, tooLate(*run)
		}
	} else if own == nil {
		return models.Run{}, models.NewError(models.Conflict, "run.other_process", models.Params{"run": id}).WithRemedy("run.other_process_remedy", nil)
	}
	if own != nil {
		own.cancel(mirror.ErrCancelRequested)
	}
	run.CancelRequested = true
	return *run, nil
}

func tooLate(run models.Run) error {
	return models.NewError(models.Conflict, "run.ended", models.Params{"run": run.ID})
}
