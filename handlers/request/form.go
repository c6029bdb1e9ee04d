package request

import (
	"context"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/textproto"
	"slices"
	"strings"

	"github.com/gofiber/fiber/v2"

	"lifecycle-sync/models"
)

// What a form may have beside the limits that are settings.
const (
	partsLimit = 100
	fieldLimit = 256 << 10 // bytes in a field: the longest text, 65536 characters, in any script and with line breaks
	headsLimit = 64 << 10  // bytes before a part's content, and behind the last part
	FilesField = "files"   // the field of the files, any number of them
)

// Uploads takes in files. Errors of Stage: unsupported_type, too_large, validation_failed, unavailable,
// and those of the reader as they are; after any of them nothing is left of the file.
type Uploads interface {
	Stage(ctx context.Context, name string, content io.Reader) (models.Upload, error)
	Discard(ctx context.Context, files []models.Upload)
}

// FormLimits are the limits of a form that are settings.
type FormLimits struct {
	Files int   // in a request
	Bytes int64 // in a request
}

// Form is what a form said: its fields, and the files that came with it, which are staged and whoever
// has the form must keep or discard.
type Form struct {
	Fields map[string]string
	Files  []models.Upload
}

// ReadForm reads a body that is multipart/form-data, a part at a time, with the known fields and files.
// Errors: unsupported_type, too_large, validation_failed, which names the field, and those of Stage.
// After any error no file is left; the fields that came before it are there all the same, to be shown again.
func ReadForm(c *fiber.Ctx, limits FormLimits, files Uploads, known ...string) (Form, error) {
	kind, parameters := mediaType(c)
	if kind != fiber.MIMEMultipartForm {
		refused(c)
		return Form{}, unsupported(fiber.MIMEMultipartForm)
	}
	body := bodyOf(c, limits.Bytes)
	reader := formReader{files: files, known: known, limits: limits, body: body, form: Form{Fields: map[string]string{}}}
	err := reader.read(c.UserContext(), parameters["boundary"])
	if err != nil {
		files.Discard(c.UserContext(), reader.form.Files)
		refused(c)
		return Form{Fields: reader.form.Fields}, unreadable(err, "request.malformed_form")
	}
	return reader.form, nil
}

// formReader reads one form.
type formReader struct {
	files  Uploads
	known  []string
	limits FormLimits
	body   *limited
	form   Form
}

func (f *formReader) read(ctx context.Context, boundary string) error {
	if boundary == "" || len(boundary) > 70 { // RFC 2046
		return errors.New("no boundary that could be one")
	}
	// The end of the body is an error to whoever looks for the next part: a form ends with its last boundary.
	parts := multipart.NewReader(io.MultiReader(f.body, strings.NewReader("\r\n"), brokenOff{}), boundary)
	for n := 0; ; n++ {
		f.body.scarce = headsLimit
		part, err := parts.NextRawPart()
		if errors.Is(err, io.EOF) {
			_, err = io.Copy(io.Discard, f.body) // nothing more should come
			return err
		}
		if err != nil {
			return err
		}
		f.body.scarce = -1
		if n == partsLimit {
			return models.NewError(models.TooLarge, "request.too_many_parts", models.Params{"limit": partsLimit})
		}
		if err := f.part(ctx, part); err != nil {
			return err
		}
	}
}

// brokenOff is what lies behind the end of a body.
type brokenOff struct{}

// Read implements io.Reader.
func (brokenOff) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// part reads a field or a file.
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

// describe says what a part is: the field's name, and the name of the file if it is one.
func describe(header textproto.MIMEHeader) (name, filename string, isFile bool) {
	disposition, parameters, err := mime.ParseMediaType(header.Get("Content-Disposition"))
	if err != nil || disposition != "form-data" {
		return "", "", false
	}
	filename, isFile = parameters["filename"]
	return parameters["name"], filename, isFile
}

// file stages a file. A form in which no file was chosen sends an empty one without a name. Of a form that is
// announced to be too large no file is read, but the fields before the first were: they are shown again.
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
