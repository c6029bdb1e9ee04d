package services

import (
	"strings"

	"lifecycle-sync/models"
)

// IfMatch is an If-Match header: the states of a product in which a write may be done; "" is any.
type IfMatch string

// allows reports whether the header names the state whose row has a tag. Of an ETag the part before the
// dot is the row's; the rest tells answers apart. As RFC 9110 asks, a weak one never matches.
func (m IfMatch) allows(tag string) bool {
	if m == "" {
		return true
	}
	for candidate := range strings.SplitSeq(string(m), ",") {
		candidate = strings.TrimSpace(candidate)
		if candidate == "*" {
			return true
		}
		row, _, _ := strings.Cut(strings.Trim(candidate, `"`), ".")
		if strings.HasPrefix(candidate, `"`) && row == tag {
			return true
		}
	}
	return false
}

// Current is a product as it is, with its ETag, for whom it surprises.
type Current struct {
	models.ListedProduct

	ETag string `json:"-"`
}

func quoted(tag string) string { return `"` + tag + `"` }
