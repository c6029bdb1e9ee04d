package request

import (
	"bytes"
	"context"
	"io"

	"github.com/gofiber/fiber/v2"

	"lifecycle-sync/models"
	"lifecycle-sync/services/imports"
)

// ImportField is the name of the form field for the file of an import.
const ImportField = "file"

// Import is a request to preview or apply an import. Digest is "" for a preview.
type Import struct {
	imports.File

	Digest string
}

// importForm are the fields of the form.
type importForm struct {
	Digest *string `json:"digest" validate:"omitempty,digest"`
	Skip   *string `json:"skip"   validate:"omitempty,oneof=problems"`
}

// ReadImport reads the form of an import; other may have further known fields, which are ignored. Errors: unsupported_type,
// too_large, validation_failed.
func (ch Checker) ReadImport(c *fiber.Ctx, other ...string) (in Import, fields map[string]string, err error) {
	const slack = 64 << 10 // bytes of the other fields and of the form's markup
	file := content{size: min(max(c.Request().Header.ContentLength(), 0), imports.MaxBytes)}
	form, err := ReadForm(c, FormLimits{Files: 1, Bytes: imports.MaxBytes + slack, Field: ImportField}, &file, append(other, fieldNames(importForm{})...)...)
	if err != nil {
		return in, form.Fields, err
	}
	var parsed importForm
	if err := ch.check(&parsed, bindText(form.Fields, &parsed)); err != nil {
		return in, form.Fields, err
	}
	in.Content, in.SkipProblems = file.bytes, parsed.Skip != nil
	if parsed.Digest != nil {
		in.Digest = *parsed.Digest
	}
	if in.Content == nil && in.Digest == "" {
		err = Invalid(ImportField, "required", "request.required", nil)
	}
	return in, form.Fields, err
}

// content keeps an uploaded file in memory; nil without one.
type content struct {
	bytes []byte
	size  int // of the request, at most: so much memory is reserved
}

// Save implements Uploads.
func (f *content) Save(_ context.Context, name string, r io.Reader) (models.Upload, error) {
	read := bytes.NewBuffer(make([]byte, 0, f.size+bytes.MinRead))
	_, err := read.ReadFrom(io.LimitReader(r, imports.MaxBytes+1))
	if err == nil && read.Len() > imports.MaxBytes {
		err = models.NewError(models.TooLarge, "import.too_large", models.Params{"limit": int64(imports.MaxBytes)})
	}
	f.bytes = read.Bytes()
	return models.Upload{Name: name}, err
}

// Discard implements Uploads.
func (f *content) Discard(context.Context, []models.Upload) {}
