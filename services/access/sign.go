package access

import (
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// Claims are what a token of ours says.
type Claims struct {
	Role             string // the role's name, as the lists of Options have it
	Subject          string
	Issuer, Audience string // "": none
	IssuedAt         time.Time
	Expires          time.Duration // after IssuedAt
}

// Sign makes a token with the secret that New is given, for use while developing: in earnest tokens
// come from the PMO app. Errors: configuration.
func Sign(secret string, c Claims) (string, error) {
	if secret == "" {
		return "", configError("there is no AUTH_JWT_SECRET to sign with", "Set it, on the server too. Without it, and without AUTH_JWKS_URL, the server needs no tokens.")
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
