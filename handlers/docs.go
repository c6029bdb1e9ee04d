package handlers

import (
	"bytes"

	"github.com/gofiber/fiber/v2"
	swagger "github.com/swaggest/swgui/v5/static"
	"github.com/valyala/fasthttp"

	"lifecycle-sync/models"
	"lifecycle-sync/openapi"
)

// docsPolicy allows the page its own scripts, styles and images (Swagger UI's style sheet embeds some as data) and
// requests to this server.
const docsPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

const (
	scriptType = "text/javascript; charset=utf-8"
	styleType  = "text/css; charset=utf-8"
)

// Docs serves openapi.yaml and Swagger UI. Both are public: they are the same in every installation.
type Docs struct {
	document, page content
	files          map[string]content // of the page, by name
}

// NewDocs returns the handlers.
func NewDocs() *Docs {
	return &Docs{
		document: newContent("application/yaml", openapi.File("openapi.yaml")),
		page:     newContent(fiber.MIMETextHTMLCharsetUTF8, openapi.File("docs/index.html")),
		files: map[string]content{
			"page.js":              newContent(scriptType, openapi.File("docs/page.js")),
			"page.css":             newContent(styleType, openapi.File("docs/page.css")),
			"swagger-ui-bundle.js": newContent(scriptType, swaggerFile("swagger-ui-bundle.js.gz")),
			"swagger-ui.css":       newContent(styleType, swaggerFile("swagger-ui.css.gz")),
			"favicon-32x32.png":    newContent("image/png", swaggerFile("favicon-32x32.png")),
		},
	}
}

// swaggerFile returns a file of Swagger UI.
func swaggerFile(name string) []byte {
	b, err := swagger.FS.ReadFile(name)
	if err != nil {
		panic(err) // another version of swgui: every test that boots the program fails
	}
	return b
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
	file, ok := h.files[c.Params("file")]
	if !ok {
		return models.NewError(models.NotFound, "http.file_not_found", nil)
	}
	return file.send(c)
}

// content is an embedded file.
type content struct {
	kind, etag   string
	bytes        []byte
	isCompressed bool // with gzip
}

func newContent(kind string, b []byte) content {
	return content{kind: kind, bytes: b, etag: quoteETag(bodyHash(b)), isCompressed: bytes.HasPrefix(b, []byte{0x1f, 0x8b})}
}

func (f content) send(c *fiber.Ctx) error {
	if notModified(c, f.etag, "no-cache") {
		return nil
	}
	c.Set(fiber.HeaderContentType, f.kind)
	if !f.isCompressed {
		return c.Send(f.bytes)
	}
	c.Vary(fiber.HeaderAcceptEncoding)
	if acceptsGzip(c) {
		c.Set(fiber.HeaderContentEncoding, "gzip")
		c.Set(fiber.HeaderETag, gzipETag(f.etag))
		return c.Send(f.bytes)
	}
	plain, err := fasthttp.AppendGunzipBytes(nil, f.bytes)
	if err != nil {
		return err
	}
	return c.Send(plain)
}
