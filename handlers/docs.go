package handlers

import (
	"bytes"

	"github.com/gofiber/fiber/v2"
	swagger "github.com/swaggest/swgui/v5/static"
	"github.com/valyala/fasthttp"

	"lifecycle-sync/models"
	"lifecycle-sync/openapi"
)

// docsPolicy allows the page its own scripts, styles and images (Swagger UI's style sheet embeds some as data) and calls
// of this server.
const docsPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

const (
	typeOfScripts = "text/javascript; charset=utf-8"
	typeOfStyles  = "text/css; charset=utf-8"
)

// Docs serves openapi.yaml and Swagger UI. Both are public: they are the same in every installation.
type Docs struct {
	document, page            content
	ownScript, ownStyle       content
	swagger, swaggerCSS, icon content
}

// NewDocs returns the handlers.
func NewDocs() *Docs {
	return &Docs{
		document:   newContent("application/yaml", openapi.Document()),
		page:       newContent(fiber.MIMETextHTMLCharsetUTF8, openapi.Page()),
		ownScript:  newContent(typeOfScripts, openapi.Asset("page.js")),
		ownStyle:   newContent(typeOfStyles, openapi.Asset("page.css")),
		swagger:    library(typeOfScripts, "swagger-ui-bundle.js.gz"),
		swaggerCSS: library(typeOfStyles, "swagger-ui.css.gz"),
		icon:       library("image/png", "favicon-32x32.png"),
	}
}

// Document serves openapi.yaml.
func (h *Docs) Document(c *fiber.Ctx) error { return h.document.send(c) }

// Page serves Swagger UI.
func (h *Docs) Page(c *fiber.Ctx) error {
	c.Set(fiber.HeaderContentSecurityPolicy, docsPolicy)
	return h.page.send(c)
}

// File serves the page's scripts, styles and images. Errors: not_found.
func (h *Docs) File(c *fiber.Ctx) error {
	switch c.Params("file") {
	case "page.js":
		return h.ownScript.send(c)
	case "page.css":
		return h.ownStyle.send(c)
	case "swagger-ui-bundle.js":
		return h.swagger.send(c)
	case "swagger-ui.css":
		return h.swaggerCSS.send(c)
	case "favicon-32x32.png":
		return h.icon.send(c)
	default:
		return models.NewError(models.NotFound, "http.file_not_found", nil)
	}
}

// content is a file that is built in.
type content struct {
	kind, etag string
	bytes      []byte
	compressed bool // with gzip
}

func newContent(kind string, b []byte) content { return content{kind: kind, bytes: b, etag: hash(b)} }

// library returns a file of Swagger UI, which most are stored compressed.
func library(kind, name string) content {
	b, err := swagger.FS.ReadFile(name)
	if err != nil {
		panic(err) // another version of swgui: every test that boots the program fails
	}
	file := newContent(kind, b)
	file.compressed = bytes.HasPrefix(b, []byte{0x1f, 0x8b})
	return file
}

func (f content) send(c *fiber.Ctx) error {
	if notModified(c, quote(f.etag), "no-cache") {
		return nil
	}
	c.Set(fiber.HeaderContentType, f.kind)
	if !f.compressed {
		return c.Send(f.bytes)
	}
	c.Vary(fiber.HeaderAcceptEncoding)
	if acceptsGzip(c) {
		c.Set(fiber.HeaderContentEncoding, "gzip")
		c.Set(fiber.HeaderETag, gzipETag(quote(f.etag)))
		return c.Send(f.bytes)
	}
	plain, err := fasthttp.AppendGunzipBytes(nil, f.bytes)
	if err != nil {
		return err
	}
	return c.Send(plain)
}
