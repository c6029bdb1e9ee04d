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
	"net/url"
	"slices"
	"strconv"
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

// textsKey is the key of the printer in a request's locals.
type textsKey struct{}

// SetTexts returns the middleware that chooses the printer of a request's messages.
func SetTexts(texts *messages.Printer) fiber.Handler {
	return func(c *fiber.Ctx) error {
		c.Locals(textsKey{}, texts)
		return c.Next()
	}
}

// textsOf returns the printer of a request's messages.
func textsOf(c *fiber.Ctx) *messages.Printer {
	texts, _ := c.Locals(textsKey{}).(*messages.Printer)
	return texts
}

// success is the envelope of a successful request.
type success struct {
	Success    bool               `json:"success"` // always true
	Message    string             `json:"message,omitempty"`
	Data       any                `json:"data"`
	Pagination *models.Pagination `json:"pagination,omitempty"`

	version string // the row version with which the ETag begins, "" for none
}

// answer is the response to a read, as the cache keeps it.
type answer struct {
	body []byte        // JSON
	gzip func() []byte // the body compressed, on the first call
	etag string
	link string // of a page of a list (RFC 8288), else ""
}

// Size returns the size in bytes. The compressed body takes about a quarter of the body.
func (a answer) Size() int { return len(a.body) + len(a.body)/4 + len(a.etag) + len(a.link) }

// read serves a read of the mirror from the cache, or computes it, unless the request is invalid. The ETag holds the
// body's hash, so that a client that asks again gets 304.
func read(c *fiber.Ctx, invalid error, answers *cache.Answers, compute func(ctx context.Context, v cache.View) (success, error)) error {
	if invalid != nil {
		return invalid
	}
	uri := strings.Clone(c.OriginalURL()) // Fiber reuses the memory of its strings
	answer, err := cache.Get(c.UserContext(), answers, uri, func(ctx context.Context, v cache.View) (answer, error) {
		result, err := compute(ctx, v)
		if err != nil {
			return answer{}, err
		}
		return result.encode(uri)
	})
	if err != nil {
		return err
	}
	if answer.link != "" {
		c.Set(fiber.HeaderLink, answer.link)
	}
	if notModified(c, answer.etag, "private, no-cache") {
		return nil
	}
	c.Locals(gzipKey{}, answer.gzip)
	c.Set(fiber.HeaderContentType, fiber.MIMEApplicationJSON)
	return c.Send(answer.body)
}

// encode returns the response to a request for uri.
func (s success) encode(uri string) (a answer, err error) {
	s.Success = true
	if a.body, err = json.Marshal(s); err != nil {
		return a, err
	}
	a.gzip = compressor(a.body, fasthttp.CompressDefaultCompression)
	if s.Pagination != nil {
		a.link = pageLinks(uri, *s.Pagination)
	}
	a.etag = quote(hash(a.body))
	if s.version != "" {
		a.etag = quote(s.version + "." + hash(a.body))
	}
	return a, nil
}

// created answers a write that created a row below the request's path, or returns err.
func created(c *fiber.Ctx, code string, w outbox.Result, err error) error {
	if err != nil {
		return err
	}
	c.Location(fmt.Sprintf("%s/%d", strings.TrimRight(c.Path(), "/"), w.RowID))
	c.Status(fiber.StatusCreated)
	return changed(c, code, w, nil)
}

// changed answers a write, or returns err; the ETag is then that of the current row if If-Match named another version.
func changed(c *fiber.Ctx, code string, w outbox.Result, err error) error {
	if e := models.AsError(err); e != nil {
		switch current := e.Data.(type) {
		case products.Current:
			c.Set(fiber.HeaderETag, quote(current.Version))
		case stages.Current:
			c.Set(fiber.HeaderETag, quote(current.Version))
		}
		return err
	}
	if w.Version != "" {
		c.Set(fiber.HeaderETag, quote(w.Version))
	}
	message := textsOf(c).Text(models.NewText(code, nil))
	if !w.MirrorUpToDate {
		message += " " + textsOf(c).Text(models.NewText("done.mirror_follows", nil))
	}
	return c.JSON(success{Success: true, Message: message, Data: json.RawMessage(w.Data)})
}

// WithoutQuery rejects query parameters, which the handler takes none of. Errors: validation_failed.
func WithoutQuery(handle fiber.Handler) fiber.Handler {
	return func(c *fiber.Ctx) error {
		if err := request.ParseQuery(c).Err(); err != nil {
			return err
		}
		return handle(c)
	}
}

// done answers a request that did something, with the status that c has.
func done(c *fiber.Ctx, code string, data any) error {
	return c.JSON(success{Success: true, Message: textsOf(c).Text(models.NewText(code, nil)), Data: data})
}

// quote returns the ETag of a row version or hash.
func quote(version string) string { return `"` + version + `"` }

// hash returns a text that differs when the body does.
func hash(body []byte) string {
	sum := sha256.Sum256(body)
	return base64.RawURLEncoding.EncodeToString(sum[:16])
}

// notModified sets ETag and Cache-Control, and reports whether the client has the response already, compressed or not;
// the status is then 304. It uses the weak comparison of RFC 9110.
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

// pageLinks returns the Link header (RFC 8288) of a page of a list: the request for uri with other page numbers.
func pageLinks(uri string, p models.Pagination) string {
	path, rawQuery, _ := strings.Cut(uri, "?")
	query, _ := url.ParseQuery(rawQuery) // was parsed before
	var links []string
	add := func(rel string, page int64) {
		query.Set("page", strconv.FormatInt(page, 10))
		links = append(links, "<"+path+"?"+query.Encode()+`>; rel="`+rel+`"`)
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

// compressFrom is the size in bytes from which a response is compressed.
const compressFrom = 1 << 10

// gzipKey is the key of a response's compressed body, a func() []byte, in a request's locals.
type gzipKey struct{}

// Compress compresses JSON, pages and their assets with gzip where the client accepts it. Streams (events, exports,
// downloads) and bodies that are compressed already stay as they are. Fiber's compress middleware would compress cached
// answers again for each request, has no minimum size, includes streams and downloads, and keeps a strong ETag on two
// different bodies. The compressed body's ETag ends in ".gz".
func Compress(c *fiber.Ctx) error {
	if err := c.Next(); err != nil {
		return err
	}
	response := c.Response()
	if response.StatusCode() == fiber.StatusNotModified {
		c.Vary(fiber.HeaderAcceptEncoding)
		return nil
	}
	if response.IsBodyStream() || len(response.Body()) < compressFrom || len(response.Header.ContentEncoding()) > 0 || !isCompressible(response) {
		return nil
	}
	c.Vary(fiber.HeaderAcceptEncoding)
	if !acceptsGzip(c) {
		return nil
	}
	compress, kept := c.Locals(gzipKey{}).(func() []byte)
	if !kept {
		compress = compressor(response.Body(), fasthttp.CompressBestSpeed)
	}
	response.SetBodyRaw(compress())
	c.Set(fiber.HeaderContentEncoding, "gzip")
	if etag := string(response.Header.Peek(fiber.HeaderETag)); etag != "" {
		c.Set(fiber.HeaderETag, gzipETag(etag))
	}
	return nil
}

// gzipETag returns the ETag of the compressed form of a body. It still begins with the row version that If-Match takes.
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
