package products

import (
	"cmp"
	"context"
	"net/http"
	"strconv"
	"strings"

	"github.com/gofiber/fiber/v2"

	"lifecycle-sync/handlers/pages"
	"lifecycle-sync/handlers/request"
	"lifecycle-sync/models"
	"lifecycle-sync/services/attachments"
	"lifecycle-sync/services/cache"
	"lifecycle-sync/services/outbox"
)

// fileRules are what files can come with a form.
type fileRules struct {
	Accept, Hint string
	Count        int   // that are taken at once
	Each, All    int64 // bytes of one, and of all at once
}

func rulesOf(o Options) *fileRules {
	extensions := attachments.Extensions()
	return &fileRules{
		Count: o.Limits.Files, Each: o.FileBytes, All: o.Limits.Bytes,
		Accept: strings.Join(extensions, ","),
		Hint: "At most " + strconv.Itoa(o.Limits.Files) + " files, each up to " + models.SizeText(o.FileBytes) + " and all together up to " + models.SizeText(o.Limits.Bytes) +
			". Taken are " + strings.Join(extensions, " ") + ".",
	}
}

// uploadForm is the form for more files of a product.
type uploadForm struct {
	ID       int64
	Title    string
	Key      string
	Files    *fileRules
	Problems *pages.Problems
}

func (h *Pages) newUpload(p models.ListedProduct) uploadForm {
	return uploadForm{ID: p.ID, Title: productTitle(p), Key: pages.NewKey(), Files: h.rules}
}

// AddFiles attaches the files of a form to a product. A script is answered in JSON.
func (h *Pages) AddFiles(c *fiber.Ctx) error {
	id, err := request.ID(c)
	if err != nil {
		return err
	}
	key, err := h.addFiles(c, id)
	isScript := !strings.Contains(c.Get(fiber.HeaderAccept), fiber.MIMETextHTML)
	switch {
	case err == nil && isScript:
		pages.LeaveNotice(c, "files-added")
		return c.Status(fiber.StatusCreated).JSON(fiber.Map{"success": true})
	case err == nil:
		return pages.SeeOther(c, productAddress(id), "files-added")
	case isScript:
		return err
	}
	return h.uploadAgain(c, id, key, err)
}

func (h *Pages) addFiles(c *fiber.Ctx, id int64) (key string, err error) {
	read, err := request.ReadForm(c, h.limits, h.uploads, request.KeyField)
	if key = read.Fields[request.KeyField]; err != nil {
		return key, err
	}
	if len(read.Files) == 0 {
		return key, request.Invalid(request.FilesField, "required", "request.no_files", nil)
	}
	known, err := request.FormKey(c, key)
	if err != nil {
		h.uploads.Discard(c.UserContext(), read.Files)
		return key, err
	}
	ctx, cancel := context.WithTimeout(c.UserContext(), outbox.WriteTimeout)
	defer cancel()
	_, err = h.files.Add(ctx, id, outbox.Request{Key: known, Fingerprint: outbox.Fingerprint(id, read.Files), Files: read.Files})
	return key, err
}

// uploadAgain shows the form for files alone, with what was wrong.
func (h *Pages) uploadAgain(c *fiber.Ctx, id int64, key string, err error) error {
	key, err = pages.RenewKey(cmp.Or(key, pages.NewKey()), err, "other files were added")
	status, found := h.site.Problems(c, err, productLabels())
	if found == nil {
		return err
	}
	found.Heading = "No file was added"
	var form uploadForm
	err = h.site.View(c, func(ctx context.Context, v cache.View) error {
		product, err := v.Product(ctx, id)
		form = h.newUpload(product)
		return err
	})
	if err != nil {
		return err // nothing is lost: the files are to be chosen again anyhow
	}
	form.Key, form.Problems = key, found
	return h.site.Show(c, status, pages.Page{Template: "products/upload", Title: found.Titled("Add files to " + form.Title), Section: "products", Data: form})
}

// doomedFile is a file that may be deleted.
type doomedFile struct {
	models.Attachment

	Product string
}

// AskRemoveFile asks whether a file is really to be deleted.
func (h *Pages) AskRemoveFile(c *fiber.Ctx) error {
	productID, id, err := request.AttachmentID(c)
	if err != nil {
		return err
	}
	if err := request.ParseQuery(c).Err(); err != nil {
		return err
	}
	file, err := h.files.Find(c.UserContext(), productID, id)
	if err != nil {
		return err
	}
	shown := doomedFile{Attachment: file}
	err = h.site.View(c, func(ctx context.Context, v cache.View) error {
		product, err := v.Product(ctx, productID)
		shown.Product = productTitle(product)
		return err
	})
	if err != nil {
		return err
	}
	return h.site.Show(c, http.StatusOK, pages.Page{Template: "products/delete-file", Title: "Delete " + file.Name, Section: "products", Data: shown})
}

// RemoveFile deletes a file.
func (h *Pages) RemoveFile(c *fiber.Ctx) error {
	productID, id, err := request.AttachmentID(c)
	if err != nil {
		return err
	}
	if _, err := request.ReadPlainForm(c); err != nil {
		return err
	}
	if _, err := h.files.Remove(c.UserContext(), productID, id); err != nil {
		return err
	}
	return pages.SeeOther(c, productAddress(productID), "file-deleted")
}
