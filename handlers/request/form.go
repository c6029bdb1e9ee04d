package request

import (
	"cmp"
	"context"
	"errors"
	"io"
	"maps"
	"mime"
	"mime/multipart"
	"net/url"
	"slices"
	"strings"

	"github.com/gofiber/fiber/v2"

	"lifecycle-sync/models"
)

// Fixed limits of multipart forms.
const (
	partLimit       = 100
	fieldLimit      = 256 << 10 // bytes: 65,536 characters in any script, the longest text
	partHeaderLimit = 64 << 10  // bytes of a part's headers, and of data after the last part
)

// FilesField is the name of the form field for files.
const FilesField = "files"

// Uploads stores uploaded files. Errors of Save: unsupported_type, too_large, validation_failed, unavailable, and those of the
// reader; after an error no file is left.
type Uploads interface {
	Save(ctx context.Context, name string, content io.Reader) (models.Upload, error)
	Discard(ctx context.Context, files []models.Upload)
}

// FormLimits are the configured limits of multipart forms.
type FormLimits struct {
	Files int    // in a request
	Bytes int64  // in a request
	Field string // for files; "": FilesField
}

func (l FormLimits) field() string { return cmp.Or(l.Field, FilesField) }

// Form is a parsed multipart form. Its files are stored; the caller must keep or discard them.
type Form struct {
	Fields map[string]string
	Files  []models.Upload
}

// ReadFields reads a multipart form or, without files, a JSON object as texts. Errors: as ReadForm and readTexts.
func ReadFields(c *fiber.Ctx, limits FormLimits, files Uploads, allowed ...string) (Form, error) {
	switch kind, _ := mediaType(c); kind {
	case fiber.MIMEMultipartForm:
		return ReadForm(c, limits, files, allowed...)
	case fiber.MIMEApplicationJSON:
		texts, err := readTexts(c, allowed)
		return Form{Fields: texts}, err
	default:
		return Form{}, unsupportedTypeError(c, fiber.MIMEMultipartForm, fiber.MIMEApplicationJSON)
	}
}

// ReadForm reads a multipart form part by part. Errors: unsupported_type, too_large, validation_failed with the field, and
// those of Save. After an error no file is left, but the fields before it are returned, so that the console can redisplay
// them.
func ReadForm(c *fiber.Ctx, limits FormLimits, files Uploads, allowed ...string) (Form, error) {
	kind, parameters := mediaType(c)
	if kind != fiber.MIMEMultipartForm {
		return Form{}, unsupportedTypeError(c, fiber.MIMEMultipartForm)
	}
	reader := formReader{files: files, allowed: allowed, limits: limits, body: bodyOf(c, limits.Bytes), form: Form{Fields: map[string]string{}}}
	if err := reader.read(c.UserContext(), parameters["boundary"]); err != nil {
		files.Discard(c.UserContext(), reader.form.Files)
		return Form{Fields: reader.form.Fields}, bodyReadError(c, err, "request.malformed_form")
	}
	return reader.form, nil
}

// formReader reads one multipart form.
type formReader struct {
	files   Uploads
	allowed []string
	limits  FormLimits
	body    *limitedBody
	form    Form
}

func (f *formReader) read(ctx context.Context, boundary string) error {
	if boundary == "" || len(boundary) > 70 { // RFC 2046
		return errors.New("invalid boundary")
	}
	// Without this blank line, multipart would mistake a truncated header for the end of the form.
	parts := multipart.NewReader(io.MultiReader(f.body, strings.NewReader("\r\n\r\n")), boundary)
	for n := 0; ; n++ {
		f.body.budget = partHeaderLimit
		part, err := parts.NextRawPart()
		if err == io.EOF { //nolint:errorlint // a wrapped EOF means that the last boundary is missing
			_, err = io.Copy(io.Discard, f.body) // no data should follow
			return err
		}
		if err != nil {
			return err
		}
		f.body.budget = unlimitedBudget
		if n == partLimit {
			return models.NewError(models.TooLarge, "request.too_many_parts", models.Params{"limit": partLimit})
		}
		if err := f.readPart(ctx, part); err != nil {
			return err
		}
	}
}

