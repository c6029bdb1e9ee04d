// Package pages holds the shared parts of the console's pages: the frame, forms, filters, notices, confirmation and
// errors. Each section's pages are in a package of their own, as in web/templates. They parse requests, call the same
// services as the API, and respond with HTML that works without JavaScript.
//
// The main part of a page about the mirror is cached until the mirror changes. It must not contain anything that depends
// on the time, such as an age. The frame around it is rendered for each request.
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

	"lifecycle-sync/handlers"
	"lifecycle-sync/handlers/request"
	"lifecycle-sync/models"
	"lifecycle-sync/services/cache"
	"lifecycle-sync/web"
	"lifecycle-sync/web/messages"
)

// policy allows a page only this server's styles, scripts and images, and forms to this server.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
	"form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// Site renders pages; all sections share it.
type Site struct {
	consoles       map[string]*web.Console // by language
	assets         web.Assets
	responses      *cache.Responses
	status         *syncStatus
	zone           *time.Location
	requiresSignIn bool
	retention      time.Duration
	log            *slog.Logger
}

// Options configure a Site.
type Options struct {
	Responses      *cache.Responses
	Status         statusReader
	Zone           *time.Location // of the times on the pages
	Printers       *messages.Printers
	RequiresSignIn bool          // users sign in with a token; otherwise everyone is Admin
	Retention      time.Duration // how long deleted products and files can be restored
	Log            *slog.Logger
}

// NewSite returns the site. It panics if a template is invalid.
func NewSite(o Options) *Site {
	s := &Site{
		consoles: map[string]*web.Console{}, assets: web.NewAssets(), responses: o.Responses, status: newSyncStatus(o.Status), zone: o.Zone,
		requiresSignIn: o.RequiresSignIn, retention: o.Retention, log: o.Log,
	}
	for language, printer := range o.Printers.All() {
		s.consoles[language] = web.New(printer, s.assets)
	}
	return s
}

// Retention is how long deleted products and files can be restored.
func (s *Site) Retention() time.Duration { return s.retention }

// Page is a page to show.
type Page struct {
	Template string // of its main part, such as products/list
	Title    models.Text
	Section  string // of the navigation
	Data     any    // for the template
	Variant  string // what a cached page depends on besides its address, the role and the mirror
}

// Permissions control which links and forms a page shows.
type Permissions struct {
	Write  bool // create and change products, files and stage records
	Delete bool
	Sync   bool // view and control the sync
}

func permissionsOf(role models.Role) Permissions {
	return Permissions{Write: role >= models.Manager, Delete: role >= models.Admin, Sync: role >= models.Admin}
}

// roleOf returns the caller's role, also for a request that no handler received.
func (s *Site) roleOf(c *fiber.Ctx) models.Role {
	if !s.requiresSignIn {
		return models.Admin
	}
	return request.Caller(c).Role
}

// content is the data of a main part's template.
type content struct {
	Can  Permissions
	Data any
}

// frame is the data of the frame template.
type frame struct {
	Page

	Main           template.HTML
	Can            Permissions
	HasCaller      bool // signed in, or local mode
	RequiresSignIn bool
	Role           string
	UserName       string // "" if the token has no readable name
	Status         *statusLine
	Notices        models.Texts
	Undo           int64 // the activity that the notice offers to undo, 0 for none
	Zone           string
	Now            time.Time // when the page was rendered
	Language       string
	Languages      []language // that the user can choose
	Address        string     // of the page, "" after a form
}

// language is a language that the user can choose.
type language struct {
	Tag  string
	Name models.Text
}

func languages() (all []language) {
	for _, tag := range messages.Languages() {
		all = append(all, language{tag, models.NewText("console.language_"+tag, nil)})
	}
	return all
}

