package activity

import (
	"bytes"
	"context"
	"strconv"
	"strings"

	"github.com/gofiber/fiber/v2"

	"lifecycle-sync/handlers/pages"
	"lifecycle-sync/handlers/request"
	"lifecycle-sync/models"
	"lifecycle-sync/services/activity"
	"lifecycle-sync/services/outbox"
)

// Show shows an activity with a page of its changes.
func (h *Pages) Show(c *fiber.Ctx) error {
	id, err := request.BigID(c)
	if err != nil {
		return err
	}
	return h.show(c, fiber.StatusOK, id, nil)
}

// detail is an activity with a page of its changes and, after a refused undo, the reason.
type detail struct {
	entry

	Pager     pages.Pager
	Refused   *models.Error
	Conflicts []conflict
}

// conflict is a value that changed since.
type conflict struct {
	Table            string
	ID               int64
	Field            string
	Expected, Actual pages.Value
}

func (h *Pages) show(c *fiber.Ctx, status int, id int64, refused *models.Error) error {
	paging, err := request.ReadPaging(c)
	if err != nil {
		return err
	}
	found, pagination, err := h.Service.Get(c.UserContext(), id, paging)
	if err != nil {
		return err
	}
	names, err := h.names(c)
	if err != nil {
		return err
	}
	d := detail{entry: entryOf(found, names), Refused: refused, Pager: pages.NewPager(strings.Clone(c.Path()), pagination)}
	if refused != nil {
		conflicts, _ := refused.Data.([]activity.Conflict)
		for _, c := range conflicts {
			d.Conflicts = append(d.Conflicts, conflict{c.Table, c.ID, c.Field, names.of(valueOf(c.Field, c.Expected)), names.of(valueOf(c.Field, c.Actual))})
		}
	}
	title := models.NewText("console_activity.title", models.Params{"id": id})
	return h.Site.Show(c, status, pages.Page{Template: "activity/show", Title: title, Section: section, Data: d})
}

// Undo undoes an activity and returns to its product or to the list. If rows have changed since, it shows what changed.
func (h *Pages) Undo(c *fiber.Ctx) error {
	return h.write(c, pages.Undone, func(ctx context.Context, id int64, r outbox.Request) (outbox.Result, error) {
		return h.Service.Undo(ctx, id, request.Caller(c).Role, r)
	})
}

// Restore brings back a row that was deleted directly in lifecycle_db.
func (h *Pages) Restore(c *fiber.Ctx) error {
	return h.write(c, pages.Restored, h.Service.Restore)
}

func (h *Pages) write(c *fiber.Ctx, notice pages.Notice, do func(ctx context.Context, id int64, r outbox.Request) (outbox.Result, error)) error {
	id, err := request.BigID(c)
	if err != nil {
		return err
	}
	fields, err := request.ReadPlainForm(c, request.KeyField)
	if err != nil {
		return err
	}
	key, err := request.FormKey(c, fields[request.KeyField])
	if err != nil {
		return err
	}
	result, err := do(c.UserContext(), id, outbox.Request{Key: key, Fingerprint: outbox.Fingerprint(id, nil)})
	if e := models.AsError(err); e != nil {
		if _, isConflict := e.Data.([]activity.Conflict); isConflict && notice == pages.Undone {
			return h.show(c, fiber.StatusConflict, id, e)
		}
		return err
	}
	done, err := h.Service.Written(c.UserContext(), result)
	if err != nil {
		return err
	}
	address := path
	if len(done.Products) == 1 && result.MirrorUpToDate && !removesProduct(done.Changes) {
		address = pages.ProductsPath + "/" + strconv.FormatInt(done.Products[0], 10)
	}
	return pages.SeeOther(c, address, pages.NoticeOf(notice, result))
}

// removesProduct reports whether changes delete a product.
func removesProduct(changes []models.ActivityChange) bool {
	for _, c := range changes {
		if c.Table == "products" && c.After == nil {
			return true
		}
	}
	return false
}

// valueOf returns a JSON value, or row, for display.
func valueOf(name string, document models.JSON) pages.Value {
	switch {
	case len(bytes.TrimSpace(document)) == 0:
		return pages.Value{Name: name, IsNull: true}
	case name == "":
		return pages.Value{Text: string(document)}
	default:
		return pages.ValueOf(name, document)
	}
}
