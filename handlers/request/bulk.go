package request

import (
	"encoding/json"
	"io"
	"math"
	"net/url"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"lifecycle-sync/models"
	"lifecycle-sync/services/products"
	"lifecycle-sync/services/stages"
)

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
