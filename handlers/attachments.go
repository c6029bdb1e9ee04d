package handlers

import (
	"cmp"
	"context"
	"encoding/json"
	"net/url"
	"slices"
	"strconv"
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
	id, err := request.ID(c)
	return h.serveSigned(c, err, func(ctx context.Context, v cache.View, link linker) (success, error) {
		list, err := attachments.List(ctx, v, id)
		if err != nil {
			return success{}, err
		}
		list, err = link(list)
		return success{Data: list}, err
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
	signer, err := h.Links.Signer(c.UserContext()) // before anything is stored
	if err != nil {
		return err
	}
	form, err := request.ReadForm(c, h.Limits, h.Files)
	if err != nil {
		return err
	}
	if len(form.Files) == 0 {
		return request.Invalid(request.FilesField, "required", "request.no_files", nil)
	}
	result, err := h.Files.Add(c.UserContext(), id, outbox.Request{Key: key, Fingerprint: outbox.Fingerprint(id, form.Files), Files: form.Files})
	if err != nil {
		return err
	}
	var list []models.Attachment
	if err := json.Unmarshal(result.Data, &list); err != nil {
		return err
	}
	return respondDone(c.Status(fiber.StatusCreated), "done.files_added", withLinks(list, signer))
}

// linker sets the download links of files, if there are any. Errors: unavailable, connection, timeout.
type linker func(list []models.Attachment) ([]models.Attachment, error)

// serveSigned is serveCached for responses with download links, which it renews before they expire. The key is read before
// compute takes a connection, but only files need it.
func (h *Products) serveSigned(c *fiber.Ctx, validationErr error, compute func(ctx context.Context, v cache.View, link linker) (success, error)) error {
	signer, signerErr := h.Links.Signer(c.UserContext())
	return serveCachedVariant(c, validationErr, h.Responses, strconv.FormatInt(signer.Window(), 10), func(ctx context.Context, v cache.View) (success, error) {
		return compute(ctx, v, func(list []models.Attachment) ([]models.Attachment, error) {
			if len(list) > 0 && signerErr != nil {
				return nil, signerErr
			}
			return withLinks(list, signer), nil
		})
	})
}

// withLinks sets each file's download link.
func withLinks(list []models.Attachment, signer attachments.Signer) []models.Attachment {
	for i, a := range list {
		list[i].DownloadURL = request.DownloadAddress(signer.Sign(a))
		list[i].Path = list[i].DownloadURL // the React app opens it as a plain link
	}
	return list
}

// DeleteFile deletes an attachment.
func (h *Products) DeleteFile(c *fiber.Ctx) error {
	product, id, err := request.AttachmentID(c)
	if err != nil {
		return err
	}
	result, err := h.Files.Remove(c.UserContext(), product, id)
	if err != nil {
		return err
	}
	return respondDone(c, "done.file_deleted", json.RawMessage(result.Data))
}

// Download serves a file unchanged. The headers prevent browsers from executing it.
func (h *Products) Download(c *fiber.Ctx) error {
	product, id, err := request.AttachmentID(c)
	if err := cmp.Or(request.ParseQuery(c, request.SignatureParameter).Err(), err); err != nil {
		return err
	}
	file, err := h.Files.Find(c.UserContext(), product, id)
	if err != nil {
		return err
	}
	if notModified(c, quoteETag(file.SHA256), "private, no-cache") {
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

// disposition returns the Content-Disposition (RFC 6266): inline for raster images and PDF, attachment for other files.
// It contains the name in ASCII and, if that differs, in UTF-8.
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
