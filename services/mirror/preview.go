package mirror

import (
	"context"
	"fmt"

	"lifecycle-sync/models"
)

// Preview is what a run would do. Whoever has seen it can ask for exactly that by its digest.
type Preview struct {
	Tables  []models.TableCount // in mirroring order; nil when the comparison did not come to its end
	Digest  string              // the same for two Diffs exactly when they ask for the same changes
	Changes []models.LoggedChange
	Found   int // how many changes there are; the first 1000 of them, and of about 8 MB, are in Changes
}

// Kept says how many of the changes are kept, or "" when all are.
func (p Preview) Kept() string {
	if len(p.Changes) == p.Found {
		return ""
	}
	return fmt.Sprintf(keptText, len(p.Changes), p.Found)
}

const keptText = "the first %d of %d changes are kept"

// KeptOf reads what Kept has said; not said is 0 of 0.
func KeptOf(reason string) (kept, found int64) {
	if _, err := fmt.Sscanf(reason, keptText, &kept, &found); err != nil {
		return 0, 0
	}
	return kept, found
}

// Preview tells emit, which may be nil, every change that a run would make now, in mirroring order and by
// id, and returns what they amount to. It writes nothing and keeps nobody waiting. The error is the one the
// run would end with when the guard would stop it; the preview is filled all the same.
func (e *Engine) Preview(ctx context.Context, req Request, progress Progress, emit func(Change) error) (Preview, error) {
	seen := newSummary()
	d, err := e.compare(ctx, progress, func(c Change, _ Cause) error {
		seen.note(c)
		if emit == nil {
			return nil
		}
		return emit(c)
	})
	if err != nil {
		return Preview{}, err
	}
	return seen.preview(d), guard(d, req.AllowDeletes)
}

// DigestMismatchError is the error that a run's difference is not the one whose digest was asked for; it wraps one of
// class conflict.
type DigestMismatchError struct {
	Preview Preview // what the run would do now
	cause   error
}

// Error says what to do.
func (e *DigestMismatchError) Error() string { return e.cause.Error() }

// Unwrap returns the error of class conflict.
func (e *DigestMismatchError) Unwrap() error { return e.cause }

func changed(p Preview) *DigestMismatchError {
	return &DigestMismatchError{Preview: p, cause: &models.Error{Class: models.Conflict,
		LegacyMessage: "What would be changed is no longer what the preview has shown; its digest is now " + p.Digest + ". Nothing was changed",
		LegacyRemedy:  "Look at the new preview, which this run has kept (or at sync --dry-run); if it is right, apply that by its digest."}}
}

// Verification is what Verify found.
type Verification struct {
	Equal       bool
	Differences map[Cause]int64
	Tables      []models.TableCount
}

// Verify compares every row without writing anything, and tells emit each difference.
func (e *Engine) Verify(ctx context.Context, progress Progress, emit func(Change, Cause) error) (Verification, error) {
	verdict := Verification{Differences: map[Cause]int64{}}
	d, err := e.compare(ctx, progress, func(c Change, cause Cause) error {
		verdict.Differences[cause]++
		return emit(c, cause)
	})
	if err != nil {
		return Verification{}, err
	}
	verdict.Tables, verdict.Equal = d.counts(), len(verdict.Differences) == 0
	return verdict, nil
}

// compare finds every difference between the mirror as it is now and the source as it is then.
func (e *Engine) compare(ctx context.Context, progress Progress, emit func(Change, Cause) error) (*differ, error) {
	ctx, stopWatching := e.WatchConnections(ctx)
	defer stopWatching()
	d, err := e.comparison(ctx, progress, emit)
	return d, because(ctx, err)
}

func (e *Engine) comparison(ctx context.Context, progress Progress, emit func(Change, Cause) error) (*differ, error) {
	mirrored, err := e.store.Read(ctx)
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
	missingKeys, err := mirrored.Preflight(ctx, snap.Infos, snap.Tables)
	if err != nil {
		return nil, err
	}
	agree(snap, mirrored)
	d := newDiffer(snap, mirrored, missingKeys, progress)
	if d.since, err = mirrored.Watermark(ctx); err != nil {
		return nil, err
	}
	for _, t := range snap.Tables {
		progress.Begin(t, snap.Infos[t.Source].Rows)
		if err := d.table(ctx, t, func(_ context.Context, c Change) error { return emit(c, d.cause(c)) }); err != nil {
			return nil, err
		}
		progress.End(t, d.last().count)
	}
	return d, nil
}

// Cause says why source and mirror differ.
type Cause string

// Behind means that lifecycle_db was changed after the last successful run and the next one brings it;
// Drift that the mirror was changed by somebody else. Unknown is all there is to say on SQLite, and
// where no run has succeeded yet.
const (
	Behind  Cause = "behind"
	Drift   Cause = "drift"
	Unknown Cause = "unknown"
)

// cause tells from which side changed after the last successful run. A mirrored row written since is
// certainly somebody else's doing; a source row is taken for newer also when its transaction was among
// those under way at the last snapshot. Quarantine follows the source, also where only a row's parent
// changed.
func (d *differ) cause(c Change) Cause {
	switch {
	case d.since == nil || d.since.Horizon == nil, !d.snap.Infos[c.Table.Source].Ordinary: // rows of a view do not tell when they were written
		return Unknown
	case c.MirrorNewer:
		return Drift
	case (c.Action == Insert || c.Action == Update) && !c.SourceNewer:
		return Drift
	default:
		return Behind
	}
}
