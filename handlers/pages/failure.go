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
)

// failure is the page of an error.
type failure struct {
	Heading   models.Text
	Message   models.Text
	Remedy    *models.Remedy
	Causes    []models.Problem
	Problems  []handlers.InvalidField
	Next      *Link
	NewTab    bool // the link opens another tab, and this page stays open
	SignOut   bool // signing in as another person would help
	RequestID string
}

// Link leads to another page.
type Link struct {
	Address string
	Text    models.Text
}

// Failure answers a page request that failed. A person who is not signed in is asked to, except after a form, whose
// contents would be lost.
func (s *Site) Failure(c *fiber.Ctx, status int, f handlers.Failure) error {
	if status == http.StatusUnauthorized && s.signsIn && c.Method() == fiber.MethodGet {
		return c.Redirect("/sign-in?next="+url.QueryEscape(c.OriginalURL()), fiber.StatusSeeOther)
	}
	shown := failure{
		Heading: heading(status), Message: *f.MessageDetail, Remedy: f.RemedyDetail, Problems: f.Errors, RequestID: f.RequestID,
		Next: &Link{"/", models.NewText("console.to_overview", nil)},
	}
	if len(shown.Problems) == 1 {
		shown.Problems = nil // the message says the same
	}
	if strings.HasPrefix(c.Path(), "/sync") && s.roleOf(c) == models.Admin {
		shown.forOperator(f.Err)
	}
	switch status {
	case http.StatusUnauthorized:
		shown.Heading, shown.Message, shown.Remedy = models.NewText("console.session_ended", nil), models.NewText("console.session_ended_text", nil), nil
		shown.Next = &Link{"/sign-in", models.NewText("console.sign_in_new_tab", nil)}
		shown.NewTab = true
	case http.StatusForbidden:
		shown.SignOut = s.signsIn && c.Method() == fiber.MethodGet
	case http.StatusServiceUnavailable:
		if c.Method() == fiber.MethodGet {
			shown.Next = &Link{c.OriginalURL(), models.NewText("console.try_again", nil)}
		}
	}
	c.Response().ResetBody()
	return s.Show(c, status, Page{Template: "errors/failure", Title: shown.Heading, Data: shown})
}

// forOperator tells people who may see every run what is wrong and what to do, as a run's page does.
func (f *failure) forOperator(err error) {
	e := models.AsError(err)
	if e == nil {
		return
	}
	f.Next = &Link{"/sync", models.NewText("console.to_sync", nil)}
	if other, is := errors.AsType[*runs.ActiveRunError](err); is {
		f.Next = &Link{RunAddress(other.Run.ID), models.NewText("console.to_run", models.Params{"run": other.Run.ID})}
	}
	switch e.Class {
	case models.Connection, models.Timeout, models.Permission, models.Schema, models.DataType, models.Constraint, models.Config:
		f.Message, f.Remedy, f.Causes = e.Text, e.Remedy, e.Problems
	default:
	}
}

func heading(status int) models.Text {
	name, known := map[int]string{
		http.StatusBadRequest: "bad_request", http.StatusForbidden: "forbidden", http.StatusNotFound: "not_found", http.StatusConflict: "conflict",
		http.StatusPreconditionFailed: "conflict", http.StatusTooManyRequests: "too_many", http.StatusServiceUnavailable: "unavailable",
	}[status]
	if !known {
		name = "failed"
	}
	return models.NewText("console.heading_"+name, nil)
}

// RunAddress is the address of a run's page.
func RunAddress(run int64) string { return "/sync/runs/" + strconv.FormatInt(run, 10) }
