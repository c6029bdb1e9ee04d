package request

import (
	"encoding/json"
	"errors"
	"regexp"
	"strconv"
	"strings"

	"github.com/gofiber/fiber/v2"

	"lifecycle-sync/models"
	"lifecycle-sync/services/mirror"
	"lifecycle-sync/services/runs"
)

// runBody is how many bytes the request for a run may have.
const runBody = 64 << 10

// ReadRun reads what is asked of a run, in JSON; no body asks for a full one. allowDeletes 0 allows nothing
// special, as when it is left out. Errors: validation_failed, too_large, unsupported_type.
func ReadRun(c *fiber.Ctx) (r runs.Request, err error) {
	values, err := ReadObjectIfAny(c, runBody, runFields())
	if err != nil {
		return r, err
	}
	return asked(values)
}

func runFields() []string { return []string{"mode", "dryRun", "allowDeletes", "digest"} }

// RunForm is what a form asks of a run.
type RunForm struct {
	runs.Request

	Seen int64 // the run whose page the form stood on; 0 when it was another page
}

// ReadRunForm reads a form that asks for a run; what was left empty is not asked for, except the number of rows
// that may leave, which a person must type where the form has it. Seen is read also on error. Errors: as ReadRun.
func ReadRunForm(c *fiber.Ctx) (form RunForm, err error) {
	sent, err := ReadPlainForm(c, "mode", "digest", "allowDeletes", "seen")
	if err != nil {
		return form, err
	}
	form.Seen, _ = strconv.ParseInt(sent["seen"], 10, 64) // which only says where to show what is wrong
	values := map[string]json.RawMessage{}
	for _, name := range []string{"mode", "digest"} {
		if text := sent[name]; text != "" {
			values[name] = json.RawMessage(strconv.Quote(text)) // as JSON writes it, where it is one that is known
		}
	}
	if number, isAsked := sent["allowDeletes"]; isAsked {
		values["allowDeletes"] = typedNumber(number)
	}
	form.Request, err = asked(values)
	return form, err
}

var typedWhole = regexp.MustCompile(`^[0-9]+$|^[0-9]{1,3}(\.[0-9]{3})+$`)

// typedNumber is a whole number as people type it, perhaps with full stops between thousands; anything else
// becomes what is no number.
func typedNumber(text string) json.RawMessage {
	text = strings.TrimSpace(text)
	digits := strings.ReplaceAll(text, ".", "")
	if !typedWhole.MatchString(text) {
		digits = ""
	}
	if n, err := strconv.ParseUint(digits, 10, 63); err == nil {
		return strconv.AppendUint(nil, n, 10)
	}
	return json.RawMessage(`""`)
}

// asked is what the values of a request for a run say.
func asked(values map[string]json.RawMessage) (runs.Request, error) {
	r := runs.Request{Mode: models.FullRun}
	var problems []models.FieldError
	wrong := func(field, code, message string) {
		problems = append(problems, models.FieldError{Field: field, Code: code, LegacyMessage: message})
	}
	if value, ok := values["mode"]; ok {
		if exact(value, &r.Mode) != nil || r.Mode != models.FullRun && r.Mode != models.IncrementalRun {
			wrong("mode", "unknown", "mode must be full or incremental")
		}
	}
	if value, ok := values["dryRun"]; ok && exact(value, &r.DryRun) != nil {
		wrong("dryRun", "boolean", "dryRun must be true or false")
	}
	if value, ok := values["allowDeletes"]; ok {
		var n int64
		if exact(value, &n) != nil || n < 0 {
			wrong("allowDeletes", "integer", "allowDeletes must be a whole number from 0")
		} else if n > 0 {
			r.AllowDeletes = &n
		}
	}
	if value, ok := values["digest"]; ok {
		switch {
		case exact(value, &r.Digest) != nil || !mirror.IsDigest(r.Digest):
			wrong("digest", "unknown", "digest must be that of a dry run or of a run that was refused: 32 digits or letters from a to f")
		case r.DryRun || r.Mode != models.FullRun:
			wrong("digest", "combination", "digest goes neither with dryRun nor with the mode incremental")
		}
	}
	if problems != nil {
		return r, models.NewInvalid(problems...)
	}
	return r, nil
}

// exact reads a value that is not null.
func exact(value json.RawMessage, into any) error {
	if string(value) == "null" {
		return errors.New("null is no value")
	}
	return json.Unmarshal(value, into)
}
