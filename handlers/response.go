// Package handlers serves the HTTP API: it parses and validates requests, calls the services, and writes responses. It
// has one file per resource, and holds no business rules or SQL.
package handlers

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"

	"lifecycle-sync/handlers/request"
	"lifecycle-sync/models"
	"lifecycle-sync/services/cache"
	"lifecycle-sync/services/outbox"
	"lifecycle-sync/services/products"
	"lifecycle-sync/services/stages"
	"lifecycle-sync/web/messages"
)

// printerKey is the key of the message printer in a request's locals.
type printerKey struct{}

// SetPrinter returns the middleware that sets the printer of a request's messages: in the language that the caller chose in the
// console, otherwise in the one that the browser or client prefers.
func SetPrinter(printers *messages.Printers) fiber.Handler {
	return func(c *fiber.Ctx) error {
		printer := printers.Choose(request.Language(c), c.Get(fiber.HeaderAcceptLanguage))
		c.Locals(printerKey{}, printer)
		c.Set(fiber.HeaderContentLanguage, printer.Language)
		c.Vary(fiber.HeaderAcceptLanguage)
		return c.Next()
	}
}

// PrinterOf returns the printer of a request's messages.
func PrinterOf(c *fiber.Ctx) *messages.Printer {
	printer, _ := c.Locals(printerKey{}).(*messages.Printer)
	return printer
}

// success is the envelope of a successful request.
type success struct {
	Success    bool               `json:"success"` // always true
	Message    string             `json:"message,omitempty"`
	Data       any                `json:"data"`
	Pagination *models.Pagination `json:"pagination,omitempty"`

	version string // prefix of the ETag, "" for none
}

// cachedResponse is a response in the cache.
type cachedResponse struct {
	body []byte        // JSON
	gzip func() []byte // returns the gzipped body; compresses once
	etag string
	link string // Link header of a list page, or ""
}

// Size returns the size in bytes. The compressed body takes about a quarter of the body.
func (r cachedResponse) Size() int { return len(r.body) + len(r.body)/4 + len(r.etag) + len(r.link) }

// serveCached responds to a read of the mirror from the cache, or computes the response. It returns validationErr if that
// is not nil. The ETag contains the body's hash, so that a conditional request gets 304.
func serveCached(c *fiber.Ctx, validationErr error, responses *cache.Responses, compute func(ctx context.Context, v cache.View) (success, error)) error {
	return serveCachedVariant(c, validationErr, responses, "", compute)
}

// serveCachedVariant is serveCached for a response that also depends on variant.
func serveCachedVariant(
	c *fiber.Ctx, validationErr error, responses *cache.Responses, variant string, compute func(ctx context.Context, v cache.View) (success, error),
) error {
	if validationErr != nil {
		return validationErr
	}
	uri := strings.Clone(c.OriginalURL()) // Fiber reuses the memory of its strings
	response, err := cache.Get(c.UserContext(), responses, uri+" "+variant, func(ctx context.Context, v cache.View) (cachedResponse, error) {
		result, err := compute(ctx, v)
		if err != nil {
			return cachedResponse{}, err
		}
		return result.encode(uri)
	})
	if err != nil {
		return err
	}
	if response.link != "" {
		c.Set(fiber.HeaderLink, response.link)
	}
	if notModified(c, response.etag, "private, no-cache") {
		return nil
	}
	c.Locals(gzipKey{}, response.gzip)
	c.Set(fiber.HeaderContentType, fiber.MIMEApplicationJSON)
	return c.Send(response.body)
}

// encode encodes the response to a request for uri.
func (s success) encode(uri string) (r cachedResponse, err error) {
	s.Success = true
	if r.body, err = json.Marshal(s); err != nil {
		return r, err
	}
	r.gzip = compressor(r.body, fasthttp.CompressDefaultCompression)
	if s.Pagination != nil {
		r.link = pageLinks(uri, *s.Pagination)
	}
	r.etag = quoteETag(bodyHash(r.body))
	if s.version != "" {
		r.etag = quoteETag(s.version + "." + bodyHash(r.body))
	}
	return r, nil
}

// respondCreated responds to a write that created a row below the request's path, or returns err.
func respondCreated(c *fiber.Ctx, code string, w outbox.Result, err error) error {
	if err != nil {
		return err
	}
	c.Location(fmt.Sprintf("%s/%d", strings.TrimRight(c.Path(), "/"), w.RowID))
	c.Status(fiber.StatusCreated)
	return respondChanged(c, code, w, nil)
}

// respondChanged responds to a write, or returns err; on an If-Match failure it sets the current row's ETag.
func respondChanged(c *fiber.Ctx, code string, w outbox.Result, err error) error {
	if e := models.AsError(err); e != nil {
		switch current := e.Data.(type) {
		case products.Current:
			c.Set(fiber.HeaderETag, quoteETag(current.Version))
		case stages.Current:
			c.Set(fiber.HeaderETag, quoteETag(current.Version))
		}
		return err
	}
	if w.Version != "" {
		c.Set(fiber.HeaderETag, quoteETag(w.Version))
	}
	message := PrinterOf(c).Text(models.NewText(code, nil))
	if !w.MirrorUpToDate {
		message += " " + PrinterOf(c).Text(models.NewText("done.mirror_follows", nil))
	}
	if w.HeldBack != nil {
		message += " " + PrinterOf(c).Error(w.HeldBack)
	}
	return c.JSON(success{Success: true, Message: message, Data: json.RawMessage(w.Data)})
}

