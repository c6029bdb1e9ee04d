package products

import (
	"cmp"
	"context"
	"strconv"
	"strings"

	"github.com/gofiber/fiber/v2"

	"lifecycle-sync/handlers"
	"lifecycle-sync/handlers/pages"
	"lifecycle-sync/handlers/request"
	"lifecycle-sync/models"
	"lifecycle-sync/services/attachments"
	"lifecycle-sync/services/cache"
	"lifecycle-sync/services/outbox"
)

// fileRules are the rules for uploaded files.
type fileRules struct {
	Extensions              []string
	Count                   int   // per request
	FileLimit, RequestLimit int64 // bytes
}

func (h *Pages) fileRules() *fileRules {
	return &fileRules{Extensions: attachments.Extensions(), Count: h.Limits.Files, FileLimit: h.Files.Limit, RequestLimit: h.Limits.Bytes}
}

// Accept returns the value of the file input's accept attribute.
func (r fileRules) Accept() string { return strings.Join(r.Extensions, ",") }

// Hint explains the rules.
func (r fileRules) Hint() models.Text {
	return models.NewText("console_products.files_hint", models.Params{"files": r.Count, "each": r.FileLimit, "all": r.RequestLimit, "types": strings.Join(r.Extensions, " ")})
}

// uploadForm is the form for adding files to a product.
type uploadForm struct {
	ID       int64
	Title    string
	Key      string
	Files    *fileRules
	Problems *pages.Problems
}

func (h *Pages) newUploadForm(p models.ListedProduct) uploadForm {
	return uploadForm{ID: p.ID, Title: title(p), Key: pages.NewKey(), Files: h.fileRules()}
}

// AddFiles attaches the files of a form to a product. It responds to scripts with JSON.
func (h *Pages) AddFiles(c *fiber.Ctx) error {
	id, err := request.ID(c)
	if err != nil {
		return err
	}
	key, err := h.addFiles(c, id)
	isScript := !strings.Contains(c.Get(fiber.HeaderAccept), fiber.MIMETextHTML)
	switch {
	case err == nil && isScript:
		pages.SetNotice(c, pages.FilesAdded)
		return c.Status(fiber.StatusCreated).JSON(fiber.Map{"success": true})
	case err == nil:
		return pages.SeeOther(c, address(id), pages.FilesAdded)
	case isScript:
		return err
	}
	return h.showInvalidUpload(c, id, key, err)
}

func (h *Pages) addFiles(c *fiber.Ctx, id int64) (key string, err error) {
	form, err := request.ReadForm(c, h.Limits, h.Files, request.KeyField)
	if key = form.Fields[request.KeyField]; err != nil {
		return key, err
	}
	if len(form.Files) == 0 {
		return key, request.Invalid(request.FilesField, "required", "request.no_files", nil)
	}
	idempotencyKey, err := request.FormKey(c, key)
	if err != nil {
		h.Files.Discard(c.UserContext(), form.Files)
		return key, err
	}
	_, err = h.Files.Add(c.UserContext(), id, outbox.Request{Key: idempotencyKey, Fingerprint: outbox.Fingerprint(id, form.Files), Files: form.Files})
	return key, err
}

// showInvalidUpload redisplays the upload form on a page of its own, with the error.
func (h *Pages) showInvalidUpload(c *fiber.Ctx, id int64, key string, err error) error {
	key, err = pages.RenewKey(cmp.Or(key, pages.NewKey()), err)
	status, problems := h.Site.Problems(c, err, request.FilesField)
	if problems == nil {
		return err
	}
	problems.Heading = models.NewText("console_products.no_file_added", nil)
	form, err := h.readUploadForm(c, id)
	if err != nil {
		return err // nothing is lost: the files must be chosen again anyway
	}
	form.Key, form.Problems = key, problems
	title := problems.PageTitle(models.NewText("console_products.add_files_title", models.Params{"name": form.Title}))
	return h.Site.Show(c, status, pages.Page{Template: "products/upload", Title: title, Section: "products", Data: form})
}

func (h *Pages) readUploadForm(c *fiber.Ctx, id int64) (uploadForm, error) {
	return pages.Read(h.Site, c, func(ctx context.Context, v cache.View) (uploadForm, error) {
		p, err := v.Product(ctx, id)
		return h.newUploadForm(p), err
	})
}

// fileID identifies a file of a product.
type fileID struct{ product, id int64 }

// DeleteFile asks for confirmation, then deletes a file.
func (h *Pages) DeleteFile(c *fiber.Ctx) error {
	return pages.Action[fileID]{
		Site: h.Site, Section: "products",
		Target: func(c *fiber.Ctx) (file fileID, err error) {
			file.product, file.id, err = request.AttachmentID(c)
			return file, err
		},
		Describe: func(c *fiber.Ctx, target fileID, _ any) (pages.Confirmation, error) {
			file, err := h.Files.Find(c.UserContext(), target.product, target.id)
			if err != nil {
				return pages.Confirmation{}, err
			}
			form, err := h.readUploadForm(c, target.product)
			back := address(target.product)
			return pages.Confirmation{
				Heading: models.NewText("console_products.delete_title", models.Params{"name": file.Name}), Crumb: form.Title, Back: back,
				Text:   models.NewText("console_products.delete_file_text", models.Params{"retention": h.Site.Retention()}),
				Action: back + "/attachments/" + strconv.FormatInt(target.id, 10) + "/delete",
				Button: models.NewText("console_products.delete_file", nil), Cancel: models.NewText("console.cancel", nil),
				Facts: []pages.Fact{
					{Label: models.NewText("console_products.size", nil), Text: handlers.PrinterOf(c).Bytes(file.Size)},
					{Label: models.NewText("console_products.created", nil), Text: handlers.PrinterOf(c).Time(file.CreatedAt)},
				},
			}, err
		},
		Do: func(ctx context.Context, target fileID, _ string) (string, pages.Notice, error) {
			result, err := h.Files.Remove(ctx, target.product, target.id)
			return address(target.product), pages.NoticeOf(pages.FileDeleted, result), err
		},
	}.Handle(c)
}
