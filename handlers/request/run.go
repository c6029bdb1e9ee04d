package request

import (
	"cmp"
	"regexp"
	"strconv"
	"strings"

	"github.com/gofiber/fiber/v2"

	"lifecycle-sync/models"
	"lifecycle-sync/services/runs"
)

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

var wholeNumberPattern = regexp.MustCompile(`^[0-9]+$|^[0-9]{1,3}(?:\.[0-9]{3})+$|^[0-9]{1,3}(?:,[0-9]{3})+$`)

// parseTypedNumber parses a whole number as people write it: 1250, 1.250 or 1,250. Errors: strconv.ErrSyntax, strconv.ErrRange.
func parseTypedNumber(text string) (int64, error) {
	text = strings.TrimSpace(text)
	if !wholeNumberPattern.MatchString(text) {
		return 0, strconv.ErrSyntax
	}
	return strconv.ParseInt(strings.NewReplacer(".", "", ",", "").Replace(text), 10, 64)
}
