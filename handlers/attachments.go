package handlers

import (
	"context"
	"encoding/json"
	"net/url"
	"strings"

	"github.com/gofiber/fiber/v2"

	"lifecycle-sync/handlers/request"
	"lifecycle-sync/models"
	"lifecycle-sync/services/attachments"
	"lifecycle-sync/services/cache"
	"lifecycle-sync/services/outbox"
)

// Attachments answers requests for the files of products.
type Attachments struct {
	answers *cache.Answers
	files   *attachments.Files
	uploads request.Uploads
	limits  request.FormLimits
}

// NewAttachments returns the handlers on their use cases.
func NewAttachments(answers *cache.Answers, files *attachments.Files, u request.Uploads, limits request.FormLimits) *Attachments {
	return &Attachments{answers: answers, files: files, uploads: u, limits: limits}
}

// List answers a product's files, oldest first.
func (h *Attachments) List(c *fiber.Ctx) error {
	id, err := request.OnlyID(c)
	if err != nil {
		return err
	}
	return read(c, h.answers, func(ctx context.Context, v cache.View) (success, error) {
		list, err := attachments.List(ctx, v, id)
		return success{Data: list}, err
	})
}

// Add attaches the files of a form to a product.
func (h *Attachments) Add(c *fiber.Ctx) error {
	id, err := request.ID(c)
	if err != nil {
		return err
	}
	key, err := request.IdempotencyKey(c)
	if err != nil {
		return err
	}
	read, err := request.ReadForm(c, h.limits, h.uploads)
	if err != nil {
		return err
	}
	if len(read.Files) == 0 {
		return request.Invalid(request.FilesField, "required", "request.no_files", nil)
	}
	ctx, cancel := context.WithTimeout(c.UserContext(), outbox.WriteTimeout)
	defer cancel()
	written, err := h.files.Add(ctx, id, outbox.Request{Key: key, Fingerprint: outbox.Fingerprint(id, read.Files), Files: read.Files})
	if err != nil {
		return err
	}
	return c.Status(fiber.StatusCreated).JSON(success{Success: true, Message: "The files were added.", Data: json.RawMessage(written.Data)})
}

// removed is what is said of a file that was deleted.
type removed struct {
	ID   int64  `json:"id"`
	Name string `json:"nama_file"`
}

// Remove deletes a file.
func (h *Attachments) Remove(c *fiber.Ctx) error {
	product, id, err := request.AttachmentID(c)
	if err != nil {
		return err
	}
	was, err := h.files.Remove(c.UserContext(), product, id)
	if err != nil {
		return err
	}
	return c.JSON(success{Success: true, Message: "The file was deleted.", Data: removed{ID: was.ID, Name: was.Name}})
}

// Download answers a file's content as it came. Whatever it is, a browser runs nothing of it.
func (h *Attachments) Download(c *fiber.Ctx) error {
	product, id, err := request.AttachmentID(c)
	if err != nil {
		return err
	}
	if err := request.ParseQuery(c).Err(); err != nil {
		return err
	}
	file, err := h.files.Find(c.UserContext(), product, id)
	if err != nil {
		return err
	}
	tag := `"` + file.SHA256 + `"`
	if notModified(c, tag, "private, no-cache") {
		return nil
	}
	content, err := h.files.Open(c.UserContext(), file)
	if err != nil {
		c.Response().Header.Del(fiber.HeaderETag)
		return err
	}
	c.Set(fiber.HeaderContentType, file.Type)
	c.Set(fiber.HeaderXContentTypeOptions, "nosniff")
	c.Set(fiber.HeaderContentSecurityPolicy, "sandbox; default-src 'none'")
	c.Set(fiber.HeaderContentDisposition, disposition(file))
	if c.Method() == fiber.MethodHead {
		c.Response().SkipBody = true
		c.Response().Header.SetContentLength(int(file.Size))
		return content.Close()
	}
	return c.SendStream(content, int(file.Size)) // closes it
}

// disposition says what to do with a file: browsers show pictures and PDF, and save everything else. The
// name is given in ASCII, and as it is (RFC 6266).
func disposition(file models.Attachment) string {
	what := "attachment"
	switch file.Type {
	case "image/png", "image/jpeg", "image/gif", "application/pdf":
		what = "inline"
	}
	ascii := strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' || strings.ContainsRune(`"\%`, r) {
			return '_'
		}
		return r
	}, file.Name)
	value := what + `; filename="` + ascii + `"`
	if ascii != file.Name {
		value += "; filename*=UTF-8''" + strings.ReplaceAll(url.QueryEscape(file.Name), "+", "%20")
	}
	return value
}
