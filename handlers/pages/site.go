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
	"lifecycle-sync/services/products"
	"lifecycle-sync/web"
	"lifecycle-sync/web/messages"
)

// policy lets a page use this server's own styles, scripts and images, and send forms to it; nothing else.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
	"form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// Site is what all pages have in common.
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
	Zone    *time.Location // in which times are written
	Texts   *messages.Printer
	SignsIn bool // people show a token; else everybody is the local administrator
	Log     *slog.Logger
}

// NewSite returns the site. It panics when a template is not right.
func NewSite(o Options) *Site {
	return &Site{console: web.New(o.Zone), answers: o.Answers, status: newSyncStatus(o.Status), zone: o.Zone, texts: o.Texts, signsIn: o.SignsIn, log: o.Log}
}

// Page is a page to be shown.
type Page struct {
	Template string // of its main part, as "products/list"
	Title    string // of the window
	Section  string // of the navigation that it belongs to
	Data     any    // for the template
}

// Rights are what whoever looks at a page may do, so that it shows no more.
type Rights struct {
	Write  bool // create and change products, files and transitions
	Delete bool
	Sync   bool // see and steer the synchronisation
}

func rightsOf(role models.Role) Rights {
	return Rights{Write: role >= models.Manager, Delete: role >= models.Admin, Sync: role >= models.Admin}
}

// roleOf is the role of whoever looks, also where the request has reached no page that asks.
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
	Known   bool // it is known who looks
	SignsIn bool
	Role    string
	Person  string // "" where it is not a name to be read
	Status  *statusLine
	Notice  string
	Zone    string
	Now     time.Time // when the page was made
}

// View reads one state of the mirror for a page that is made for this request. Errors: read's, connection, timeout.
func (s *Site) View(c *fiber.Ctx, read func(ctx context.Context, v cache.View) error) error {
	return s.answers.Read(c.UserContext(), read)
}

// Dropdowns are what a product's fields and the filters choose from. Errors: connection, timeout.
func (s *Site) Dropdowns(c *fiber.Ctx) (lists products.DropdownLists, err error) {
	err = s.View(c, func(ctx context.Context, v cache.View) (err error) {
		lists, err = products.Dropdowns(ctx, v)
		return err
	})
	return lists, err
}

// Show answers a page that is made for this request.
func (s *Site) Show(c *fiber.Ctx, status int, p Page) error {
	main, err := s.main(s.roleOf(c), p)
	if err != nil {
		return err
	}
	return s.send(c, status, p, main)
}

// ShowCached answers a page that shows the mirror, of which compute makes the data, and perhaps the title, from one
// state of it; a kept one is used when there is one. compute must use nothing of the request that the server
// uses again.
func (s *Site) ShowCached(c *fiber.Ctx, p Page, compute func(ctx context.Context, v cache.View) (title string, data any, err error)) error {
	role := s.roleOf(c)
	key := "page " + role.String() + " " + strings.Clone(c.OriginalURL()) // Fiber uses the memory of its strings again
	cached, err := cache.Get(c.UserContext(), s.answers, key, func(ctx context.Context, v cache.View) (cachedPage, error) {
		made := p
		var err error
		if made.Title, made.Data, err = compute(ctx, v); err != nil {
			return cachedPage{}, err
		}
		main, err := s.main(role, made)
		return cachedPage{title: made.Title, main: main}, err
	})
	if err != nil {
		return err
	}
	p.Title = cached.title
	return s.send(c, fiber.StatusOK, p, cached.main)
}

// cachedPage is the main part of a page, as the cache keeps it.
type cachedPage struct {
	title string
	main  []byte
}

// Size returns the size in bytes.
func (p cachedPage) Size() int { return len(p.title) + len(p.main) }

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
		Notice: takeNotice(c), Zone: now.In(s.zone).Format("MST"), Now: now,
	}
	if f.Known {
		f.Status = s.status.line(c.UserContext(), p.Section == "sync")
	}
	c.Set(fiber.HeaderContentSecurityPolicy, policy)
	c.Set(fiber.HeaderReferrerPolicy, "same-origin") // else a browser sends forms without their origin
	c.Set(fiber.HeaderCacheControl, s.keeping())
	c.Set(fiber.HeaderContentType, fiber.MIMETextHTMLCharsetUTF8)
	c.Status(status)
	return s.console.Frame(c.Response().BodyWriter(), f)
}

// keeping says what browsers may keep of a page. Where people sign in that is nothing: going back after signing out
// would show it.
func (s *Site) keeping() string {
	if s.signsIn {
		return "no-store"
	}
	return "private, no-cache"
}

// person is what to call whoever has signed in, where their token says it in a few letters.
func person(caller models.Caller) string {
	const most = 40
	if strings.HasPrefix(caller.Subject, "sha256:") || utf8.RuneCountInString(caller.Subject) > most {
		return ""
	}
	return caller.Subject
}

// SeeOther sends the browser to another page after a form was done, with something to say there.
func SeeOther(c *fiber.Ctx, address string, say Notice) error {
	LeaveNotice(c, say)
	return c.Redirect(address, fiber.StatusSeeOther)
}

// Texts renders the texts of the console.
func (s *Site) Texts() *messages.Printer { return s.texts }
