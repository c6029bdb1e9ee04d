package handlers

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"strings"

	"lifecycle-sync/models"
	"lifecycle-sync/services/cache"

	"github.com/gofiber/fiber/v2"
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
	c.Set(fiber.HeaderETag, answer.etag)
	c.Set(fiber.HeaderCacheControl, "private, no-cache")
	if answer.link != "" {
		c.Set(fiber.HeaderLink, answer.link)
	}
	if knows(c.Get(fiber.HeaderIfNoneMatch), answer.etag) {
		c.Status(fiber.StatusNotModified)
		return nil
	}
	c.Set(fiber.HeaderContentType, fiber.MIMEApplicationJSON)
	return c.Send(answer.body)
}

// encode makes the answer to a request for uri.
func (s success) encode(uri string) (a answer, err error) {
	s.Success = true
	if a.body, err = json.Marshal(s); err != nil {
		return a, err
	}
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
	body []byte // JSON
	etag string
	link string // of a page of a list (RFC 8288), else ""
}

// Size returns the size in bytes.
func (a answer) Size() int { return len(a.body) + len(a.etag) + len(a.link) }

// quote makes an ETag of a row version.
func quote(version string) string { return `"` + version + `"` }

// tag is a text that differs when the body does.
func tag(body []byte) string {
	sum := sha256.Sum256(body)
	return base64.RawURLEncoding.EncodeToString(sum[:16])
}

// knows reports whether an If-None-Match header names the tag, by the weak comparison that RFC 9110
// asks for.
func knows(ifNoneMatch, tag string) bool {
	for candidate := range strings.SplitSeq(ifNoneMatch, ",") {
		candidate = strings.TrimSpace(candidate)
		if candidate == "*" || strings.TrimPrefix(candidate, "W/") == tag {
			return true
		}
	}
	return false
}
