package activity

import (
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"lifecycle-sync/handlers/pages"
	"lifecycle-sync/handlers/request"
	"lifecycle-sync/models"
	"lifecycle-sync/services/activity"
)

// Deleted lists the deleted products, newest first.
func (h *Pages) Deleted(c *fiber.Ctx) error {
	paging, err := request.ReadPaging(c)
	if err != nil {
		return err
	}
	deleted, pagination, err := h.Service.DeletedProducts(c.UserContext(), paging)
	if err != nil {
		return err
	}
	type page struct {
		Products  []activity.DeletedProduct
		Pager     pages.Pager
		Retention time.Duration
	}
	return h.Site.Show(c, fiber.StatusOK, pages.Page{
		Template: "activity/deleted", Title: models.NewText("console_activity.deleted_products", nil), Section: "products",
		Data: page{deleted, pages.NewPager(strings.Clone(c.OriginalURL()), pagination), h.Site.Retention()},
	})
}
