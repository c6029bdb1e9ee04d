package request

import (
	"context"
	"errors"
	"io"
	"maps"
	"mime"
	"mime/multipart"
	"net/textproto"
	"net/url"
	"slices"
	"strings"

	"github.com/gofiber/fiber/v2"

	"lifecycle-sync/models"
)

// The limits of multipart forms that are not settings.
const (
	partsLimit = 100
	fieldLimit = 256 << 10 // bytes in a field: the longest text, 65536 characters, in any script and with line breaks
	headsLimit = 64 << 10  // bytes of a part's headers, and after the last part
	FilesField = "files"   // the field of the files
)

// Uploads stores uploaded files. Errors of Stage: unsupported_type, too_large, validation_failed, unavailable, and the
// reader's own; nothing of the file is then left.
type Uploads interface {
	Stage(ctx context.Context, name string, content io.Reader) (models.Upload, error)
	Discard(ctx context.Context, files []models.Upload)
}

// FormLimits are the configured limits of multipart forms.
type FormLimits struct {
	Files int   // in a request
	Bytes int64 // in a request
}

// Form is a parsed multipart form. Its files are staged; the caller must keep or discard them.
type Form struct {
	Fields map[string]string
	Files  []models.Upload
}

// ReadForm reads a multipart form part by part. Errors: unsupported_type, too_large, validation_failed with the field, and
// those of Stage. After an error no file is left, but the fields before it are returned, for the console to show again.
func ReadForm(c *fiber.Ctx, limits FormLimits, files Uploads, known ...string) (Form, error) {
	kind, parameters := mediaType(c)
	if kind != fiber.MIMEMultipartForm {
		drain(c)
		return Form{}, unsupported(fiber.MIMEMultipartForm)
	}
	body := bodyOf(c, limits.Bytes)
	reader := formReader{files: files, known: known, limits: limits, body: body, form: Form{Fields: map[string]string{}}}
	err := reader.read(c.UserContext(), parameters["boundary"])
	if err != nil {
		files.Discard(c.UserContext(), reader.form.Files)
		drain(c)
		return Form{Fields: reader.form.Fields}, unreadable(err, "request.malformed_form")
	}
	return reader.form, nil
}

// formReader reads one multipart form.
type formReader struct {
	files  Uploads
	known  []string
	limits FormLimits
	body   *limited
	form   Form
}

func (f *formReader) read(ctx context.Context, boundary string) error {
	if boundary == "" || len(boundary) > 70 { // RFC 2046
		return errors.New("invalid boundary")
	}
	// A form ends with its last boundary: the end of the body before it is an error.
	parts := multipart.NewReader(io.MultiReader(f.body, strings.NewReader("\r\n"), truncated{}), boundary)
	for n := 0; ; n++ {
		f.body.budget = headsLimit
		part, err := parts.NextRawPart()
		if errors.Is(err, io.EOF) {
			_, err = io.Copy(io.Discard, f.body) // nothing should follow
			return err
		}
		if err != nil {
			return err
		}
		f.body.budget = -1
		if n == partsLimit {
			return models.NewError(models.TooLarge, "request.too_many_parts", models.Params{"limit": partsLimit})
		}
		if err := f.part(ctx, part); err != nil {
			return err
		}
	}
}

// truncated is read after the end of a body.
type truncated struct{}

// Read implements io.Reader.
func (truncated) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// part reads one part: a field or a file.
func (f *formReader) part(ctx context.Context, part *multipart.Part) error {
	name, filename, isFile := describe(part.Header)
	switch {
	case !isText(name):
		return encodingError("the name of a field")
	case name == FilesField:
		return f.file(ctx, part, filename)
	case !slices.Contains(f.known, name):
		return unknownField(name, append(slices.Clone(f.known), FilesField))
	case isFile:
		return Invalid(name, "type", "request.text", nil)
	}
	if _, seen := f.form.Fields[name]; seen {
		return Invalid(name, "duplicate", "request.duplicate", nil)
	}
	value, err := io.ReadAll(io.LimitReader(part, fieldLimit+1))
	switch {
	case err != nil:
		return err
	case len(value) > fieldLimit:
		return models.NewError(models.TooLarge, "request.field_too_large", models.Params{"field": name, "limit": fieldLimit})
	case !isText(string(value)):
		return encodingError(name)
	}
	f.form.Fields[name] = string(value)
	return nil
}

// describe returns the names of a part's field and, if it is a file, of the file.
func describe(header textproto.MIMEHeader) (name, filename string, isFile bool) {
	disposition, parameters, err := mime.ParseMediaType(header.Get("Content-Disposition"))
	if err != nil || disposition != "form-data" {
		return "", "", false
	}
	filename, isFile = parameters["filename"]
	return parameters["name"], filename, isFile
}

// file stages a file. Browsers send an empty file without a name when none was chosen. If Content-Length exceeds the
// limit, no file is read; the fields before the first one already are.
func (f *formReader) file(ctx context.Context, part *multipart.Part, filename string) error {
	if f.body.isTooLarge() {
		return models.NewError(models.TooLarge, "request.files_too_large", models.Params{"limit": f.limits.Bytes})
	}
	if filename == "" {
		_, err := io.ReadFull(part, make([]byte, 1))
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		default:
			return Invalid(FilesField, "filename", "request.file_without_name", nil)
		}
	}
	if !isText(filename) {
		return encodingError("the name of a file")
	}
	if len(f.form.Files) == f.limits.Files {
		return models.NewError(models.TooLarge, "request.too_many_files", models.Params{"limit": f.limits.Files})
	}
	upload, err := f.files.Stage(ctx, filename, part)
	if err != nil {
		return err
	}
	f.form.Files = append(f.form.Files, upload)
	return nil
}

// Invalid returns the error for one invalid field; text is a code of the message catalogue, which gets the
// parameter "field".
func Invalid(field, code, text string, params models.Params) error {
	return models.NewInvalid(models.NewFieldError(field, code, text, params))
}

func unknownField(name string, known []string) error {
	return Invalid(clip(name), "unknown", "request.unknown_field", models.Params{"known": known})
}

// plainFormLimit is the maximum size of a form without files, in bytes.
const plainFormLimit = 1 << 20

// ReadPlainForm reads a form without files (application/x-www-form-urlencoded) that may have known fields only, each
// once. Errors: unsupported_type, too_large, validation_failed.
func ReadPlainForm(c *fiber.Ctx, known ...string) (map[string]string, error) {
	if kind, _ := mediaType(c); kind != fiber.MIMEApplicationForm {
		drain(c)
		return nil, unsupported(fiber.MIMEApplicationForm)
	}
	text, err := io.ReadAll(bodyOf(c, plainFormLimit))
	if err != nil {
		drain(c)
		return nil, unreadable(err, "request.truncated")
	}
	sent, err := url.ParseQuery(string(text))
	if err != nil {
		return nil, models.NewError(models.Invalid, "request.malformed_form", nil).WithCause(err)
	}
	fields := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(sent)) { // so that the same form has the same error
		values := sent[name]
		switch {
		case !slices.Contains(known, name):
			return nil, unknownField(name, known)
		case len(values) > 1:
			return nil, Invalid(name, "duplicate", "request.duplicate", nil)
		case !isText(values[0]):
			return nil, encodingError(name)
		}
		fields[name] = values[0]
	}
	return fields, nil
}
