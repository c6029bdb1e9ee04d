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

// Pages let people in with a token, and out.
type Pages struct {
	site   *pages.Site
	access access
}

// access knows people by their tokens. Errors: unauthenticated; forbidden; unavailable.
type access interface {
	Caller(ctx context.Context, token string) (models.Caller, error)
}

// New returns the handlers; access is nil in local mode.
func New(site *pages.Site, a access) *Pages { return &Pages{site, a} }

type signIn struct{ Next, Problem string }

// Ask shows the form for the token, and why the one that is kept is no longer valid. In local mode there is none.
func (h *Pages) Ask(c *fiber.Ctx) error {
	next := ownAddress(strings.Clone(c.Query("next")))
	if h.access == nil {
		return c.Redirect(next, fiber.StatusSeeOther)
	}
	problem := ""
	if kept := request.SessionToken(c); kept != "" {
		_, err := h.access.Caller(c.UserContext(), kept)
		problem, _ = h.refusal(err)
	}
	return h.ask(c, fiber.StatusOK, signIn{Next: next, Problem: problem})
}

// refusal is what to say to whoever shows a token that is not taken; false for errors that are not the token's.
func (h *Pages) refusal(err error) (problem string, ok bool) {
	e := models.AsError(err)
	if e == nil || e.Class != models.Unauthenticated && e.Class != models.Forbidden && e.Class != models.Invalid {
		return "", false
	}
	if e.Class == models.Unauthenticated {
		return e.LegacyMessage + ". Get a new token in the PMO application, and paste all of it here", true
	}
	if e.Text.IsZero() {
		return e.Error(), true
	}
	return h.site.Texts().Error(e), true
}

func (h *Pages) ask(c *fiber.Ctx, status int, data signIn) error {
	return h.site.Show(c, status, pages.Page{Template: "session/sign-in", Title: "Sign in", Data: data})
}

// SignIn takes the token into a cookie that scripts cannot read and other sites cannot send along.
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
	if problem, refused := h.refusal(err); refused {
		return h.ask(c, fiber.StatusUnprocessableEntity, signIn{Next: next, Problem: problem})
	}
	if err != nil {
		return err
	}
	return pages.SeeOther(c, next, "")
}

// SignOut forgets the token, and what the browser has kept of the pages.
func (h *Pages) SignOut(c *fiber.Ctx) error {
	request.EndSession(c)
	c.Set("Clear-Site-Data", `"cache"`)
	return pages.SeeOther(c, "/sign-in", "signed-out")
}

// ownAddress is where to go on after signing in: a page of this site, whatever a link says.
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
