package request

import (
	"errors"
	"math"

	"github.com/go-playground/validator/v10"
	"github.com/gofiber/fiber/v2"

	"lifecycle-sync/models"
	"lifecycle-sync/services/products"
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
