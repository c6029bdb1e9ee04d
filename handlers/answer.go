package handlers

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"strings"

	"github.com/gofiber/fiber/v2"

	"lifecycle-sync/services"
)

// success is the envelope of every answer that is not a failure.
type success struct {
	Success    bool                 `json:"success"` // always true
	Data       any                  `json:"data"`
	Pagination *services.Pagination `json:"pagination,omitempty"`
}

// read answers a read. The ETag is the body's hash, so a client that asks again is told in a few bytes
// that nothing has changed, and never sees anything stale.
func read(c *fiber.Ctx, answer success) error {
	answer.Success = true
	body, err := json.Marshal(answer)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(body)
	tag := `"` + base64.RawURLEncoding.EncodeToString(sum[:16]) + `"`
	c.Set(fiber.HeaderETag, tag)
	c.Set(fiber.HeaderCacheControl, "private, no-cache")
	if knows(c.Get(fiber.HeaderIfNoneMatch), tag) {
		c.Status(fiber.StatusNotModified)
		return nil
	}
	c.Set(fiber.HeaderContentType, fiber.MIMEApplicationJSON)
	return c.Send(body)
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