// WithoutQuery wraps a handler that accepts no query parameters. Errors: validation_failed.
func WithoutQuery(handle fiber.Handler) fiber.Handler {
	return func(c *fiber.Ctx) error {
		if err := request.ParseQuery(c).Err(); err != nil {
			return err
		}
		return handle(c)
	}
}

// respondDone responds with a message and data, keeping c's status.
func respondDone(c *fiber.Ctx, code string, data any) error {
	return c.JSON(success{Success: true, Message: PrinterOf(c).Text(models.NewText(code, nil)), Data: data})
}

// quoteETag returns a row version or hash as an ETag.
func quoteETag(version string) string { return `"` + version + `"` }

// bodyHash returns the body's content hash.
func bodyHash(body []byte) string {
	sum := sha256.Sum256(body)
	return base64.RawURLEncoding.EncodeToString(sum[:16])
}

// notModified sets ETag and Cache-Control. It sets status 304 and returns true if the client already has the response,
// compressed or not. It uses the weak comparison of RFC 9110.
func notModified(c *fiber.Ctx, etag, cacheControl string) bool {
	c.Set(fiber.HeaderETag, etag)
	c.Set(fiber.HeaderCacheControl, cacheControl)
	for candidate := range strings.SplitSeq(c.Get(fiber.HeaderIfNoneMatch), ",") {
		candidate = strings.TrimPrefix(strings.TrimSpace(candidate), "W/")
		if candidate == etag || candidate == gzipETag(etag) {
			c.Set(fiber.HeaderETag, candidate)
		} else if candidate != "*" {
			continue
		}
		c.Status(fiber.StatusNotModified)
		return true
	}
	return false
}

// pageLinks returns the Link header (RFC 8288) of a list page: uri with other page numbers.
func pageLinks(uri string, p models.Pagination) string {
	var links []string
	add := func(rel string, page int64) {
		links = append(links, "<"+request.PageAddress(uri, page)+`>; rel="`+rel+`"`)
	}
	last := max(p.TotalPages, 1)
	add("first", 1)
	if p.CurrentPage > 1 {
		add("prev", min(p.CurrentPage-1, last))
	}
	if p.CurrentPage < last {
		add("next", p.CurrentPage+1)
	}
	add("last", last)
	return strings.Join(links, ", ")
}

// minCompressSize is the minimum size in bytes of a response that is compressed.
const minCompressSize = 1 << 10

// gzipKey is the key of a response's compressed body, a func() []byte, in a request's locals.
type gzipKey struct{}

// Compress compresses JSON, pages and their assets with gzip where the client accepts it. Streams (events, exports,
// downloads) and already compressed bodies are left unchanged. Fiber's compress middleware would compress cached
// responses again for each request, has no minimum size, includes streams and downloads, and keeps the same strong ETag
// for two different bodies. The compressed body's ETag ends in ".gz".
func Compress(c *fiber.Ctx) error {
	if err := c.Next(); err != nil {
		return err
	}
	response := c.Response()
	if response.StatusCode() == fiber.StatusNotModified {
		c.Vary(fiber.HeaderAcceptEncoding)
		return nil
	}
	if response.IsBodyStream() || len(response.Body()) < minCompressSize || len(response.Header.ContentEncoding()) > 0 || !isCompressible(response) {
		return nil
	}
	c.Vary(fiber.HeaderAcceptEncoding)
	if !acceptsGzip(c) {
		return nil
	}
	compress, cached := c.Locals(gzipKey{}).(func() []byte)
	if !cached {
		compress = compressor(response.Body(), fasthttp.CompressBestSpeed)
	}
	response.SetBodyRaw(compress())
	c.Set(fiber.HeaderContentEncoding, "gzip")
	if etag := string(response.Header.Peek(fiber.HeaderETag)); etag != "" {
		c.Set(fiber.HeaderETag, gzipETag(etag))
	}
	return nil
}

// gzipETag returns the ETag of the compressed body. It still begins with the row version that If-Match compares.
func gzipETag(etag string) string { return strings.TrimSuffix(etag, `"`) + `.gz"` }

// compressor returns a function that compresses body on its first call.
func compressor(body []byte, level int) func() []byte {
	return sync.OnceValue(func() []byte { return fasthttp.AppendGzipBytesLevel(nil, body, level) })
}

func acceptsGzip(c *fiber.Ctx) bool {
	return c.Get(fiber.HeaderAcceptEncoding) != "" && c.AcceptsEncodings("gzip") != ""
}

// isCompressible reports whether a body is JSON, a page, or a text asset.
func isCompressible(r *fasthttp.Response) bool {
	kind, _, _ := bytes.Cut(r.Header.ContentType(), []byte(";"))
	return slices.Contains([]string{
		fiber.MIMEApplicationJSON, fiber.MIMETextHTML, "text/css", "text/javascript", "application/yaml", "image/svg+xml",
	}, string(kind))
}
