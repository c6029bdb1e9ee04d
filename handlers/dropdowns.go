package handlers

import (
	"context"

	"github.com/gofiber/fiber/v2"

	"lifecycle-sync/models"
	"lifecycle-sync/services/cache"
	"lifecycle-sync/services/products"
)

type icons struct {
	Light *string `json:"icon_light"`
	Dark  *string `json:"icon_dark"`
}

type segment struct {
	ID   int64   `json:"id"`
	Name *string `json:"segmen"`
	icons
}

type stage struct {
	ID   int64   `json:"id"`
	Name *string `json:"stage"`
	icons
}

type category struct {
	ID   int64   `json:"id"`
	Name *string `json:"kategori"`
	icons
}

type dropdowns struct {
	Segments   []segment  `json:"segments"`
	Stages     []stage    `json:"stages"`
	Categories []category `json:"categories"`
}

// Dropdowns serves the choices of the product form.
func (h *Products) Dropdowns(c *fiber.Ctx) error {
	return serveCached(c, nil, h.Responses, func(ctx context.Context, v cache.View) (success, error) {
		lists, err := products.Dropdowns(ctx, v)
		return success{Data: dropdowns{
			Segments:   convertAll(lists.Segments, func(s models.Segment) segment { return segment{s.ID, s.Name, icons{s.IconLight, s.IconDark}} }),
			Stages:     convertAll(lists.Stages, func(s models.Stage) stage { return stage{s.ID, s.Name, icons{s.IconLight, s.IconDark}} }),
			Categories: convertAll(lists.Categories, func(s models.Category) category { return category{s.ID, s.Name, icons{s.IconLight, s.IconDark}} }),
		}}, err
	})
}

// convertAll converts rows. The result is never nil, so that JSON has an empty list, not null.
func convertAll[From, To any](rows []From, convert func(From) To) []To {
	out := make([]To, len(rows))
	for i, row := range rows {
		out[i] = convert(row)
	}
	return out
}
