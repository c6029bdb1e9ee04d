package handlers

import (
	"bytes"
	"compress/gzip"
	"io"

	"github.com/gofiber/fiber/v2"
	swagger "github.com/swaggest/swgui/v5/static"

	"lifecycle-sync/models"
	"lifecycle-sync/openapi"
)

// docsPolicy lets the page run its own scripts, show its own styles and images (those of Swagger UI's
// style sheet stand in it as data) and call this server; nothing else.
const docsPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

const (
	typeOfScripts = "text/javascript; charset=utf-8"
	typeOfStyles  = "text/css; charset=utf-8"
)

// Docs hands out the description of the API and the page that shows it. None of it is secret: it is the
// same wherever the program runs.
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

// Document answers openapi.yaml.
func (h *Docs) Document(c *fiber.Ctx) error { return h.document.send(c) }

// Page answers the page that shows the document.
func (h *Docs) Page(c *fiber.Ctx) error {
	c.Set(fiber.HeaderContentSecurityPolicy, docsPolicy)
	return h.page.send(c)
}

// File answers one of the page's scripts, styles and images. Errors: not found.
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

// content changes only with the program.
type content struct {
	kind, etag string
	bytes      []byte
	compressed bool // bytes are, by gzip
}

func newContent(kind string, b []byte) content { return content{kind: kind, bytes: b, etag: tag(b)} }

// library is a file of Swagger UI's, most of which are compressed.
func library(kind, name string) content {
	b, err := swagger.FS.ReadFile(name)
	if err != nil {
		panic(err) // a build with another swgui: every test that boots the program fails
	}
	file := newContent(kind, b)
	file.compressed = bytes.HasPrefix(b, []byte{0x1f, 0x8b})
	return file
}

func (f content) send(c *fiber.Ctx) error {
	plain := f.compressed && (c.Get(fiber.HeaderAcceptEncoding) == "" || c.AcceptsEncodings("gzip") == "")
	etag := `"` + f.etag + `"`
	if plain {
		etag = `"` + f.etag + `.plain"`
	}
	c.Set(fiber.HeaderETag, etag)
	c.Set(fiber.HeaderCacheControl, "no-cache")
	if f.compressed {
		c.Append(fiber.HeaderVary, fiber.HeaderAcceptEncoding)
	}
	if knows(c.Get(fiber.HeaderIfNoneMatch), etag) {
		c.Status(fiber.StatusNotModified)
		return nil
	}
	c.Set(fiber.HeaderContentType, f.kind)
	if !plain {
		if f.compressed {
			c.Set(fiber.HeaderContentEncoding, "gzip")
		}
		return c.Send(f.bytes)
	}
	reader, err := gzip.NewReader(bytes.NewReader(f.bytes))
	if err != nil {
		return err
	}
	b, err := io.ReadAll(reader)
	if err != nil {
		return err
	}
	return c.Send(b)
}
