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
func read(c *fiber.Ctx, answers *cache.Answers, compute func(ctx context.Context, v *cache.View) (success, error)) error {
	uri := strings.Clone(c.OriginalURL()) // Fiber uses the memory of its strings again
	answer, err := answers.Get(c.UserContext(), uri, func(ctx context.Context, v *cache.View) (cache.Answer, error) {
		said, err := compute(ctx, v)
		if err != nil {
			return cache.Answer{}, err
		}
		return said.encode(uri)
	})
	if err != nil {
		return err
	}
	c.Set(fiber.HeaderETag, answer.ETag)
	c.Set(fiber.HeaderCacheControl, "private, no-cache")
	if answer.Link != "" {
		c.Set(fiber.HeaderLink, answer.Link)
	}
	if knows(c.Get(fiber.HeaderIfNoneMatch), answer.ETag) {
		c.Status(fiber.StatusNotModified)
		return nil
	}
	c.Set(fiber.HeaderContentType, fiber.MIMEApplicationJSON)
	return c.Send(answer.Body)
}

// encode makes the answer to a request for uri.
func (s success) encode(uri string) (answer cache.Answer, err error) {
	s.Success = true
	if answer.Body, err = json.Marshal(s); err != nil {
		return answer, err
	}
	if s.Pagination != nil {
		answer.Link = links(uri, *s.Pagination)
	}
	answer.ETag = `"` + tag(answer.Body) + `"`
	if s.row != "" {
		answer.ETag = `"` + s.row + "." + tag(answer.Body) + `"`
	}
	return answer, nil
}

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
