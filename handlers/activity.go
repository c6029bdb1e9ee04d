package handlers

import (
	"context"
	"encoding/json"
	"time"

	"github.com/gofiber/fiber/v2"

	"lifecycle-sync/handlers/request"
	"lifecycle-sync/models"
	"lifecycle-sync/services/activity"
	"lifecycle-sync/services/outbox"
)

// Activity serves /activity, and undoes.
type Activity struct {
	Service *activity.Service
	Zone    *time.Location // of dates in queries
}

// listedActivity is an activity in the API.
type listedActivity struct {
	ID          int64          `json:"id"`
	At          models.Instant `json:"at"`
	Actor       models.Actor   `json:"actor"`
	Channel     models.Channel `json:"channel"`
	Action      string         `json:"action"`
	Products    []int64        `json:"products"`
	ChangeCount int64          `json:"changeCount"`
	Changes     []changedRow   `json:"changes"`
	Run         *int64         `json:"run"`
	Detail      models.JSON    `json:"detail"`
	Undoes      *int64         `json:"undoes"`
	UndoneBy    *int64         `json:"undoneBy"`
}

// changedRow is a row before and after an activity.
type changedRow struct {
	Table  string      `json:"table"`
	ID     int64       `json:"id"`
	Before models.JSON `json:"before"`
	After  models.JSON `json:"after"`
}

func (h *Activity) activityOf(a activity.Listed) listedActivity {
	products := a.Products
	if products == nil {
		products = []int64{}
	}
	return listedActivity{
		ID: a.ID, At: models.InstantOf(a.At), Actor: a.Actor, Channel: a.Channel, Action: a.Action, Products: products, ChangeCount: a.ChangeCount,
		Changes: convertAll(a.Changes, func(c models.ActivityChange) changedRow {
			return changedRow{Table: models.SourceName(c.Table), ID: c.RowID, Before: encodable(c.Before), After: encodable(c.After)}
		}), Run: a.RunID, Detail: encodable(a.Detail), Undoes: a.Undoes, UndoneBy: a.UndoneBy,
	}
}

// List serves a page of the activities that match the query, newest first.
func (h *Activity) List(c *fiber.Ctx) error {
	q := request.ParseQuery(c, append(request.ActivityFilters(), "page", "limit")...)
	filter, paging := request.ActivityFilter(q, h.Zone), request.Paging(q)
	return h.page(c, q.Err(), filter, paging)
}

// OfProduct serves a page of the activities that changed a product, newest first. The product may be deleted.
func (h *Activity) OfProduct(c *fiber.Ctx) error {
	id, err := request.ID(c)
	if err != nil {
		return err
	}
	paging, err := request.ReadPaging(c)
	return h.page(c, err, activity.Filter{ProductID: id}, paging)
}

func (h *Activity) page(c *fiber.Ctx, validationErr error, f activity.Filter, p models.Paging) error {
	if validationErr != nil {
		return validationErr
	}
	list, pagination, err := h.Service.List(c.UserContext(), f, p)
	if err != nil {
		return err
	}
	return sendPage(c, list, pagination, h.activityOf)
}

// Get serves an activity with a page of its changes.
func (h *Activity) Get(c *fiber.Ctx) error {
	id, err := request.BigID(c)
	if err != nil {
		return err
	}
	paging, err := request.ReadPaging(c)
	if err != nil {
		return err
	}
	found, pagination, err := h.Service.Get(c.UserContext(), id, paging)
	if err != nil {
		return err
	}
	return c.JSON(success{Success: true, Data: h.activityOf(found), Pagination: &pagination})
}

// Undo undoes an activity and responds with the activity that did so.
func (h *Activity) Undo(c *fiber.Ctx) error {
	return h.write(c, "done.undone", func(ctx context.Context, id int64, r outbox.Request) (outbox.Result, error) {
		return h.Service.Undo(ctx, id, request.Caller(c).Role, r)
	})
}

// Restore brings back a row that was deleted directly in lifecycle_db, from an entry of the change log.
func (h *Activity) Restore(c *fiber.Ctx) error {
	return h.write(c, "done.restored", h.Service.Restore)
}

func (h *Activity) write(c *fiber.Ctx, code string, do func(ctx context.Context, id int64, r outbox.Request) (outbox.Result, error)) error {
	id, err := request.BigID(c)
	if err != nil {
		return err
	}
	key, err := request.IdempotencyKey(c)
	if err != nil {
		return err
	}
	result, err := do(c.UserContext(), id, outbox.Request{Key: key, Fingerprint: outbox.Fingerprint(id, nil)})
	if err != nil {
		return err
	}
	done, err := h.Service.Written(c.UserContext(), result)
	if err != nil {
		return err
	}
	if result.Data, err = json.Marshal(h.activityOf(done)); err != nil {
		return err
	}
	return respondChanged(c, code, result, nil)
}
