package handlers

import (
	"bytes"
	"slices"
	"strings"
	"sync"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"
)

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
