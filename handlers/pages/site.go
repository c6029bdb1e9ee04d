// Package pages has what the console's pages share: the frame, forms, filters, notices, confirmation and errors. The
// pages themselves are in one package per section, like web/templates. They read requests, call the same services as
// the API, and answer HTML that works with plain links and forms.
//
// The main part of a page that shows the mirror is cached until the mirror changes. It must hold nothing that changes
// by itself, such as an age. The frame around it is written for each request.
package pages

import (
	"bytes"
	"context"
	"html/template"
	"log/slog"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/gofiber/fiber/v2"

	"lifecycle-sync/handlers/request"
	"lifecycle-sync/models"
	"lifecycle-sync/services/cache"
	"lifecycle-sync/web"
	"lifecycle-sync/web/messages"
)

// policy lets a page use this server's own styles, scripts and images, and send forms to it; nothing else.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
	"form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// Site is what all pages share.
type Site struct {
	console *web.Console
	answers *cache.Answers
	status  *syncStatus
	zone    *time.Location
	texts   *messages.Printer
	signsIn bool
	log     *slog.Logger
}

// Options are what a Site needs.
type Options struct {
	Answers *cache.Answers
	Status  statusReader
	Zone    *time.Location // of the times on the pages
	Texts   *messages.Printer
	SignsIn bool // people sign in with a token; else everyone is the local administrator
	Log     *slog.Logger
}

// NewSite returns the site. Numbers and dates are written in the Indonesian style. It panics if a template is invalid.
func NewSite(o Options) *Site {
	texts := o.Texts.WithFormat(messages.Indonesian)
	return &Site{console: web.New(texts), answers: o.Answers, status: newSyncStatus(o.Status), zone: o.Zone, texts: texts, signsIn: o.SignsIn, log: o.Log}
}

// Texts renders texts, numbers and times as the pages do.
func (s *Site) Texts() *messages.Printer { return s.texts }

// Page is a page to show.
type Page struct {
	Template string // of its main part, such as products/list
	Title    models.Text
	Section  string // of the navigation
	Data     any    // for the template
}

// Rights say which links and forms a page offers.
type Rights struct {
	Write  bool // create and change products, files and stage records
	Delete bool
	Sync   bool // see and operate the synchronisation
}

func rightsOf(role models.Role) Rights {
	return Rights{Write: role >= models.Manager, Delete: role >= models.Admin, Sync: role >= models.Admin}
}

// roleOf returns the caller's role, also for a request that reached no handler.
func (s *Site) roleOf(c *fiber.Ctx) models.Role {
	if !s.signsIn {
		return models.Admin
	}
	return request.Caller(c).Role
}

// content is what the template of a main part sees.
type content struct {
	May  Rights
	Data any
}

// frame is what the template around every page sees.
type frame struct {
	Page

	Main    template.HTML
	May     Rights
	Known   bool // the caller is known
	SignsIn bool
	Role    string
	Person  string // "" if the token has no readable name
	Status  *statusLine
	Notices models.Texts
	Zone    string
	Now     time.Time // when the page was made
}

// Read reads one state of the mirror for a page that is made for this request. Errors: read's, connection, timeout.
func Read[T any](s *Site, c *fiber.Ctx, read func(ctx context.Context, v cache.View) (T, error)) (found T, err error) {
	err = s.answers.Read(c.UserContext(), func(ctx context.Context, v cache.View) (err error) {
		found, err = read(ctx, v)
		return err
	})
	return found, err
}

// Show answers with a page that is made for this request.
func (s *Site) Show(c *fiber.Ctx, status int, p Page) error {
	main, err := s.main(s.roleOf(c), p)
	if err != nil {
		return err
	}
	return s.send(c, status, p, main)
}

// Asset answers a style sheet, script or image of the console. Its address changes with its content.
func (s *Site) Asset(c *fiber.Ctx) error {
	asset, ok := s.console.Asset(c.Params("file"))
	if !ok {
		return models.NewError(models.NotFound, "http.file_not_found", nil)
	}
	c.Set(fiber.HeaderCacheControl, "no-cache")
	if c.Query("v") == asset.Tag {
		c.Set(fiber.HeaderCacheControl, "public, max-age=31536000, immutable")
	}
	c.Set(fiber.HeaderContentType, asset.Type)
	return c.Send(asset.Content)
}

// ShowCached answers with a page whose data comes from one state of the mirror; its main part is cached until the
// mirror changes. compute may outlive the request, so it must not use Fiber's context.
func (s *Site) ShowCached(c *fiber.Ctx, p Page, compute func(ctx context.Context, v cache.View) (data any, err error)) error {
	role := s.roleOf(c)
	key := "page " + role.String() + " " + strings.Clone(c.OriginalURL()) // Fiber reuses the memory of its strings
	cached, err := cache.Get(c.UserContext(), s.answers, key, func(ctx context.Context, v cache.View) (cachedPage, error) {
		made := p
		var err error
		if made.Data, err = compute(ctx, v); err != nil {
			return nil, err
		}
		return s.main(role, made)
	})
	if err != nil {
		return err
	}
	return s.send(c, fiber.StatusOK, p, cached)
}

// cachedPage is the main part of a page.
type cachedPage []byte

// Size returns the size in bytes.
func (p cachedPage) Size() int { return len(p) }

func (s *Site) main(role models.Role, p Page) ([]byte, error) {
	var main bytes.Buffer
	err := s.console.Main(&main, p.Template, content{May: rightsOf(role), Data: p.Data})
	return main.Bytes(), err
}

func (s *Site) send(c *fiber.Ctx, status int, p Page, main []byte) error {
	role := s.roleOf(c)
	now := time.Now()
	f := frame{
		Page: p, Main: template.HTML(main), //nolint:gosec // a template has escaped it
		May: rightsOf(role), Known: role != models.Anonymous, SignsIn: s.signsIn, Role: role.String(), Person: person(request.Caller(c)),
		Notices: takeNotice(c), Zone: now.In(s.zone).Format("MST"), Now: now,
	}
	if f.Known {
		f.Status = s.status.line(c.UserContext(), p.Section == "sync")
	}
	c.Set(fiber.HeaderContentSecurityPolicy, policy)
	c.Set(fiber.HeaderReferrerPolicy, "same-origin") // else a browser sends forms without their origin
	c.Set(fiber.HeaderCacheControl, "private, no-cache")
	if s.signsIn { // going back after signing out would show the page
		c.Set(fiber.HeaderCacheControl, "no-store")
	}
	c.Set(fiber.HeaderContentType, fiber.MIMETextHTMLCharsetUTF8)
	c.Status(status)
	return s.console.Frame(c.Response().BodyWriter(), f)
}

// person is the caller's name, "" if it is a hash or too long to show.
func person(caller models.Caller) string {
	const longest = 40
	if strings.HasPrefix(caller.Subject, "sha256:") || utf8.RuneCountInString(caller.Subject) > longest {
		return ""
	}
	return caller.Subject
}
