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

// failure is the data of the error page.
type failure struct {
	Heading   models.Text
	Message   models.Text
	Remedy    *models.Remedy
	Causes    []models.Problem
	Problems  []handlers.InvalidField
	Next      *Link
	NewTab    bool // the link opens in a new tab
	SignOut   bool // suggest signing in as another user
	RequestID string
}

// Link leads to another page.
type Link struct {
	Address string
	Text    models.Text
}

// Failure responds to a failed page request. A GET without a session is redirected to the sign-in page; after a form this
// would lose its contents.
func (s *Site) Failure(c *fiber.Ctx, status int, f handlers.Failure) error {
	if status == http.StatusUnauthorized && s.requiresSignIn && c.Method() == fiber.MethodGet {
		return c.Redirect("/sign-in?next="+url.QueryEscape(c.OriginalURL()), fiber.StatusSeeOther)
	}
	page := failure{
		Heading: heading(status), Message: *f.MessageDetail, Remedy: f.RemedyDetail, Problems: f.Errors, RequestID: f.RequestID,
		Next: &Link{"/", models.NewText("console.to_overview", nil)},
	}
	if len(page.Problems) == 1 {
		page.Problems = nil // same as the message
	}
	if strings.HasPrefix(c.Path(), "/sync") && s.roleOf(c) == models.Admin {
		page.showCause(f.Err)
	}
	switch status {
	case http.StatusUnauthorized:
		page.Heading, page.Message, page.Remedy = models.NewText("console.session_ended", nil), models.NewText("console.session_ended_text", nil), nil
		page.Next = &Link{"/sign-in", models.NewText("console.sign_in_new_tab", nil)}
		page.NewTab = true
	case http.StatusForbidden:
		page.SignOut = s.requiresSignIn && c.Method() == fiber.MethodGet
	case http.StatusNotFound:
		if models.Class(f.Code) == models.HeldBack {
			page.Heading = models.NewText("console.heading_held_back", nil)
			if s.roleOf(c) == models.Admin {
				page.Next = &Link{"/sync/quarantine", models.NewText("console.to_held_back", nil)}
			}
		}
	case http.StatusServiceUnavailable:
		if c.Method() == fiber.MethodGet {
			page.Next = &Link{c.OriginalURL(), models.NewText("console.try_again", nil)}
		}
	}
	c.Response().ResetBody()
	return s.Show(c, status, Page{Template: "errors/failure", Title: page.Heading, Data: page})
}

// showCause shows the cause and its remedy, as a run's page does, to users with access to all runs.
func (f *failure) showCause(err error) {
	e := models.AsError(err)
	if e == nil {
		return
	}
	f.Next = &Link{"/sync", models.NewText("console.to_sync", nil)}
	if active, ok := errors.AsType[*runs.ActiveRunError](err); ok {
		f.Next = &Link{RunAddress(active.Run.ID), models.NewText("console.to_run", models.Params{"run": active.Run.ID})}
	}
	switch e.Class {
	case models.Connection, models.Timeout, models.Permission, models.Schema, models.DataType, models.Constraint, models.Config:
		f.Message, f.Remedy, f.Causes = e.Text, e.Remedy, e.Problems
	default:
	}
}

func heading(status int) models.Text {
	name, ok := map[int]string{
		http.StatusBadRequest: "bad_request", http.StatusForbidden: "forbidden", http.StatusNotFound: "not_found", http.StatusConflict: "conflict",
		http.StatusPreconditionFailed: "conflict", http.StatusTooManyRequests: "too_many", http.StatusServiceUnavailable: "unavailable",
	}[status]
	if !ok {
		name = "failed"
	}
	return models.NewText("console.heading_"+name, nil)
}

// RunAddress returns the address of a run's page.
func RunAddress(run int64) string { return "/sync/runs/" + strconv.FormatInt(run, 10) }
