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
