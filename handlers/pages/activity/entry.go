package activity

import (
	"cmp"
	"context"
	"strings"

	"github.com/gofiber/fiber/v2"

	"lifecycle-sync/handlers/pages"
	"lifecycle-sync/models"
	"lifecycle-sync/services/activity"
	"lifecycle-sync/services/cache"
	"lifecycle-sync/services/products"
)

// entry is an activity in the console.
type entry struct {
	activity.Listed

	Who          pages.Option // the actor
	ActorAddress string       // the activities of the same actor
	What         models.Text
	View         string // name of the saved view that it changed
	Via          models.Text
	Rows         []row
	CanUndo      bool
}

// shownRows is the number of products that the list shows of an activity.
const shownRows = 3

// Shown returns the rows that the list shows: one of each product.
func (e entry) Shown() (rows []row) {
	products := map[int64]bool{}
	for _, r := range e.Rows {
		if len(rows) == shownRows || r.ProductID != nil && products[*r.ProductID] {
			continue
		}
		if r.ProductID != nil {
			products[*r.ProductID] = true
		}
		rows = append(rows, r)
	}
	return rows
}

// Hidden returns the number of products that the list does not show.
func (e entry) Hidden() int { return max(len(e.Products)-shownRows, 0) }

// row is a changed row.
type row struct {
	pages.ChangedRow

	Table     string // in lifecycle_db, or attachments
	ID        int64
	ProductID *int64
	Product   string // name
	Restore   int64  // the entry of the change log that restores it, 0 for none
}

// entryOf describes an activity.
func entryOf(a activity.Listed, names choiceNames) entry {
	action := strings.ReplaceAll(a.Action, "-", "_")
	e := entry{
		Listed: a, Who: actorOption(a.Actor), ActorAddress: pages.FilterQuery{}.With("actor", a.Actor.ID).At(path),
		What: models.NewText("console_activity.action_"+action, nil), Via: models.NewText("console_activity.channel_"+string(a.Channel), nil),
		CanUndo: a.UndoneBy == nil && a.ChangeCount > 0 && a.Action != models.SyncAction,
	}
	if a.Action == models.SaveViewAction || a.Action == models.DeleteViewAction {
		for _, v := range pages.ValuesOf(a.Detail) {
			if v.Name == "name" {
				e.View = v.Text
			}
		}
	}
	for _, c := range a.Changes {
		e.Rows = append(e.Rows, rowOf(c, a.ProductNames, names))
	}
	return e
}

func rowOf(c models.ActivityChange, products map[int64]string, names choiceNames) row {
	r := row{Table: models.SourceName(c.Table), ID: c.RowID, ProductID: c.ProductID}
	r.HasLabels, r.IsAdded, r.IsRemoved = true, c.Before == nil, c.After == nil
	if c.ProductID != nil {
		r.Product = products[*c.ProductID]
	}
	if r.IsRemoved {
		r.Restore = c.LogID
	}
	for _, v := range pages.ChangedValues(c.Before, c.After) {
		if r.Product == "" && v.Name == "produk" {
			r.Product = v.Before.Text
		}
		if v.Name != "id" { // which the heading shows
			r.Values = append(r.Values, pages.ChangedValue{Name: v.Name, Before: names.of(v.Before), After: names.of(v.After)})
		}
	}
	return r
}

// actorOption returns an actor with a name for display.
func actorOption(a models.Actor) pages.Option {
	if models.IsSystemActor(a.ID) {
		return pages.Option{Value: a.ID, Text: models.NewText("console_activity.actor_"+a.ID, nil)}
	}
	return pages.Option{Value: a.ID, Name: cmp.Or(a.Name, a.ID)}
}

// choiceNames are the names of segments, stages and categories, by column and id.
type choiceNames map[string][]pages.Option

// names reads the names of what products and stage history records refer to. Errors: connection, timeout, schema.
func (h *Pages) names(c *fiber.Ctx) (choiceNames, error) {
	lists, err := pages.Read(h.Site, c, func(ctx context.Context, v cache.View) (products.DropdownLists, error) {
		return products.Dropdowns(ctx, v)
	})
	names, choices := choiceNames{}, pages.Choices(lists)
	for _, t := range models.Tables() {
		for _, column := range t.References() {
			names[column.Name] = choices[column.References]
		}
	}
	return names, err
}

// of returns a value with a name in place of an id.
func (n choiceNames) of(v pages.Value) pages.Value {
	for _, choice := range n[v.Name] {
		if choice.Value == v.Text {
			return pages.Value{Name: v.Name, Text: choice.Name}
		}
	}
	v.FormatForDisplay = v.FormatForDisplay || v.IsNumber && v.Name == "harga"
	return v
}
