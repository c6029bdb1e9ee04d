package request

import (
	"cmp"
	"errors"
	"maps"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-playground/validator/v10"
	"github.com/gofiber/fiber/v2"

	"lifecycle-sync/models"
	"lifecycle-sync/services/products"
	"lifecycle-sync/services/runs"
	"lifecycle-sync/services/stages"
)

// ProductColumns are the names of a product's editable fields.
func ProductColumns() (columns []string) {
	for _, f := range models.ProductFields() {
		columns = append(columns, f.Column)
	}
	return columns
}

// ReadProduct reads a product from a multipart form or from JSON; whole also requires the required fields that were
// not sent. The caller owns the files. Errors: unsupported_type, too_large, validation_failed, unavailable; no file is
// then left.
func (ch Checker) ReadProduct(c *fiber.Ctx, limits FormLimits, files Uploads, whole bool) (products.Input, []models.Upload, error) {
	form, err := ReadFields(c, limits, files, ProductColumns()...)
	if err != nil {
		return products.Input{}, nil, err
	}
	in, err := ch.Product(form.Fields, whole)
	if err != nil {
		files.Discard(c.UserContext(), form.Files)
		return products.Input{}, nil, err
	}
	return in, form.Files, nil
}

// Product parses the texts of a product's fields, "" for NULL, and ignores other texts. Errors: validation_failed with
// the invalid fields in the order of the form.
func (ch Checker) Product(sent map[string]string, whole bool) (in products.Input, err error) {
	var invalid []models.FieldError
	for _, f := range models.ProductFields() {
		text, isSent := sent[f.Column]
		if isSent {
			in.Given = append(in.Given, f.Column)
		} else if !whole {
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

// setField sets a field of p, or returns what is wrong with its text.
func (ch Checker) setField(p *models.Product, f models.ProductField, text string) *models.FieldError {
	var invalid models.FieldError
	switch code := f.Parse(p, text); {
	case code == "date":
		invalid = models.NewFieldError(f.Column, "date", "request.date", nil)
	case code != "" && f.Kind == models.FieldSelect:
		invalid = notWhole(f.Column, math.MaxInt32)
	case code != "":
		invalid = models.NewFieldError(f.Column, "integer", "request.rupiah", nil)
	default:
		broken, _ := errors.AsType[validator.ValidationErrors](ch.validate.Var(f.Value(p), f.Rules()))
		if len(broken) == 0 {
			return nil
		}
		invalid = fieldError(f.Column, broken[0])
	}
	return &invalid
}

// MetricsField is the field of a move's metrics.
const MetricsField = "performance_metrics"

// move is a request to record a move.
type move struct {
	ProductID       *int64      `json:"id_produk"           validate:"required"`
	StageID         *int64      `json:"stage_now"           validate:"required"`
	PreviousStageID *int64      `json:"stage_previous"`
	Notes           *string     `json:"catatan"`
	ChangedAt       *time.Time  `json:"tanggal_perubahan"`
	Metrics         models.JSON `json:"performance_metrics"`
}

// correction is a request to change a recorded move. Its time can be changed but not removed.
type correction struct {
	Notes     *string     `json:"catatan"`
	ChangedAt *time.Time  `json:"tanggal_perubahan"   validate:"required"`
	Metrics   models.JSON `json:"performance_metrics"`
}

// ReadMove reads a move from JSON. Errors: unsupported_type, too_large, validation_failed.
func (ch Checker) ReadMove(c *fiber.Ctx) (stages.Input, error) {
	sent, err := readTexts(c, fieldNames(move{}))
	if err != nil {
		return stages.Input{}, err
	}
	return ch.Move(sent)
}

// Move parses the texts of a move's fields, "" for NULL, and ignores other texts. Errors: validation_failed.
func (ch Checker) Move(sent map[string]string) (stages.Input, error) {
	var m move
	if err := ch.check(&m, bindText(sent, &m)); err != nil {
		return stages.Input{}, err
	}
	return stages.Input{
		ProductID: *m.ProductID, StageID: *m.StageID, PreviousStageID: m.PreviousStageID,
		Notes: m.Notes, ChangedAt: m.ChangedAt, Metrics: m.Metrics,
	}, nil
}

// ReadCorrection reads a correction from JSON. Errors: as ReadMove.
func (ch Checker) ReadCorrection(c *fiber.Ctx) (stages.Input, error) {
	sent, err := readTexts(c, fieldNames(correction{}))
	if err != nil {
		return stages.Input{}, err
	}
	return ch.Correction(sent)
}

// Correction parses the texts of the fields to change; fields that were not sent keep their values. Errors:
// validation_failed.
func (ch Checker) Correction(sent map[string]string) (stages.Input, error) {
	var corrected correction
	if err := ch.check(&corrected, bindText(sent, &corrected), slices.Collect(maps.Keys(sent))...); err != nil {
		return stages.Input{}, err
	}
	return stages.Input{
		Notes: corrected.Notes, ChangedAt: corrected.ChangedAt, Metrics: corrected.Metrics, Given: slices.Sorted(maps.Keys(sent)),
	}, nil
}

// runLimit is the maximum size of a run request, in bytes.
const runLimit = 64 << 10

// runBody is the request for a run. A value left out means a full run without exceptions.
type runBody struct {
	Mode         string  `json:"mode"         validate:"oneof=full incremental"`
	DryRun       bool    `json:"dryRun"`
	AllowDeletes int64   `json:"allowDeletes" validate:"min=0"` // 0 allows none beyond the guard
	Digest       *string `json:"digest"       validate:"omitempty,digest,excluded_unless=Mode full,excluded_unless=DryRun false"`
}

// Run reads the JSON request for a run; no body asks for a full one. Errors: validation_failed, too_large,
// unsupported_type.
func (ch Checker) Run(c *fiber.Ctx) (runs.Request, error) {
	values, err := readObject(c, runLimit, true, fieldNames(runBody{}))
	if err != nil {
		return runs.Request{}, err
	}
	body := runBody{Mode: models.FullRun}
	return ch.run(&body, bindJSON(values, &body))
}

func (ch Checker) run(body *runBody, unparsed []models.FieldError) (r runs.Request, err error) {
	if err := ch.check(body, unparsed); err != nil {
		return r, err
	}
	r = runs.Request{Mode: body.Mode, DryRun: body.DryRun}
	if body.AllowDeletes > 0 {
		r.AllowDeletes = &body.AllowDeletes
	}
	if body.Digest != nil {
		r.Digest = *body.Digest
	}
	return r, nil
}

// RunForm is a console form that requests a run.
type RunForm struct {
	runs.Request

	Seen int64 // the run whose page showed the form; 0 for another page
}

// RunForm reads a form that requests a run. An empty field is left out, except the number of allowed deletes, which
// must be typed where the form has it. Seen is set also on error. Errors: as Run.
func (ch Checker) RunForm(c *fiber.Ctx) (form RunForm, err error) {
	sent, err := ReadPlainForm(c, "mode", "digest", "allowDeletes", "seen")
	if err != nil {
		return form, err
	}
	form.Seen, _ = strconv.ParseInt(sent["seen"], 10, 64) // only selects the page that shows an error
	body := runBody{Mode: cmp.Or(sent["mode"], models.FullRun)}
	if digest := sent["digest"]; digest != "" {
		body.Digest = &digest
	}
	var unparsed []models.FieldError
	if text, isSent := sent["allowDeletes"]; isSent {
		if body.AllowDeletes, err = typedNumber(text); err != nil {
			unparsed = append(unparsed, models.NewFieldError("allowDeletes", "integer", "request.whole_number_from", models.Params{"min": 0}))
		}
	}
	form.Request, err = ch.run(&body, unparsed)
	return form, err
}

var typedWhole = regexp.MustCompile(`^[0-9]+$|^[0-9]{1,3}(\.[0-9]{3})+$`)

// typedNumber parses a whole number as people type it: 1250 or 1.250. Errors: strconv.ErrSyntax, strconv.ErrRange.
func typedNumber(text string) (int64, error) {
	text = strings.TrimSpace(text)
	if !typedWhole.MatchString(text) {
		return 0, strconv.ErrSyntax
	}
	return strconv.ParseInt(strings.ReplaceAll(text, ".", ""), 10, 64)
}
