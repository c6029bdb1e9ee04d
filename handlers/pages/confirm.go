package pages

import (
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

// Action is what a person must confirm.
type Action struct {
	Section   string
	Versioned bool // it applies to a row version

	// Ask describes the action. changed is nil, or the row that Do found instead of the version.
	Ask func(c *fiber.Ctx, changed any) (Confirmation, error)
	// Do carries the action out and returns where to go. Errors: precondition_failed, whose data goes to Ask; others are shown.
	Do func(c *fiber.Ctx, version string) (address string, n Notice, err error)
}

// Ask shows the confirmation page of an action.
func (s *Site) Ask(c *fiber.Ctx, a Action) error { return s.ask(c, fiber.StatusOK, a, nil) }

func (s *Site) ask(c *fiber.Ctx, status int, a Action, changed any) error {
	confirmation, err := a.Ask(c, changed)
	if err != nil {
		return err
	}
	confirmation.Changed = changed != nil
	return s.Show(c, status, Page{Template: "confirm/confirm", Title: confirmation.Heading, Section: a.Section, Data: confirmation})
}

// Confirmed carries out an action that was confirmed. If the row has changed since, it asks again.
func (s *Site) Confirmed(c *fiber.Ctx, a Action) error {
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
	address, notice, err := a.Do(c, fields[VersionField])
	if data := models.AsError(err); IsClass(err, models.PreconditionFailed) && data.Data != nil {
		return s.ask(c, fiber.StatusPreconditionFailed, a, data.Data)
	}
	if err != nil {
		return err
	}
	return SeeOther(c, address, notice)
}
