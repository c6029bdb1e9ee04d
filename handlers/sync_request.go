package handlers

import (
	"encoding/json"
	"errors"

	"github.com/gofiber/fiber/v2"

	"lifecycle-sync/handlers/request"
	"lifecycle-sync/models"
	"lifecycle-sync/services/mirror"
	"lifecycle-sync/services/syncing"
)

// syncBody is how many bytes the request for a run may have.
const syncBody = 64 << 10

// syncRequest reads what is asked of a run; no body asks for a full one. allowDeletes 0 allows nothing
// special, as when it is left out. Errors: validation_failed, too_large, unsupported_type.
func syncRequest(c *fiber.Ctx) (r syncing.Request, err error) {
	values, err := request.ReadObjectIfAny(c, syncBody, syncFields())
	if err != nil {
		return r, err
	}
	return asked(values)
}

func syncFields() []string { return []string{"mode", "dryRun", "allowDeletes", "digest"} }

// asked is what the values of a request for a run say.
func asked(values map[string]json.RawMessage) (syncing.Request, error) {
	r := syncing.Request{Mode: models.FullRun}
	var problems []models.FieldError
	wrong := func(field, code, message string) {
		problems = append(problems, models.FieldError{Field: field, Code: code, Message: message})
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
