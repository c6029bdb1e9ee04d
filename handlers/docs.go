package handlers

import (
	"mime"
	"path"
	"slices"

	"github.com/gofiber/fiber/v2"
	"github.com/gofiber/fiber/v2/middleware/adaptor"
	"github.com/swaggest/swgui/v5emb"

	"lifecycle-sync/models"
	"lifecycle-sync/openapi"
)

// docsPolicy lets the page run its own scripts, show its own styles and images (those of Swagger UI's
// style sheet stand in it as data) and call this server; nothing else.
const docsPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// Docs hands out the description of the API and the page that shows it. None of it is secret: it is the
// same wherever the program runs.
type Docs struct {
	swagger fiber.Handler // of Swagger UI's own files
}

// NewDocs returns the handlers.
func NewDocs() *Docs {
	return &Docs{swagger: adaptor.HTTPHandler(v5emb.New("", "/openapi.yaml", "/docs/"))}
}

// Document answers openapi.yaml.
func (h *Docs) Document(c *fiber.Ctx) error {
	return sendFile(c, "application/yaml", openapi.Document())
}

// Page answers the page that shows the document.
func (h *Docs) Page(c *fiber.Ctx) error {
	c.Set(fiber.HeaderContentSecurityPolicy, docsPolicy)
	return sendFile(c, fiber.MIMETextHTMLCharsetUTF8, openapi.Page())
}

// File answers one of the page's scripts, styles and images. Errors: not found.
func (h *Docs) File(c *fiber.Ctx) error {
	name := c.Params("file")
	if own := openapi.Asset(name); own != nil {
		return sendFile(c, mime.TypeByExtension(path.Ext(name)), own)
	}
	if slices.Contains([]string{"swagger-ui-bundle.js", "swagger-ui.css", "favicon-32x32.png"}, name) {
		c.Set(fiber.HeaderCacheControl, "no-cache")
		return h.swagger(c)
	}
	return &models.Error{Class: models.NotFound, Message: "There is no such file"}
}

// sendFile answers content that changes only with the program.
func sendFile(c *fiber.Ctx, contentType string, content []byte) error {
	etag := `"` + tag(content) + `"`
	c.Set(fiber.HeaderETag, etag)
	c.Set(fiber.HeaderCacheControl, "no-cache")
	if knows(c.Get(fiber.HeaderIfNoneMatch), etag) {
		c.Status(fiber.StatusNotModified)
		return nil
	}
	c.Set(fiber.HeaderContentType, contentType)
	return c.Send(content)
}
