package pages

import (
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/gofiber/fiber/v2"

	"lifecycle-sync/handlers"
	"lifecycle-sync/models"
	"lifecycle-sync/services/runs"
	"lifecycle-sync/web"
)

// failure is an error, for a person.
type failure struct {
	Heading   string
	Message   string
	Remedy    Remedy // where it is not part of the message
	Problems  []handlers.InvalidField
	Next      *Link
	Apart     bool // this page stays open beside it
	RequestID string
}

// Link is where to go on.
type Link struct{ Address, Text string }

// Failure answers a person's request that failed. Who has not signed in, or no longer is, is asked to; but not
// after a form, which would be lost.
func (s *Site) Failure(c *fiber.Ctx, status int, f handlers.Failure) error {
	if status == http.StatusUnauthorized && s.signsIn && c.Method() == fiber.MethodGet {
		return c.Redirect("/sign-in?next="+url.QueryEscape(c.OriginalURL()), fiber.StatusSeeOther)
	}
	shown := failure{Heading: heading(status), Message: f.Message, Problems: f.Errors, RequestID: f.RequestID, Next: &Link{"/", "Go to the overview"}}
	if len(shown.Problems) == 1 {
		shown.Problems = nil // the message says the same
	}
	if strings.HasPrefix(c.Path(), "/sync") && s.roleOf(c) == models.Admin {
		shown.forOperator(f.Err)
	}
	switch status {
	case http.StatusUnauthorized:
		shown.Heading, shown.Message = "Your session has ended", "Nothing was saved, and nothing of your form is lost. Open a new tab and sign in; then come back to this one, "+
			"load it again, and let the browser send the form again"
		shown.Next = &Link{"/sign-in", "Sign in, in a new tab"}
		shown.Apart = true
	case http.StatusForbidden:
		if s.signsIn && c.Method() == fiber.MethodGet {
			shown.Message += ". Sign out to sign in as somebody else"
		}
	case http.StatusServiceUnavailable:
		if c.Method() == fiber.MethodGet {
			shown.Next = &Link{c.OriginalURL(), "Try again"}
		}
	}
	c.Response().ResetBody()
	return s.Show(c, status, Page{Template: "errors/failure", Title: shown.Heading, Data: shown})
}

// forOperator tells whoever steers the synchronisation what is wrong, and what to do; a run's record tells no less.
func (f *failure) forOperator(err error) {
	e := models.AsError(err)
	if e == nil {
		return
	}
	f.Next = &Link{"/sync", "Go to the synchronisation"}
	if run := activeRun(err); run != 0 {
		f.Next = &Link{RunAddress(run), "Go to run " + web.Number(run)}
	}
	switch e.Class {
	case models.Connection, models.Timeout, models.Permission, models.Schema, models.DataType, models.Constraint, models.Config:
		f.Message, f.Remedy = e.LegacyMessage, NewRemedy(e.LegacyRemedy)
	default:
	}
}

func heading(status int) string {
	switch status {
	case http.StatusBadRequest:
		return "This cannot be understood"
	case http.StatusForbidden:
		return "You may not do this"
	case http.StatusNotFound:
		return "There is nothing here"
	case http.StatusConflict, http.StatusPreconditionFailed:
		return "This was not done"
	case http.StatusTooManyRequests:
		return "That is too much at once"
	case http.StatusServiceUnavailable:
		return "Not available at the moment"
	default:
		return "This did not work"
	}
}

// RunAddress is the address of a run's page.
func RunAddress(run int64) string { return "/sync/runs/" + strconv.FormatInt(run, 10) }

// activeRun is the run that prevents another from starting, 0 for any other error.
func activeRun(err error) int64 {
	if other, is := errors.AsType[*runs.UnderWayError](err); is {
		return other.Run.ID
	}
	return 0
}
