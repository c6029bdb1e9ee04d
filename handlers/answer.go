package handlers

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"strings"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"

	"lifecycle-sync/models"
	"lifecycle-sync/services/cache"
)

// success is the envelope of every answer that is not a failure.
type success struct {
	Success    bool               `json:"success"` // always true
	Message    string             `json:"message,omitempty"`
	Data       any                `json:"data"`
	Pagination *models.Pagination `json:"pagination,omitempty"`

	row string // the tag of the row that a write would change, which then comes first in the ETag
}

// read answers a read of the mirror, of which compute makes what to say from one state of it. The ETag
// is the body's hash, so a client that asks again is told in a few bytes that nothing has changed.
func read(c *fiber.Ctx, answers *cache.Answers, compute func(ctx context.Context, v cache.View) (success, error)) error {
	uri := strings.Clone(c.OriginalURL()) // Fiber uses the memory of its strings again
	answer, err := cache.Get(c.UserContext(), answers, uri, func(ctx context.Context, v cache.View) (answer, error) {
		said, err := compute(ctx, v)
		if err != nil {
			return answer{}, err
		}
		return said.encode(uri)
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

// encode makes the answer to a request for uri.
func (s success) encode(uri string) (a answer, err error) {
	s.Success = true
	if a.body, err = json.Marshal(s); err != nil {
		return a, err
	}
	a.gzip = compressor(a.body, fasthttp.CompressDefaultCompression)
	if s.Pagination != nil {
		a.link = links(uri, *s.Pagination)
	}
	a.etag = quote(tag(a.body))
	if s.row != "" {
		a.etag = quote(s.row + "." + tag(a.body))
	}
	return a, nil
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

// quote makes an ETag of a row version.
func quote(version string) string { return `"` + version + `"` }

// tag is a text that differs when the body does.
func tag(body []byte) string {
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
