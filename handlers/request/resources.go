package request

import (
	"errors"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/go-playground/validator/v10"
	"github.com/gofiber/fiber/v2"

	"lifecycle-sync/models"
	"lifecycle-sync/services/products"
	"lifecycle-sync/services/stages"
)

// ProductColumns returns the names of a product's editable fields.
func ProductColumns() (columns []string) {
	for _, f := range models.ProductFields() {
		columns = append(columns, f.Column)
	}
	return columns
}

// ReadProduct reads a product from a multipart form or from JSON; requireAll also requires the required fields that were
// not sent. The caller owns the files. Errors: unsupported_type, too_large, validation_failed, unavailable; after an error
// no file is left.
func (ch Checker) ReadProduct(c *fiber.Ctx, limits FormLimits, files Uploads, requireAll bool) (products.Input, []models.Upload, error) {
	form, err := ReadFields(c, limits, files, ProductColumns()...)
	if err != nil {
		return products.Input{}, nil, err
	}
	in, err := ch.Product(form.Fields, requireAll)
	kind, _ := mediaType(c)
	in.EmptyPriceIsZero = kind == fiber.MIMEMultipartForm // as the team's form shows it
	if err != nil {
		files.Discard(c.UserContext(), form.Files)
		return products.Input{}, nil, err
	}
	return in, form.Files, nil
}

// Product parses the texts of a product's fields, "" for NULL, and ignores other texts. Errors: validation_failed with
// the invalid fields in the order of the form.
func (ch Checker) Product(texts map[string]string, requireAll bool) (in products.Input, err error) {
	var invalid []models.FieldError
	for _, f := range models.ProductFields() {
		text, isSent := texts[f.Column]
		if isSent {
			in.Given = append(in.Given, f.Column)
		} else if !requireAll {
			continue
		}
		if e := ch.setField(&in.Product, f, text); e != nil {
			invalid = append(invalid, *e)
		}
	}
	if invalid != nil {
		return products.Input{}, models.NewInvalid(invalid...)
	}
	return in, nil
}

// setField sets a field of p, or returns the error in its text.
func (ch Checker) setField(p *models.Product, f models.ProductField, text string) *models.FieldError {
	var invalid models.FieldError
	switch code := f.Parse(p, text); {
	case code == "date":
		invalid = models.NewFieldError(f.Column, "date", "request.date", nil)
	case code != "" && f.Kind == models.FieldSelect:
		invalid = notWholeNumberError(f.Column, math.MaxInt32)
	case code != "":
		invalid = models.NewFieldError(f.Column, "integer", "request.rupiah", nil)
	default:
		violations, _ := errors.AsType[validator.ValidationErrors](ch.validate.Var(f.Value(p), f.Rules()))
		if len(violations) == 0 {
			return nil
		}
		invalid = fieldError(f.Column, violations[0])
	}
	return &invalid
}

// MetricsField is the field of a move's metrics.
const MetricsField = "performance_metrics"

// move is a request to record a move.
type move struct {
	ProductID       *int64       `json:"id_produk"           validate:"required"`
	StageID         *int64       `json:"stage_now"           validate:"required"`
	PreviousStageID *int64       `json:"stage_previous"`
	Notes           *string      `json:"catatan"`
	ChangedAt       *time.Time   `json:"tanggal_perubahan"`
	StageEnd        *models.Date `json:"tanggal_stage_end"`
	Metrics         models.JSON  `json:"performance_metrics"`
}

// correction is a request to change a recorded move. Its time can be changed but not removed.
type correction struct {
	Notes     *string     `json:"catatan"`
	ChangedAt *time.Time  `json:"tanggal_perubahan"   validate:"required"`
	Metrics   models.JSON `json:"performance_metrics"`
}

// ReadMove reads a move from JSON. Errors: unsupported_type, too_large, validation_failed.
func (ch Checker) ReadMove(c *fiber.Ctx) (stages.Input, error) {
	texts, err := readTexts(c, fieldNames(move{}))
	if err != nil {
		return stages.Input{}, err
	}
	return ch.Move(texts)
}

// Move parses the texts of a move's fields, "" for NULL, and ignores other texts. Errors: validation_failed.
func (ch Checker) Move(texts map[string]string) (stages.Input, error) {
	var m move
	if err := ch.check(&m, bindText(texts, &m)); err != nil {
		return stages.Input{}, err
	}
	return stages.Input{
		ProductID: *m.ProductID, StageID: *m.StageID, PreviousStageID: m.PreviousStageID,
		Notes: m.Notes, ChangedAt: m.ChangedAt, StageEnd: m.StageEnd, Metrics: m.Metrics,
	}, nil
}

// ReadCorrection reads a correction from JSON. Errors: as ReadMove.
func (ch Checker) ReadCorrection(c *fiber.Ctx) (stages.Input, error) {
	texts, err := readTexts(c, fieldNames(correction{}))
	if err != nil {
		return stages.Input{}, err
	}
	return ch.Correction(texts)
}

// Correction parses the texts of the fields to change; fields that were not sent keep their values. Errors:
// validation_failed.
func (ch Checker) Correction(texts map[string]string) (stages.Input, error) {
	var body correction
	if err := ch.check(&body, bindText(texts, &body), slices.Collect(maps.Keys(texts))...); err != nil {
		return stages.Input{}, err
	}
	return stages.Input{
		Notes: body.Notes, ChangedAt: body.ChangedAt, Metrics: body.Metrics, Given: slices.Sorted(maps.Keys(texts)),
	}, nil
}
