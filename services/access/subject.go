package access

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strings"
	"unicode"

	"github.com/golang-jwt/jwt/v5"
)

const subjectClaim = "sub"

// maxSubject is the maximum length of a subject in bytes; of a longer one, the hash is used.
const maxSubject = 200

// subject identifies a caller by sub, by another claim that is stable across tokens, or by the token itself. It can be
// stored in a database.
func subject(claims jwt.MapClaims, token string) string {
	for _, claim := range []string{subjectClaim, "id", "email"} {
		value := ""
		switch v := claims[claim].(type) {
		case string:
			value = v
		case json.Number:
			value = v.String()
		}
		if value == "" {
			continue
		}
		if claim != subjectClaim {
			value = claim + ":" + value
		}
		if len(value) > maxSubject || strings.ContainsFunc(value, unicode.IsControl) {
			return digest(value)
		}
		return value
	}
	return digest(token)
}

func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "sha256:" + hex.EncodeToString(sum[:])
}
