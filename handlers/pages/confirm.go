package pages

import (
	"cmp"
	"context"

	"github.com/gofiber/fiber/v2"

	"lifecycle-sync/handlers/request"
	"lifecycle-sync/models"
)

// Confirmation is the page that asks whether an action is meant.
type Confirmation struct {
	Heading models.Text
	Crumb   string // what the action is done to, "" for none
	Back    string // address of its page
	Facts   []Fact
	Text    models.Text // what the action will do
	Action  string      // address of the form
	Button  models.Text // "" if there is nothing to do
	Cancel  models.Text
	Version string // row version to which the confirmation applies, "" if it has none
	Changed bool   // the row has changed since the page was opened
}

// Fact is a line about a row: a text, a value or a document.
type Fact struct {
	Label  models.Text
	Text   string
	Value  *Value
	Values []Value
}

// Action is what a person must confirm. Its target is what the path names.
type Action[T any] struct {
	Site      *Site
	Section   string
	Versioned bool // it applies to a row version
	Target    func(c *fiber.Ctx) (T, error)

	// Describe describes the action. changed is nil, or the row that Do found instead of the version.
	Describe func(c *fiber.Ctx, target T, changed any) (Confirmation, error)
	// Do carries the action out and returns where to go. Errors: precondition_failed, whose data goes to Describe; others are shown.
	Do func(ctx context.Context, target T, version string) (address string, n Notice, err error)
}

// Ask shows the confirmation page.
func (a Action[T]) Ask(c *fiber.Ctx) error {
	target, err := a.Target(c)
	if err := cmp.Or(err, request.ParseQuery(c).Err()); err != nil {
		return err
	}
	return a.ask(c, fiber.StatusOK, target, nil)
}

func (a Action[T]) ask(c *fiber.Ctx, status int, target T, changed any) error {
	confirmation, err := a.Describe(c, target, changed)
	if err != nil {
		return err
	}
	confirmation.Changed = changed != nil
	return a.Site.Show(c, status, Page{Template: "confirm/confirm", Title: confirmation.Heading, Section: a.Section, Data: confirmation})
}

// Confirm carries out the action, which was confirmed. If the row has changed since, it asks again.
func (a Action[T]) Confirm(c *fiber.Ctx) error {
	var known []string
	if a.Versioned {
		known = []string{VersionField}
	}
	fields, err := request.ReadPlainForm(c, known...)
	if err != nil {
		return err
	}
	if a.Versioned && fields[VersionField] == "" {
		return request.Invalid(VersionField, "required", "request.no_version", nil)
	}
	target, err := a.Target(c)
	if err != nil {
		return err
	}
	address, notice, err := a.Do(c.UserContext(), target, fields[VersionField])
	if changed, is := ChangedRow[any](err); is {
		return a.ask(c, fiber.StatusPreconditionFailed, target, changed)
	}
	if err != nil {
		return err
	}
	return SeeOther(c, address, notice)
}

// ChangedRow returns the current row if a write was refused because the row has changed.
func ChangedRow[T any](err error) (row T, is bool) {
	if IsClass(err, models.PreconditionFailed) {
		row, is = models.AsError(err).Data.(T)
	}
	return row, is
}
