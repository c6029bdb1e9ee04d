// Package stages lists, records, corrects and deletes the moves of products from stage to stage.
package stages

import (
	"context"
	"time"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/pmo/catalog"
	"lifecycle-sync/services/products"
)

// Reader reads the mirrored stage history. Errors: connection, timeout, schema; StageRecord: not found.
type Reader interface {
	StageRecord(ctx context.Context, id int64) (models.ListedRecord, error)
	StageRecordRow(ctx context.Context, id int64) (*models.Row, error)
	StageRecords(ctx context.Context, f catalog.StageRecordFilter, offset, limit int) ([]models.ListedRecord, int64, error)
}

// Query is a request for a page of the stage history: the records that meet every condition that is not zero.
type Query struct {
	models.Paging
	ProductID, FromStageID, ToStageID int64

	Since, Until *models.Date // whole days, both included
	Search       string       // words of the product's name
}

// Page is one page of the stage history, newest first.
type Page struct {
	Records    []models.ListedRecord
	Pagination models.Pagination
}

// Check validates a query before anything is read. Errors: validation_failed for a search that is too long or days in the
// wrong order.
func (q Query) Check() error {
	if q.Since != nil && q.Until != nil && q.Since.Time().After(q.Until.Time()) {
		return models.NewInvalid(models.NewFieldError("until", "order", "stages.until_before_since", models.Params{"since": models.FieldName("since")}))
	}
	return products.CheckSearch(q.Search)
}

// List returns a page of the stage history for a checked query, whose days are those of a time zone; a page past the end is
// empty. Errors: connection, timeout, schema.
func List(ctx context.Context, from Reader, q Query, zone *time.Location) (Page, error) {
	paging := q.Bounded()
	page, total, err := from.StageRecords(ctx, q.filter(zone), paging.Offset(), int(paging.Limit))
	return Page{Records: page, Pagination: paging.Of(total)}, err
}

// filter converts days into times within the range that a record can have.
func (q Query) filter(zone *time.Location) catalog.StageRecordFilter {
	f := catalog.StageRecordFilter{ProductID: q.ProductID, FromStageID: q.FromStageID, ToStageID: q.ToStageID, Search: q.Search}
	if q.Since != nil {
		year, month, day := q.Since.Time().Date()
		since := time.Date(year, month, day, 0, 0, 0, 0, zone)
		if first := time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC); since.Before(first) {
			since = first
		}
		f.Since = &since
	}
	if q.Until != nil {
		year, month, day := q.Until.Time().Date()
		until := time.Date(year, month, day+1, 0, 0, 0, 0, zone)
		if end := time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC); until.After(end) {
			until = end
		}
		until = until.Add(-time.Microsecond)
		f.Until = &until
	}
	return f
}

// Get returns one record of the stage history and its row version. Errors: not found, connection, timeout, schema.
func Get(ctx context.Context, from Reader, id int64) (models.ListedRecord, string, error) {
	record, err := from.StageRecord(ctx, id)
	if err != nil {
		return record, "", err
	}
	row, err := from.StageRecordRow(ctx, id)
	if err != nil {
		return record, "", err
	}
	return record, row.Version(), nil
}
