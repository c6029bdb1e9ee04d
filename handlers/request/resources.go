package request

import (
	"cmp"
	"encoding/json"
	"maps"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/gofiber/fiber/v2"

	"lifecycle-sync/models"
	"lifecycle-sync/services/mirror"
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
func ReadProduct(c *fiber.Ctx, limits FormLimits, files Uploads, requireAll bool) (products.Input, []models.Upload, error) {
	form, err := ReadFields(c, limits, files, ProductColumns()...)
	if err != nil {
		return products.Input{}, nil, err
	}
	in, err := Product(form.Fields, requireAll)
	if err != nil {
		files.Discard(c.UserContext(), form.Files)
		return products.Input{}, nil, err
	}
	return in, form.Files, nil
}

// Product parses the texts of a product's fields, "" for NULL, and ignores other texts. Errors: validation_failed with
// the invalid fields in the order of the form.
func Product(texts map[string]string, requireAll bool) (in products.Input, err error) {
	var invalid []models.FieldError
	for _, f := range models.ProductFields() {
		text, isSent := texts[f.Column]
		if isSent {
			in.Given = append(in.Given, f.Column)
		} else if !requireAll {
			continue
		}
		if code := f.Parse(&in.Product, text); code != "" {
			invalid = append(invalid, productFieldError(f, code))
		}
	}
	return in, invalidFields(invalid)
}

// productFieldError returns the error for a result of ProductField.Parse.
func productFieldError(f models.ProductField, code string) models.FieldError {
	switch {
	case code == "required":
		return requiredError(f.Column)
	case code == "too_long":
		return models.NewFieldError(f.Column, code, "request.too_long", models.Params{"max": strconv.Itoa(f.Max)})
	case code == "date":
		return models.NewFieldError(f.Column, code, "request.date", nil)
	case f.Kind == models.FieldSelect:
		return notWholeNumberError(f.Column, math.MaxInt32)
	default:
		return models.NewFieldError(f.Column, code, "request.rupiah", nil)
	}
}

// MetricsField is the field of a move's metrics.
const MetricsField = "performance_metrics"

// ReadMove reads a move from JSON. Errors: unsupported_type, too_large, validation_failed.
func ReadMove(c *fiber.Ctx) (stages.Input, error) {
	values, err := readTexts(c, []string{"id_produk", "stage_now", "stage_previous", "catatan", "tanggal_perubahan", MetricsField})
	if err != nil {
		return stages.Input{}, err
	}
	return Move(values)
}

// Move parses the texts of a move's fields, "" for NULL, and ignores other texts. Errors: validation_failed.
func Move(values map[string]string) (stages.Input, error) {
	t := texts{values: values}
	in := stages.Input{
		ProductID: t.requiredID("id_produk"), StageID: t.requiredID("stage_now"), PreviousStageID: t.id("stage_previous"),
		Notes: t.text("catatan"), ChangedAt: t.time("tanggal_perubahan"), Metrics: t.object(MetricsField),
	}
	return in, t.err()
}

// ReadCorrection reads a correction from JSON. Errors: as ReadMove.
func ReadCorrection(c *fiber.Ctx) (stages.Input, error) {
	values, err := readTexts(c, []string{"catatan", "tanggal_perubahan", MetricsField})
	if err != nil {
		return stages.Input{}, err
	}
	return Correction(values)
}

// Correction parses the texts of the fields to change; fields that were not sent keep their values. The time can be
// changed but not removed. Errors: validation_failed.
func Correction(values map[string]string) (stages.Input, error) {
	t := texts{values: values}
	if text, isSent := values["tanggal_perubahan"]; isSent && text == "" {
		t.add(requiredError("tanggal_perubahan"))
	}
	in := stages.Input{
		Notes: t.text("catatan"), ChangedAt: t.time("tanggal_perubahan"), Metrics: t.object(MetricsField), Given: slices.Sorted(maps.Keys(values)),
	}
	return in, t.err()
}

// runLimit is the maximum size of a run request, in bytes.
const runLimit = 64 << 10

// runFields returns the fields of a run request in JSON.
func runFields() []string { return []string{"mode", "dryRun", "allowDeletes", "digest"} }

// ReadRun reads the JSON request for a run; without a body it is a full one. Errors: validation_failed, too_large,
// unsupported_type.
func ReadRun(c *fiber.Ctx) (runs.Request, error) {
	values, err := readObject(c, runLimit, true, runFields())
	if err != nil {
		return runs.Request{}, err
	}
	return runRequest(values)
}

// runRequest parses the fields of a run request. Errors: validation_failed.
func runRequest(values map[string]json.RawMessage) (runs.Request, error) {
	r := runs.Request{Mode: models.FullRun}
	var invalid []models.FieldError
	parse := func(name string, target any, code, text string, params models.Params) (ok bool) {
		value, isSent := values[name]
		if isSent && (string(value) == "null" || json.Unmarshal(value, target) != nil) {
			invalid = append(invalid, models.NewFieldError(name, code, text, params))
			return false
		}
		return isSent
	}
	parse("mode", &r.Mode, "type", "request.text", nil)
	parse("dryRun", &r.DryRun, "boolean", "request.boolean", nil)
	parse("allowDeletes", &r.AllowDeletes, "integer", "request.whole_number_from", models.Params{"min": 0})
	if digest := ""; parse("digest", &digest, "type", "request.text", nil) {
		return checkRun(r, &digest, invalid)
	}
	return checkRun(r, nil, invalid)
}

// checkRun returns a request for a run that applies the dry run with a digest; nil for none. invalid are the errors so
// far. Errors: validation_failed.
func checkRun(r runs.Request, digest *string, invalid []models.FieldError) (runs.Request, error) {
	add := func(name, code, text string, params models.Params) {
		invalid = append(invalid, models.NewFieldError(name, code, text, params))
	}
	if modes := []string{models.FullRun, models.IncrementalRun}; !slices.Contains(modes, r.Mode) {
		add("mode", "unknown", "request.one_of", models.Params{"choices": modes})
	}
	if deletes := r.AllowDeletes; deletes != nil && *deletes < 0 {
		add("allowDeletes", "integer", "request.whole_number_from", models.Params{"min": 0})
	} else if deletes != nil && *deletes == 0 { // allows none beyond the guard, as without the field
		r.AllowDeletes = nil
	}
	switch {
	case digest == nil:
	case !mirror.IsDigest(*digest):
		add("digest", "unknown", "request.digest", nil)
	case r.Mode != models.FullRun || r.DryRun:
		add("digest", "combination", "request.digest_combination", nil)
	default:
		r.Digest = *digest
	}
	return r, invalidFields(invalid)
}

// RunForm is a console form that requests a run.
type RunForm struct {
	runs.Request

	FromRunID int64 // the run whose page contains the form; 0 for another page
}

// ReadRunForm reads a form that requests a run. Empty fields are ignored, except the number of allowed deletes, which is
// required if the form has that field. FromRunID is set also on error. Errors: as ReadRun.
func ReadRunForm(c *fiber.Ctx) (form RunForm, err error) {
	fields, err := ReadPlainForm(c, "mode", "digest", "allowDeletes", "seen")
	if err != nil {
		return form, err
	}
	form.FromRunID, _ = strconv.ParseInt(fields["seen"], 10, 64) // only selects the page for an error
	r := runs.Request{Mode: cmp.Or(fields["mode"], models.FullRun)}
	var applied *string
	if digest := fields["digest"]; digest != "" {
		applied = &digest
	}
	var invalid []models.FieldError
	if text, isSent := fields["allowDeletes"]; isSent {
		deletes, err := parseTypedNumber(text)
		if r.AllowDeletes = &deletes; err != nil {
			invalid = append(invalid, models.NewFieldError("allowDeletes", "integer", "request.whole_number_from", models.Params{"min": 0}))
		}
	}
	form.Request, err = checkRun(r, applied, invalid)
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