// readPart reads one part: a field or a file.
func (f *formReader) readPart(ctx context.Context, part *multipart.Part) error {
	name, filename, isFile := partNames(part)
	switch {
	case !isText(name):
		return Invalid("", "encoding", "request.field_name_encoding", nil)
	case name == f.limits.field():
		return f.readFile(ctx, part, filename)
	case !slices.Contains(f.allowed, name):
		return unknownField(name, append(slices.Clone(f.allowed), f.limits.field()))
	case isFile:
		return Invalid(name, "type", "request.text", nil)
	}
	if _, isDuplicate := f.form.Fields[name]; isDuplicate {
		return Invalid(name, "duplicate", "request.duplicate", nil)
	}
	value, err := io.ReadAll(io.LimitReader(part, fieldLimit+1))
	switch {
	case err != nil:
		return err
	case len(value) > fieldLimit:
		return models.NewError(models.TooLarge, "request.field_too_large", models.Params{"field": models.FieldName(name), "limit": fieldLimit})
	case !isText(string(value)):
		return Invalid(name, "encoding", "request.encoding", nil)
	}
	f.form.Fields[name] = string(value)
	return nil
}

// partNames returns a part's field name and, for a file, its filename.
func partNames(part *multipart.Part) (name, filename string, isFile bool) {
	_, parameters, err := mime.ParseMediaType(part.Header.Get("Content-Disposition"))
	if err == nil {
		filename, isFile = parameters["filename"]
	}
	return part.FormName(), filename, isFile
}

// readFile stores a file. Browsers send an empty file without a name when none is selected. If Content-Length exceeds the
// limit, no file is read; the fields before the first file have been read.
func (f *formReader) readFile(ctx context.Context, part *multipart.Part, filename string) error {
	if f.body.contentLength > f.limits.Bytes {
		return models.NewError(models.TooLarge, "request.files_too_large", models.Params{"limit": f.limits.Bytes})
	}
	if filename == "" {
		n, err := io.CopyN(io.Discard, part, 1)
		if n > 0 {
			return Invalid(f.limits.field(), "filename", "request.file_without_name", nil)
		} else if errors.Is(err, io.EOF) {
			return nil
		}
		return err
	}
	if !isText(filename) {
		return Invalid(f.limits.field(), "encoding", "request.filename_encoding", nil)
	}
	if len(f.form.Files) == f.limits.Files {
		return models.NewError(models.TooLarge, "request.too_many_files", models.Params{"limit": f.limits.Files})
	}
	upload, err := f.files.Save(ctx, filename, part)
	if err != nil {
		return err
	}
	f.form.Files = append(f.form.Files, upload)
	return nil
}

// plainFormLimit is the maximum size of a form without files, in bytes.
const plainFormLimit = 1 << 20

// ReadPlainForm reads a form without files (application/x-www-form-urlencoded) that may have known fields only, each
// once. Errors: unsupported_type, too_large, validation_failed.
func ReadPlainForm(c *fiber.Ctx, allowed ...string) (map[string]string, error) {
	if kind, _ := mediaType(c); kind != fiber.MIMEApplicationForm {
		return nil, unsupportedTypeError(c, fiber.MIMEApplicationForm)
	}
	text, err := io.ReadAll(bodyOf(c, plainFormLimit))
	if err != nil {
		return nil, bodyReadError(c, err, "request.truncated")
	}
	query, err := url.ParseQuery(string(text))
	if err != nil {
		return nil, models.NewError(models.Invalid, "request.malformed_form", nil).WithCause(err)
	}
	fields := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(query)) { // sorted, so that the error is deterministic
		switch values := query[name]; {
		case !slices.Contains(allowed, name):
			return nil, unknownField(name, allowed)
		case len(values) > 1:
			return nil, Invalid(name, "duplicate", "request.duplicate", nil)
		case !isText(values[0]):
			return nil, Invalid(name, "encoding", "request.encoding", nil)
		default:
			fields[name] = values[0]
		}
	}
	return fields, nil
}
