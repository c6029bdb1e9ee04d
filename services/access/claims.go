package access

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/golang-jwt/jwt/v5"

	"lifecycle-sync/models"
)

const (
	anyRole      = "*" // in a list of role names: every valid token
	subjectClaim = "sub"
	maxSubject   = 200 // bytes; of a longer subject, the hash is used
)

// roles are the names in tokens that grant each role.
type roles map[models.Role][]string

func newRoles(o Options) roles {
	all := roles{}
	for role, names := range map[models.Role][]string{models.Admin: o.AdminRoles, models.Manager: o.ManagerRoles, models.Reader: o.ReaderRoles} {
		for _, name := range names {
			all[role] = append(all[role], strings.TrimSpace(name))
		}
	}
	return all
}

// find returns the highest role that the token's role grants, Anonymous if none.
func (r roles) find(claims jwt.MapClaims) models.Role {
	name := roleName(claims)
	for _, role := range []models.Role{models.Admin, models.Manager, models.Reader} {
		if slices.Contains(r[role], anyRole) || name != "" && slices.Contains(r[role], name) {
			return role
		}
	}
	return models.Anonymous
}

// roleName reads the claim role.name, or role if that is a text.
func roleName(claims jwt.MapClaims) string {
	role := claims["role"]
	if object, ok := role.(map[string]any); ok {
		role = object["name"]
	}
	name, _ := role.(string)
	return name
}

// subject identifies a caller by sub, by another claim that is stable across tokens, or by the token itself. It can be
// stored in a database.
func subject(claims jwt.MapClaims, token string) string {
	for _, claim := range []string{subjectClaim, "id", "email"} {
		value, text := claims[claim].(string)
		if number, ok := claims[claim].(json.Number); !text && ok {
			value = number.String()
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

// Claims are the contents of a token to sign.
type Claims struct {
	Role             string // the role's name, as in Options
	Subject          string
	Issuer, Audience string // "": none
	IssuedAt         time.Time
	Expires          time.Duration // after IssuedAt
}

// Sign signs a development token with the secret of New. Production tokens come from the PMO app. Errors: configuration.
func Sign(secret string, c Claims) (string, error) {
	if secret == "" {
		return "", models.NewError(models.Config, "access.no_secret", nil).WithRemedy("access.no_secret_remedy", nil)
	}
	if err := checkSecret(secret); err != nil {
		return "", err
	}
	claims := jwt.MapClaims{
		subjectClaim: c.Subject, "role": map[string]string{"name": c.Role},
		"iat": c.IssuedAt.Unix(), "exp": c.IssuedAt.Add(c.Expires).Unix(),
	}
	if c.Issuer != "" {
		claims["iss"] = c.Issuer
	}
	if c.Audience != "" {
		claims["aud"] = c.Audience
	}
	return jwt.NewWithClaims(jwt.SigningMethodHS256, claims).SignedString([]byte(secret))
}
