// Package imports changes products as a spreadsheet says: it previews the changes of a file, and applies exactly what it has shown.
package imports

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/lifecycle"
	"lifecycle-sync/repositories/pmo"
	"lifecycle-sync/repositories/pmo/imports"
	"lifecycle-sync/services/export"
	"lifecycle-sync/services/failpoint"
	"lifecycle-sync/services/outbox"
	"lifecycle-sync/services/products"
)

const (
	previewTTL  = time.Hour
	maxParallel = 2 // files that are read at the same time: each may need a few hundred MB
)

// rules validates the texts of a product's fields, "" for NULL. Errors: validation_failed.
type rules interface {
	Product(texts map[string]string, requireAll bool) (products.Input, error)
}

// Service previews and applies imports.
type Service struct {
	writer   *outbox.Writer
	products *products.Writer
	store    *pmo.Store
	rules    rules
	headings map[string]string // the columns by normal heading
	now      func() time.Time  // in the time zone whose days count
	slots    chan struct{}
}

// NewService returns the service. Headings are recognized in the languages of the labels, and as names of columns.
func NewService(writer *outbox.Writer, products *products.Writer, store *pmo.Store, rules rules, now func() time.Time, labels ...func(models.Text) string) *Service {
	s := &Service{writer: writer, products: products, store: store, rules: rules, headings: map[string]string{}, now: now, slots: make(chan struct{}, maxParallel)}
	columns := []string{"id", export.VersionColumn, "created_at", "updated_at", "attachments_count"}
	for _, f := range models.ProductFields() {
		columns = append(columns, f.Column)
	}
	for _, column := range columns {
		s.headings[column] = column
		for _, label := range labels {
			s.headings[normalHeading(label(export.Label(column)))] = column
		}
	}
	return s
}

// File is a request to import a file. SkipProblems leaves out invalid and conflicting rows.
type File struct {
	Content      []byte
	SkipProblems bool
}

// Preview returns what a file would change now, and keeps it for an hour. Errors: validation_failed if the file cannot be read;
// connection, timeout, schema.
func (s *Service) Preview(ctx context.Context, owner string, f File) (Preview, error) {
	t, err := s.read(ctx, f.Content)
	if err != nil {
		return Preview{}, err
	}
	p, err := s.plan(ctx, t, f.SkipProblems)
	if err == nil {
		err = s.keep(ctx, owner, p)
	}
	return p.Preview, err
}

// read reads a file. Errors: validation_failed, canceled.
func (s *Service) read(ctx context.Context, content []byte) (table, error) {
	select {
	case s.slots <- struct{}{}:
		defer func() { <-s.slots }()
	case <-ctx.Done():
		return table{}, models.AsError(ctx.Err())
	}
	return s.readFile(content)
}

func (s *Service) keep(ctx context.Context, owner string, p planned) error {
	if p.Digest == nil {
		return nil
	}
	changes, err := json.Marshal(p.kept)
	if err != nil {
		return err
	}
	now := s.now()
	kept := models.ImportPreview{Digest: *p.Digest, OwnerID: owner, Changes: string(changes), CreatedAt: new(models.InstantOf(now))}
	return imports.New(s.store.Session).Save(ctx, kept, now.Add(-previewTTL))
}

// Apply makes exactly the changes of the owner's preview with a digest, all or none, and once. With a file, that must yield the
// digest. Without an idempotency key, a repeated call with the same file, or again without one, returns the first result. Errors: conflict if the digest
// no longer holds, with the new Preview as data, or if another request has applied the preview; not found without preview; those
// of outbox.Writer.Write.
func (s *Service) Apply(ctx context.Context, owner, digest string, f File, r outbox.Request) (outbox.Result, error) {
	ctx = models.WithChannel(ctx, models.ImportChannel)
	r.Large = true
	isDerived := r.Key == nil
	if isDerived {
		kept, err := s.find(ctx, owner, digest)
		if err != nil {
			return outbox.Result{}, err
		}
		r.Key, r.Fingerprint = &outbox.Key{Caller: owner, Route: "import", Key: digest + " " + kept.CreatedAt.String()}, outbox.Fingerprint(f, nil)
	}
	var t table
	result, err := s.writer.Write(ctx, r, func(ctx context.Context, tx *lifecycle.Tx) (c outbox.Change, err error) {
		if t, err = s.table(ctx, owner, digest, f); err != nil {
			return c, err
		}
		p, err := s.plan(ctx, t, f.SkipProblems)
		if err != nil {
			return c, err
		}
		if p.Digest == nil || *p.Digest != digest {
			return c, s.changed(ctx, owner, p)
		}
		c, err = s.products.Import(ctx, tx, p.writes)
		c.Claim = func(ctx context.Context, tx *pmo.Session, writeID string) error {
			return claim(ctx, tx, owner, digest, writeID)
		}
		failpoint.Reach("after-import")
		return c, err
	})
	if _, reused := errors.AsType[outbox.KeyReusedError](err); reused && isDerived {
		return result, applied() // with another file, or without one: the first result could be of other rows
	}
	if _, isStale := models.Data[products.Failures](err); !isStale {
		return result, err
	}
	p, planErr := s.plan(ctx, t, f.SkipProblems)
	if planErr != nil {
		return result, errors.Join(planErr, err)
	}
	return result, s.changed(ctx, owner, p)
}

// claim makes a write the only one that applies a preview: new products have no version that would change with the first write.
// Errors: conflict if another write has the preview.
func claim(ctx context.Context, tx *pmo.Session, owner, digest, writeID string) error {
	claimed, err := imports.New(tx).Claim(ctx, digest, owner, writeID)
	if err == nil && !claimed {
		err = applied()
	}
	return err
}

// applied returns the error of a preview that another request has applied.
func applied() error {
	return models.NewError(models.Conflict, "import.applied", nil).WithRemedy("import.applied_remedy", nil)
}

// table reads the table to apply: the file, or the changes of the preview.
func (s *Service) table(ctx context.Context, owner, digest string, f File) (t table, err error) {
	kept, err := s.find(ctx, owner, digest)
	if err != nil {
		return t, err
	}
	if f.Content != nil {
		return s.read(ctx, f.Content)
	}
	return t, json.Unmarshal([]byte(kept.Changes), &t)
}

// find returns the owner's preview with a digest. Errors: not found.
func (s *Service) find(ctx context.Context, owner, digest string) (*models.ImportPreview, error) {
	kept, err := imports.New(s.store.Session).Find(ctx, digest, owner, s.now().Add(-previewTTL))
	if err == nil && kept == nil {
		err = models.NewError(models.NotFound, "import.expired", nil).WithRemedy("import.expired_remedy", nil)
	}
	return kept, err
}

// changed returns the error of a digest that no longer holds.
func (s *Service) changed(ctx context.Context, owner string, p planned) error {
	if err := s.keep(ctx, owner, p); err != nil {
		return err
	}
	err := models.NewError(models.Conflict, "import.changed", nil).WithRemedy("import.changed_remedy", nil)
	err.Data = p.Preview
	return err
}