// Read calls load with a consistent state of the mirror, for an uncached page. Errors: those of load, connection, timeout.
func Read[T any](s *Site, c *fiber.Ctx, load func(ctx context.Context, v cache.View) (T, error)) (result T, err error) { //nolint:ireturn // the caller names the type
	err = s.responses.Read(c.UserContext(), func(ctx context.Context, v cache.View) (err error) {
		result, err = load(ctx, v)
		return err
	})
	return result, err
}

// Show renders and sends an uncached page.
func (s *Site) Show(c *fiber.Ctx, status int, p Page) error {
	main, err := s.main(handlers.PrinterOf(c).Language, s.roleOf(c), p)
	if err != nil {
		return err
	}
	return s.send(c, status, p, main)
}

// Asset serves a style sheet, script or image of the console. Its address changes with its content.
func (s *Site) Asset(c *fiber.Ctx) error {
	asset, ok := s.assets[c.Params("file")]
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

// ShowCached sends a page computed from a consistent state of the mirror; its main part is cached until the mirror
// changes. compute may outlive the request, so it must not use Fiber's context.
func (s *Site) ShowCached(c *fiber.Ctx, p Page, compute func(ctx context.Context, v cache.View) (data any, err error)) error {
	role, language := s.roleOf(c), handlers.PrinterOf(c).Language
	key := "page " + language + " " + role.String() + " " + strings.Clone(c.OriginalURL()) + " " + p.Variant // Fiber reuses the memory of its strings
	main, err := cache.Get(c.UserContext(), s.responses, key, func(ctx context.Context, v cache.View) (cachedPage, error) {
		page := p
		var err error
		if page.Data, err = compute(ctx, v); err != nil {
			return nil, err
		}
		return s.main(language, role, page)
	})
	if err != nil {
		return err
	}
	return s.send(c, fiber.StatusOK, p, main)
}

// cachedPage is the rendered main part of a page.
type cachedPage []byte

// Size returns the size in bytes.
func (p cachedPage) Size() int { return len(p) }

func (s *Site) main(language string, role models.Role, p Page) ([]byte, error) {
	var main bytes.Buffer
	err := s.consoles[language].Main(&main, p.Template, content{Can: permissionsOf(role), Data: p.Data})
	return main.Bytes(), err
}

func (s *Site) send(c *fiber.Ctx, status int, p Page, main []byte) error {
	role := s.roleOf(c)
	now := time.Now()
	f := frame{
		Page: p, Main: template.HTML(main), //nolint:gosec // escaped by the template
		Can: permissionsOf(role), HasCaller: role != models.Anonymous, RequiresSignIn: s.requiresSignIn, Role: role.String(), UserName: userName(request.Caller(c)),
		Zone: now.In(s.zone).Format("MST"), Now: now, Language: handlers.PrinterOf(c).Language, Languages: languages(),
	}
	if c.Method() == fiber.MethodGet {
		f.Address = c.OriginalURL()
	}
	f.Notices, f.Undo = s.takeNotice(c)
	if f.HasCaller {
		f.Status = s.status.line(c.UserContext(), p.Section == "sync")
	}
	c.Set(fiber.HeaderContentSecurityPolicy, policy)
	c.Set(fiber.HeaderReferrerPolicy, "same-origin") // otherwise browsers send forms without Origin
	c.Set(fiber.HeaderCacheControl, "private, no-cache")
	if s.requiresSignIn { // otherwise the back button shows the page after signing out
		c.Set(fiber.HeaderCacheControl, "no-store")
	}
	c.Set(fiber.HeaderContentType, fiber.MIMETextHTMLCharsetUTF8)
	c.Status(status)
	return s.consoles[f.Language].Frame(c.Response().BodyWriter(), f)
}

// userName returns the caller's name, "" if it is a hash or too long.
func userName(caller models.Caller) string {
	const maxLength = 40
	if strings.HasPrefix(caller.Subject, "sha256:") || utf8.RuneCountInString(caller.Subject) > maxLength {
		return ""
	}
	return caller.Subject
}
