package access

import (
	"time"

	"github.com/golang-jwt/jwt/v5"

	"lifecycle-sync/models"
)

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
