package products

import (
	"context"
	"strings"
	"time"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/lifecycle"
	"lifecycle-sync/services/outbox"
)

// ImportRow is a product to write. Without an id it is created, otherwise it must have the row version.
type ImportRow struct {
	ID      int64
	Version string
	Input   Input
}

// Imported counts the products that an import has written.
type Imported struct {
	Created int `json:"created"`
	Changed int `json:"changed"`
}

// Preview returns the columns that the values would change of a product on the day of now, and their errors.
func (in Input) Preview(before Locked, now time.Time) (changed []string, invalid []models.FieldError) {
	e, invalid := in.plan(before, nil, now)
	return e.changed, invalid
}

// PreviewNew returns the errors of the values for a new product.
func (in Input) PreviewNew() []models.FieldError { return check(&in.Product, in.Given, nil) }

// Import creates and changes products in a transaction, all or none. The rules are those of Create and Update. Errors: those of
// Failures.Err; those of Tx.
func (w *Writer) Import(ctx context.Context, tx *lifecycle.Tx, rows []ImportRow) (outbox.Change, error) {
	var targets []Target
	changes := map[int64]ImportRow{}
	for _, r := range rows {
		if r.ID != 0 {
			targets = append(targets, Target{ID: r.ID, Versions: models.RowVersions{r.Version}})
			changes[r.ID] = r
		}
	}
	locked, failures, err := LockAll(ctx, tx, targets)
	if err != nil {
		return outbox.Change{}, err
	}
	known := choices{tx: tx, unknown: map[string][]models.ProductField{}}
	var edits []edit
	for _, before := range locked {
		in := changes[before.ID].Input
		unknown, err := known.unknownOf(ctx, &in.Product)
		if err != nil {
			return outbox.Change{}, err
		}
		e, invalid := in.plan(before, unknown, tx.Now.In(w.zone))
		if invalid != nil {
			failures = append(failures, NewFailure(before, models.NewInvalid(invalid...)))
		}
		edits = append(edits, e)
	}
	created, invalid, err := newProducts(ctx, known, rows)
	if err == nil {
		err = append(failures, invalid...).Err(len(rows))
	}
	if err != nil {
		return outbox.Change{}, err
	}
	if err := tx.CreateProducts(ctx, created); err != nil {
		return outbox.Change{}, err
	}
	return imported(locked, created), w.apply(ctx, tx, edits, false)
}

// newProducts returns the products to create, and why they are invalid.
func newProducts(ctx context.Context, known choices, rows []ImportRow) (created []models.Product, failures Failures, err error) {
	for _, r := range rows {
		if r.ID != 0 {
			continue
		}
		p := r.Input.Product
		unknown, err := known.unknownOf(ctx, &p)
		if err != nil {
			return nil, nil, err
		}
		if invalid := check(&p, r.Input.Given, unknown); invalid != nil {
			failures = append(failures, Failure{Name: p.Name, Err: models.NewInvalid(invalid...)})
		}
		created = append(created, p)
	}
	return created, failures, nil
}

// imported describes an import.
func imported(changed []Locked, created []models.Product) outbox.Change {
	c := outbox.Change{Table: lifecycle.ProductTable, Data: Imported{Created: len(created), Changed: len(changed)}}
	if len(changed) > 0 {
		c.RowID, c.Action = changed[0].ID, lifecycle.Updated
	} else {
		c.RowID, c.Action = created[0].ID, lifecycle.Inserted
	}
	return c
}

// choices remembers which segments, stages and categories do not exist: many products have the same.
type choices struct {
	tx      *lifecycle.Tx
	unknown map[string][]models.ProductField
}

func (c choices) unknownOf(ctx context.Context, p *models.Product) ([]models.ProductField, error) {
	var texts []string
	for _, f := range models.ProductFields() {
		if f.Choices != "" {
			texts = append(texts, f.Text(p))
		}
	}
	key := strings.Join(texts, " ")
	if unknown, known := c.unknown[key]; known {
		return unknown, nil
	}
	unknown, err := c.tx.UnknownChoices(ctx, p)
	c.unknown[key] = unknown
	return unknown, err
}
