package pages

import (
	"context"

	"github.com/gofiber/fiber/v2"

	"lifecycle-sync/handlers/request"
	"lifecycle-sync/models"
)

// Confirmation is the data of a confirmation page.
type Confirmation struct {
	Heading    models.Text
	Crumb      string // name of the affected row, "" for none
	Back       string // address of the affected row's page
	Facts      []Fact
	Text       models.Text // effect of the action
	Action     string      // address of the form
	Button     models.Text // "" if there is nothing to do
	Cancel     models.Text
	Version    string // row version to which the confirmation applies, "" if it has none
	RowChanged bool   // the row has changed since the page was opened
}

// Fact is a labelled line about a row: a text, a value or a document.
type Fact struct {
	Label  models.Text
	Text   string
	Value  *Value
	Values []Value
}

// Action is an action that requires confirmation. Its target comes from the path.
type Action[T any] struct {
	Site           *Site
	Section        string
	UsesRowVersion bool // the action applies only to the confirmed row version
	Target         func(c *fiber.Ctx) (T, error)

	// Describe describes the action. current is nil, or the current row if its version has changed.
	Describe func(c *fiber.Ctx, target T, current any) (Confirmation, error)
	// Do executes the action and returns the address to redirect to. Errors: precondition_failed, whose data is passed to
	// Describe; others are shown.
	Do func(ctx context.Context, target T, version string) (address string, n Notice, err error)
}

// Handle shows the confirmation page, and executes the action when that page's form is submitted.
func (a Action[T]) Handle(c *fiber.Ctx) error {
	if c.Method() == fiber.MethodPost {
		return a.confirm(c)
	}
	target, err := a.Target(c)
	if err != nil {
		return err
	}
	return a.show(c, fiber.StatusOK, target, nil)
}

func (a Action[T]) show(c *fiber.Ctx, status int, target T, current any) error {
	confirmation, err := a.Describe(c, target, current)
	if err != nil {
		return err
	}
	confirmation.RowChanged = current != nil
	return a.Site.Show(c, status, Page{Template: "confirm/confirm", Title: confirmation.Heading, Section: a.Section, Data: confirmation})
}

// confirm executes the confirmed action. If the row has changed, it shows the confirmation page again.
func (a Action[T]) confirm(c *fiber.Ctx) error {
	var allowed []string
	if a.UsesRowVersion {
		allowed = []string{VersionField}
	}
	fields, err := request.ReadPlainForm(c, allowed...)
	if err != nil {
		return err
	}
	if a.UsesRowVersion && fields[VersionField] == "" {
		return request.Invalid(VersionField, "required", "request.no_version", nil)
	}
	target, err := a.Target(c)
	if err != nil {
		return err
	}
	address, notice, err := a.Do(c.UserContext(), target, fields[VersionField])
	if current, ok := CurrentRow[any](err); ok {
		return a.show(c, fiber.StatusPreconditionFailed, target, current)
	}
	if err != nil {
		return err
	}
	return SeeOther(c, address, notice)
}

// CurrentRow returns the current row if a write was rejected because the row has changed.
func CurrentRow[T any](err error) (row T, ok bool) { //nolint:ireturn // the caller names the type
	if IsClass(err, models.PreconditionFailed) {
		row, ok = models.AsError(err).Data.(T)
	}
	return row, ok
}
