package request

import (
	"cmp"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"math"
	"net/url"
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

// Bulk is a request to change several products: either some fields of them, or a move.
type Bulk struct {
	Targets []products.Target
	Set     *products.Input
	Move    *stages.Input
}

// bulkMove is the part of a move that a bulk move has.
type bulkMove struct {
	StageID   *int64       `json:"stage_now"         validate:"required"`
	ChangedAt *time.Time   `json:"tanggal_perubahan"`
	Notes     *string      `json:"catatan"`
	StageEnd  *models.Date `json:"tanggal_stage_end"`
}

// ReadBulk reads a bulk change from JSON. Errors: unsupported_type, too_large, validation_failed.
func (ch Checker) ReadBulk(c *fiber.Ctx) (Bulk, error) {
	object, err := readObject(c, jsonLimit, false, []string{"products", "set", "move"})
	if err != nil {
		return Bulk{}, err
	}
	targets, err := readTargets(object["products"])
	if err != nil {
		return Bulk{}, err
	}
	set, isSet := object["set"]
	move, isMove := object["move"]
	switch {
	case isSet == isMove:
		return Bulk{}, Invalid("set", "combination", "request.set_or_move", nil)
	case isSet:
		in, err := ch.readSet(set)
		return Bulk{Targets: targets, Set: &in}, err
	default:
		in, err := ch.readBulkMove(move)
		return Bulk{Targets: targets, Move: &in}, err
	}
}

func (ch Checker) readSet(text json.RawMessage) (products.Input, error) {
	object, err := parseFields(text, ProductColumns())
	if err != nil {
		return products.Input{}, err
	}
	texts, err := textsOf(object, ProductColumns())
	if err != nil {
		return products.Input{}, err
	}
	return ch.BulkSet(texts)
}

// BulkSet parses the texts of the fields to set, "" for NULL. Errors: validation_failed, also without a field.
func (ch Checker) BulkSet(texts map[string]string) (products.Input, error) {
	in, err := ch.Product(texts, false)
	if err == nil && len(in.Given) == 0 {
		err = Invalid("set", "required", "request.nothing_to_set", nil)
	}
	return in, err
}

func (ch Checker) readBulkMove(text json.RawMessage) (stages.Input, error) {
	object, err := parseFields(text, fieldNames(bulkMove{}))
	if err != nil {
		return stages.Input{}, err
	}
	texts, err := textsOf(object, fieldNames(bulkMove{}))
	if err != nil {
		return stages.Input{}, err
	}
	return ch.BulkMove(texts)
}

// BulkMove parses the texts of a move of several products, "" for NULL, and ignores other texts. Errors: validation_failed.
func (ch Checker) BulkMove(texts map[string]string) (stages.Input, error) {
	var m bulkMove
	if err := ch.check(&m, bindText(texts, &m)); err != nil {
		return stages.Input{}, err
	}
	return stages.Input{StageID: *m.StageID, ChangedAt: m.ChangedAt, Notes: m.Notes, StageEnd: m.StageEnd}, nil
}

// readTargets reads the products of a bulk change: a JSON array of objects with id and version. Errors: validation_failed.
func readTargets(text json.RawMessage) ([]products.Target, error) {
	var list []json.RawMessage
	if err := json.Unmarshal(text, &list); err != nil || len(list) == 0 {
		return nil, Invalid("products", "required", "request.bulk_products", models.Params{"max": products.MaxBulk})
	}
	if len(list) > products.MaxBulk {
		return nil, Invalid("products", "too_many", "request.bulk_products", models.Params{"max": products.MaxBulk})
	}
	targets := make([]products.Target, len(list))
	for i, item := range list {
		object, err := parseFields(item, []string{"id", "version"})
		if err != nil {
			return nil, err
		}
		var id int64
		var version *string
		idErr, versionErr := json.Unmarshal(object["id"], &id), json.Unmarshal(object["version"], &version)
		if idErr != nil || id < 1 || id > math.MaxInt32 || versionErr != nil || version == nil {
			return nil, Invalid("products", "type", "request.bulk_target", models.Params{"place": i + 1})
		}
		targets[i] = products.Target{ID: id, Versions: models.RowVersions{*version}}
	}
	return targets, uniqueTargets(targets)
}

// ReadSelection reads the products that are selected in a list of the console, none if no box is ticked: a form with fields
// "select", each ID:VERSION. Errors: unsupported_type, too_large, validation_failed.
func ReadSelection(c *fiber.Ctx) ([]products.Target, error) {
	if kind, _ := mediaType(c); kind != fiber.MIMEApplicationForm {
		return nil, unsupportedTypeError(c, fiber.MIMEApplicationForm)
	}
	text, err := io.ReadAll(bodyOf(c, plainFormLimit))
	if err != nil {
		return nil, bodyReadError(c, err, "request.truncated")
	}
	form, err := url.ParseQuery(string(text))
	if err != nil {
		return nil, models.NewError(models.Invalid, "request.malformed_form", nil).WithCause(err)
	}
	for name := range form {
		if name != SelectField {
			return nil, unknownField(name, []string{SelectField})
		}
	}
	return ParseTargets(form[SelectField])
}

// SelectField is the form field of a selected product.
const SelectField = "select"

// ParseTargets parses products of a form, each ID:VERSION. Errors: validation_failed.
func ParseTargets(texts []string) ([]products.Target, error) {
	if len(texts) > products.MaxBulk {
		return nil, Invalid("products", "too_many", "request.bulk_products", models.Params{"max": products.MaxBulk})
	}
	targets := make([]products.Target, len(texts))
	for i, text := range texts {
		id, version, _ := strings.Cut(text, ":")
		n, ok := positiveNumber(id, math.MaxInt32)
		if !ok {
			return nil, Invalid("products", "type", "request.bulk_target", models.Params{"place": i + 1})
		}
		targets[i] = products.Target{ID: n, Versions: models.RowVersions{version}}
	}
	return targets, uniqueTargets(targets)
}

// uniqueTargets returns an error if a product occurs twice. Errors: validation_failed.
func uniqueTargets(targets []products.Target) error {
	seen := make(map[int64]bool, len(targets))
	for _, t := range targets {
		if seen[t.ID] {
			return Invalid("products", "duplicate", "request.bulk_twice", models.Params{"id": t.ID})
		}
		seen[t.ID] = true
	}
	return nil
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

// runLimit is the maximum size of a run request, in bytes.
const runLimit = 64 << 10

// runBody is the request for a run. Without values it requests a full run with no deletions beyond the guard.
type runBody struct {
	Mode         string  `json:"mode"         validate:"oneof=full incremental"`
	DryRun       bool    `json:"dryRun"`
	AllowDeletes int64   `json:"allowDeletes" validate:"min=0"` // 0 allows none beyond the guard
	Digest       *string `json:"digest"       validate:"omitempty,digest,excluded_unless=Mode full,excluded_unless=DryRun false"`
}

// ReadRun reads the JSON request for a run; without a body it is a full one. Errors: validation_failed, too_large,
// unsupported_type.
func (ch Checker) ReadRun(c *fiber.Ctx) (runs.Request, error) {
	values, err := readObject(c, runLimit, true, fieldNames(runBody{}))
	if err != nil {
		return runs.Request{}, err
	}
	body := runBody{Mode: models.FullRun}
	return ch.runRequest(&body, bindJSON(values, &body))
}

func (ch Checker) runRequest(body *runBody, parseErrors []models.FieldError) (r runs.Request, err error) {
	if err := ch.check(body, parseErrors); err != nil {
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

	FromRunID int64 // the run whose page contains the form; 0 for another page
	// RowCount is the number of rows to delete that the user entered, nil if the form does not ask for it.
	RowCount     *int64
	RowCountText string
}

// ReadRunForm reads a form that requests a run. Empty fields are ignored, except the number of allowed deletes, which is
// required if the form has that field. FromRunID is set also on error. Errors: as ReadRun.
func (ch Checker) ReadRunForm(c *fiber.Ctx) (form RunForm, err error) {
	fields, err := ReadPlainForm(c, "mode", "digest", "allowDeletes", "seen")
	if err != nil {
		return form, err
	}
	form.FromRunID, _ = strconv.ParseInt(fields["seen"], 10, 64) // only selects the page for an error
	body := runBody{Mode: cmp.Or(fields["mode"], models.FullRun)}
	if digest := fields["digest"]; digest != "" {
		body.Digest = &digest
	}
	var parseErrors []models.FieldError
	if text, isSent := fields["allowDeletes"]; isSent {
		form.RowCount, form.RowCountText = &body.AllowDeletes, text
		if body.AllowDeletes, err = parseTypedNumber(text); err != nil {
			parseErrors = append(parseErrors, models.NewFieldError("allowDeletes", "integer", "request.whole_number_from", models.Params{"min": 0}))
		}
	}
	form.Request, err = ch.runRequest(&body, parseErrors)
	return form, err
}

var wholeNumberPattern = regexp.MustCompile(`^[0-9]+$|^[0-9]{1,3}(\.[0-9]{3})+$`)

// parseTypedNumber parses a whole number in Indonesian format: 1250 or 1.250. Errors: strconv.ErrSyntax, strconv.ErrRange.
func parseTypedNumber(text string) (int64, error) {
	text = strings.TrimSpace(text)
	if !wholeNumberPattern.MatchString(text) {
		return 0, strconv.ErrSyntax
	}
	return strconv.ParseInt(strings.ReplaceAll(text, ".", ""), 10, 64)
}
