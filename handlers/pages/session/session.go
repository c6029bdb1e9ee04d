// Package session has the console's pages that sign people in and out.
package session

import (
	"context"
	"net/url"
	"strings"

	"github.com/gofiber/fiber/v2"

	"lifecycle-sync/handlers/pages"
	"lifecycle-sync/handlers/request"
	"lifecycle-sync/models"
)

// Pages are the handlers.
type Pages struct {
	site   *pages.Site
	access access
}

// access authenticates tokens. Errors: unauthenticated; forbidden; unavailable.
type access interface {
	Caller(ctx context.Context, token string) (models.Caller, error)
}

// New returns the handlers; access is nil in local mode.
func New(site *pages.Site, a access) *Pages { return &Pages{site, a} }

type signIn struct {
	Next, Problem string
	NewToken      bool // another token would help
}

// Ask shows the form for the token, and why the stored one is no longer valid. In local mode there is none.
func (h *Pages) Ask(c *fiber.Ctx) error {
	form := signIn{Next: ownAddress(strings.Clone(c.Query("next")))}
	if h.access == nil {
		return c.Redirect(form.Next, fiber.StatusSeeOther)
	}
	if stored := request.SessionToken(c); stored != "" {
		_, err := h.access.Caller(c.UserContext(), stored)
		h.refuse(&form, err)
	}
	return h.ask(c, fiber.StatusOK, form)
}

// refuse fills in why a token was refused; it returns false for an error that is not the token's.
func (h *Pages) refuse(form *signIn, err error) bool {
	if !pages.IsClass(err, models.Unauthenticated) && !pages.IsClass(err, models.Forbidden) && !pages.IsClass(err, models.Invalid) {
		return false
	}
	form.NewToken = pages.IsClass(err, models.Unauthenticated)
	if form.Problem = h.site.Texts().Error(err); form.NewToken {
		form.Problem = h.site.Texts().Message(err) // its remedy speaks of a header
	}
	return true
}

func (h *Pages) ask(c *fiber.Ctx, status int, form signIn) error {
	return h.site.Show(c, status, pages.Page{Template: "session/sign-in", Title: models.NewText("console_session.title", nil), Data: form})
}

// SignIn stores the token in a cookie that scripts cannot read and other sites cannot send.
func (h *Pages) SignIn(c *fiber.Ctx) error {
	sent, err := request.ReadPlainForm(c, "token", "next")
	if err != nil {
		return err
	}
	next, token := ownAddress(sent["next"]), strings.TrimSpace(sent["token"])
	if h.access == nil {
		return c.Redirect(next, fiber.StatusSeeOther)
	}
	_, err = h.access.Caller(c.UserContext(), token)
	if err == nil {
		err = request.StartSession(c, token)
	}
	if form := (signIn{Next: next}); h.refuse(&form, err) {
		return h.ask(c, fiber.StatusUnprocessableEntity, form)
	}
	if err != nil {
		return err
	}
	return pages.SeeOther(c, next, pages.NoNotice)
}

// SignOut removes the token and the pages in the browser's cache.
func (h *Pages) SignOut(c *fiber.Ctx) error {
	request.EndSession(c)
	c.Set("Clear-Site-Data", `"cache"`)
	return pages.SeeOther(c, "/sign-in", pages.SignedOut)
}

// ownAddress returns where to go after signing in: a page of this site, whatever a link says.
func ownAddress(next string) string {
	u, err := url.Parse(next)
	if err != nil || u.IsAbs() || u.Host != "" || !strings.HasPrefix(next, "/") || strings.HasPrefix(next, "//") || strings.ContainsAny(next, "\\\r\n\t") {
		return "/"
	}
	if u.Path == "/sign-in" || u.Path == "/sign-out" {
		return "/"
	}
	return next
}
