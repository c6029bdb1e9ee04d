package mirror

import (
	"context"

	"lifecycle-sync/models"
)

// Preview is what a run would do. Its digest lets a later run apply exactly that.
type Preview struct {
	Tables  []models.TableCount // in mirroring order; nil if the comparison failed
	Digest  string              // equal for two Diffs exactly when they make the same changes
	Changes []models.LoggedChange
	Found   int // the number of changes; the first 1000 of them, up to about 8 MB, are in Changes
}

// Describe records in a run how many of the changes are kept, unless all are.
func (p Preview) Describe(run *models.Run) {
	if kept, found := int64(len(p.Changes)), int64(p.Found); kept < found {
		run.ChangesKept, run.ChangesFound = &kept, &found
	}
}

// Preview passes every change that a run would make now to emit, which may be nil, in mirroring order and by id, and
// returns a summary. It writes nothing and blocks nobody. If the mass-delete guard would stop the run, the preview is
// complete and the error is the guard's.
func (e *Engine) Preview(ctx context.Context, req Request, progress Progress, emit func(Change) error) (Preview, error) {
	found := newSummary()
	d, err := e.compare(ctx, progress, func(c Change, _ Cause) error {
		found.add(c)
		if emit == nil {
			return nil
		}
		return emit(c)
	})
	if err != nil {
		return Preview{}, err
	}
	return found.preview(d), guard(d, req.AllowDeletes)
}

// DigestMismatchError reports that a run's Diff has another digest than requested. It wraps an error of class conflict.
type DigestMismatchError struct {
	Preview Preview // what the run would do now
	cause   error
}

// Error returns the text of the wrapped error.
func (e *DigestMismatchError) Error() string { return e.cause.Error() }

// Unwrap returns the error of class conflict.
func (e *DigestMismatchError) Unwrap() error { return e.cause }

func digestMismatch(p Preview) *DigestMismatchError {
	return &DigestMismatchError{Preview: p, cause: models.NewError(models.Conflict, "mirror.digest_mismatch", models.Params{"digest": p.Digest}).
		WithRemedy("mirror.digest_mismatch_remedy", nil)}
}

// Verification is what Verify found.
type Verification struct {
	Equal       bool
	Differences models.Differences
	Tables      []models.TableCount
}

// Verify compares every row and passes each difference to emit. It writes nothing.
func (e *Engine) Verify(ctx context.Context, progress Progress, emit func(Change, Cause) error) (Verification, error) {
	var found models.Differences
	d, err := e.compare(ctx, progress, func(c Change, cause Cause) error {
		count(&found, cause)
		return emit(c, cause)
	})
	if err != nil {
		return Verification{}, err
	}
	return Verification{Equal: found.Total() == 0, Differences: found, Tables: d.counts()}, nil
}

// compare passes every difference between the current mirror and the current source to emit.
func (e *Engine) compare(ctx context.Context, progress Progress, emit func(Change, Cause) error) (d *differ, err error) {
	ctx, stopWatching := e.WatchConnections(ctx)
	defer stopWatching()
	defer func() { err = withContextCause(ctx, err) }()
	mirrored, err := e.mirror.Read(ctx)
	if err != nil {
		return nil, err
	}
	defer mirrored.Close()
	snap, err := e.source.Snapshot(ctx, e.tables)
	if err != nil {
		return nil, err
	}
	defer snap.Close()
	if err := mirrored.Examine(ctx); err != nil {
		return nil, err
	}
	d = &differ{snap: snap, mirror: mirrored, progress: progress}
	if d.missingKeys, err = mirrored.Preflight(ctx, snap.Infos, snap.Tables); err != nil {
		return nil, err
	}
	alignHashing(snap, mirrored)
	if d.since, err = mirrored.Watermark(ctx); err != nil {
		return nil, err
	}
	for _, t := range snap.Tables {
		progress.Begin(t, snap.Infos[t.Source].Rows)
		s, err := d.diffTable(ctx, t, func(_ context.Context, c Change) error { return emit(c, d.cause(c)) })
		if err != nil {
			return nil, err
		}
		progress.End(t, s.count)
	}
	return d, nil
}

// Cause says why source and mirror differ.
type Cause string

// Behind: lifecycle_db changed after the last successful run, and the next run applies it. Drift: the mirror was edited.
// Unknown: SQLite cannot tell, or no run has succeeded yet.
const (
	Behind  Cause = "behind"
	Drift   Cause = "drift"
	Unknown Cause = "unknown"
)

// cause tells which side changed after the last successful run. A mirrored row written since is certainly drift. A
// source row counts as newer also if its transaction was in progress at the last snapshot. Quarantine follows the
// source, also if only a row's parent changed.
func (d *differ) cause(c Change) Cause {
	switch {
	case d.since == nil || d.since.Horizon == nil, !d.snap.Infos[c.Table.Source].Ordinary: // a view does not tell when its rows were written
		return Unknown
	case c.MirrorNewer:
		return Drift
	case (c.Action == Insert || c.Action == Update) && !c.SourceNewer:
		return Drift
	default:
		return Behind
	}
}

func count(d *models.Differences, cause Cause) {
	switch cause {
	case Behind:
		d.Behind++
	case Drift:
		d.Drift++
	case Unknown:
		d.Unknown++
	}
}
