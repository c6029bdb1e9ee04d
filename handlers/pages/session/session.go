// Package session has the console's sign-in and sign-out pages.
package session

import (
	"context"
	"net/url"
	"slices"
	"strings"

	"github.com/gofiber/fiber/v2"

	"lifecycle-sync/handlers"
	"lifecycle-sync/handlers/pages"
	"lifecycle-sync/handlers/request"
	"lifecycle-sync/models"
	"lifecycle-sync/web/messages"
)

// Pages are the handlers.
type Pages struct {
	Site   *pages.Site
	Access Access // nil in local mode
}

// Access authenticates tokens. Errors: unauthenticated; forbidden; unavailable.
type Access interface {
	Caller(ctx context.Context, token string) (models.Caller, error)
}

type signIn struct {
	Next, Problem string
	NeedsNewToken bool // suggest getting a new token
}

// Ask shows the sign-in form, with the reason if the session's token is no longer valid. In local mode it redirects.
func (h *Pages) Ask(c *fiber.Ctx) error {
	form := signIn{Next: safeRedirect(strings.Clone(c.Query("next")))}
	if h.Access == nil {
		return c.Redirect(form.Next, fiber.StatusSeeOther)
	}
	if token := request.SessionToken(c); token != "" {
		_, err := h.Access.Caller(c.UserContext(), token)
		h.explainRejection(c, &form, err)
	}
	return h.showForm(c, fiber.StatusOK, form)
}

// explainRejection sets the reason why a token was rejected. It returns false if err is not about the token.
func (h *Pages) explainRejection(c *fiber.Ctx, form *signIn, err error) bool {
	if !pages.IsClass(err, models.Unauthenticated) && !pages.IsClass(err, models.Forbidden) && !pages.IsClass(err, models.Invalid) {
		return false
	}
	form.NeedsNewToken = pages.IsClass(err, models.Unauthenticated)
	if form.Problem = handlers.PrinterOf(c).Error(err); form.NeedsNewToken {
		form.Problem = handlers.PrinterOf(c).Message(err) // its remedy is about the Authorization header
	}
	return true
}

func (h *Pages) showForm(c *fiber.Ctx, status int, form signIn) error {
	return h.Site.Show(c, status, pages.Page{Template: "session/sign-in", Title: models.NewText("console_session.title", nil), Data: form})
}

// SignIn validates the token and starts the session.
func (h *Pages) SignIn(c *fiber.Ctx) error {
	fields, err := request.ReadPlainForm(c, "token", "next")
	if err != nil {
		return err
	}
	next, token := safeRedirect(fields["next"]), strings.TrimSpace(fields["token"])
	if h.Access == nil {
		return c.Redirect(next, fiber.StatusSeeOther)
	}
	_, err = h.Access.Caller(c.UserContext(), token)
	if err == nil {
		err = request.StartSession(c, token)
	}
	if form := (signIn{Next: next}); h.explainRejection(c, &form, err) {
		return h.showForm(c, fiber.StatusUnprocessableEntity, form)
	}
	if err != nil {
		return err
	}
	return pages.SeeOther(c, next, pages.NoNotice)
}

// SignOut ends the session and clears the browser's cache.
func (h *Pages) SignOut(c *fiber.Ctx) error {
	request.EndSession(c)
	c.Set("Clear-Site-Data", `"cache"`)
	return pages.SeeOther(c, "/sign-in", pages.SignedOut)
}

// ChooseLanguage stores the language that the user chose, and returns to the page.
func (h *Pages) ChooseLanguage(c *fiber.Ctx) error {
	fields, err := request.ReadPlainForm(c, "language", "next")
	if err != nil {
		return err
	}
	language := fields["language"]
	if !slices.Contains(messages.Languages(), language) {
		return request.Invalid("language", "unknown", "request.one_of", models.Params{"choices": messages.Languages()})
	}
	request.SetLanguage(c, language)
	return pages.SeeOther(c, safeRedirect(fields["next"]), pages.NoNotice)
}

// safeRedirect returns next if it is an address of this site, otherwise "/". It prevents open redirects.
func safeRedirect(next string) string {
	u, err := url.Parse(next)
	if err != nil || u.IsAbs() || u.Host != "" || !strings.HasPrefix(next, "/") || strings.HasPrefix(next, "//") || strings.ContainsAny(next, "\\\r\n\t") {
		return "/"
	}
	if u.Path == "/sign-in" || u.Path == "/sign-out" {
		return "/"
	}
	return next
}
