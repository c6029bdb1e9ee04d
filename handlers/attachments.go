package handlers

import (
	"context"
	"encoding/json"
	"net/url"
	"slices"
	"strings"

	"github.com/gofiber/fiber/v2"

	"lifecycle-sync/handlers/request"
	"lifecycle-sync/models"
	"lifecycle-sync/services/attachments"
	"lifecycle-sync/services/cache"
	"lifecycle-sync/services/outbox"
)

// ListFiles serves a product's attachments, oldest first.
func (h *Products) ListFiles(c *fiber.Ctx) error {
	id, err := request.OnlyID(c)
	return read(c, err, h.Answers, func(ctx context.Context, v cache.View) (success, error) {
		list, err := attachments.List(ctx, v, id)
		return success{Data: withPaths(list)}, err
	})
}

// AddFiles attaches the files of a multipart form to a product.
func (h *Products) AddFiles(c *fiber.Ctx) error {
	id, err := request.ID(c)
	if err != nil {
		return err
	}
	key, err := request.IdempotencyKey(c)
	if err != nil {
		return err
	}
	form, err := request.ReadForm(c, h.Limits, h.Uploads)
	if err != nil {
		return err
	}
	if len(form.Files) == 0 {
		return request.Invalid(request.FilesField, "required", "request.no_files", nil)
	}
	ctx, cancel := context.WithTimeout(c.UserContext(), outbox.WriteTimeout)
	defer cancel()
	written, err := h.Files.Add(ctx, id, outbox.Request{Key: key, Fingerprint: outbox.Fingerprint(id, form.Files), Files: form.Files})
	if err != nil {
		return err
	}
	var added []models.ListedAttachment
	if err := json.Unmarshal(written.Data, &added); err != nil {
		return err
	}
	return done(c.Status(fiber.StatusCreated), "done.files_added", withPaths(added))
}

// withPaths sets the address from which the API serves each file.
func withPaths(list []models.ListedAttachment) []models.ListedAttachment {
	for i, a := range list {
		list[i].Path = request.AttachmentPath(a.ProductID, a.ID)
	}
	return list
}

// RemoveFile deletes an attachment.
func (h *Products) RemoveFile(c *fiber.Ctx) error {
	product, id, err := request.AttachmentID(c)
	if err != nil {
		return err
	}
	was, err := h.Files.Remove(c.UserContext(), product, id)
	if err != nil {
		return err
	}
	return done(c, "done.file_deleted", struct {
		ID   int64  `json:"id"`
		Name string `json:"nama_file"`
	}{was.ID, was.Name})
}

// Download serves a file unchanged. The headers keep browsers from running it, whatever it is.
func (h *Products) Download(c *fiber.Ctx) error {
	product, id, err := request.AttachmentID(c)
	if err != nil {
		return err
	}
	file, err := h.Files.Find(c.UserContext(), product, id)
	if err != nil {
		return err
	}
	if notModified(c, quote(file.SHA256), "private, no-cache") {
		return nil
	}
	content, err := h.Files.Open(c.UserContext(), file)
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

// disposition returns the Content-Disposition (RFC 6266): browsers show raster images and PDF, and save other files. The
// name stands in it in ASCII and, if that differs, in UTF-8.
func disposition(file models.Attachment) string {
	kind := "attachment"
	if slices.Contains([]string{"image/png", "image/jpeg", "image/gif", "application/pdf"}, file.Type) {
		kind = "inline"
	}
	ascii := strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' || strings.ContainsRune(`"\%`, r) {
			return '_'
		}
		return r
	}, file.Name)
	value := kind + `; filename="` + ascii + `"`
	if ascii != file.Name {
		value += "; filename*=UTF-8''" + strings.ReplaceAll(url.QueryEscape(file.Name), "+", "%20")
	}
	return value
}
