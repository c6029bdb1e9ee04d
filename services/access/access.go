// Package access authenticates callers by JWT and maps their roles. Algorithms and keys come from the configuration,
// never from the token.
package access

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/golang-jwt/jwt/v5"

	"lifecycle-sync/models"
)

// MinSecret is the minimum length of the secret in bytes, so that it cannot be guessed from a token.
const MinSecret = 32

const (
	maxToken = 16 << 10         // bytes
	leeway   = 30 * time.Second // accepted difference of the issuer's clock
)

// Options configure which tokens are valid and which roles they grant. Exactly one of Secret and JWKSURL is set.
type Options struct {
	Secret           string // for HS256, at least MinSecret bytes
	JWKSURL          string // address of the public keys for RS*, PS* and ES*
	Issuer, Audience string // required iss and aud; "" accepts any
	AllowNoExpiry    bool   // accept tokens without exp

	AdminRoles, ManagerRoles, ReaderRoles []string // role names in tokens; "*" is every token

	Log *slog.Logger
	Now func() time.Time
}

// Access authenticates callers. It is safe for concurrent use.
type Access struct {
	roles  roles
	parser *jwt.Parser
	key    func(ctx context.Context, token *jwt.Token) (any, error)
}

// New fetches the keys of JWKSURL and refreshes them until ctx ends. If a fetch fails, the next token triggers
// another one. Errors: configuration.
func New(ctx context.Context, o Options) (*Access, error) {
	a := &Access{roles: newRoles(o)}
	methods := []string{jwt.SigningMethodHS256.Alg()}
	switch {
	case o.Secret != "" && o.JWKSURL != "":
		return nil, models.NewError(models.Config, "config.auth_both", nil)
	case o.JWKSURL != "":
		methods = []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512"}
		keys, err := newKeys(ctx, o.JWKSURL, o.Log)
		if err != nil {
			return nil, err
		}
		a.key = keys.find
	default:
		if err := checkSecret(o.Secret); err != nil {
			return nil, err
		}
		a.key = func(context.Context, *jwt.Token) (any, error) { return []byte(o.Secret), nil }
	}
	a.parser = jwt.NewParser(o.rules(methods)...)
	return a, nil
}

// rules are the checks of a token in addition to its signature.
func (o Options) rules(methods []string) []jwt.ParserOption {
	rules := []jwt.ParserOption{
		jwt.WithValidMethods(methods), jwt.WithJSONNumber(), jwt.WithStrictDecoding(), jwt.WithLeeway(leeway), jwt.WithIssuedAt(), jwt.WithTimeFunc(o.Now),
	}
	if o.Issuer != "" {
		rules = append(rules, jwt.WithIssuer(o.Issuer))
	}
	if o.Audience != "" {
		rules = append(rules, jwt.WithAudience(o.Audience))
	}
	if o.AllowNoExpiry {
		o.Log.Warn("tokens without expiry accepted", "setting", "AUTH_ALLOW_NO_EXPIRY")
		return rules
	}
	return append(rules, jwt.WithExpirationRequired())
}

// Caller authenticates a token. Errors: unauthenticated if the token is invalid; forbidden if its role grants nothing;
// unavailable while the keys cannot be fetched.
func (a *Access) Caller(ctx context.Context, token string) (models.Caller, error) {
	if len(token) > maxToken {
		return models.Caller{}, invalidToken("access.token_too_long", nil)
	}
	claims := jwt.MapClaims{}
	_, err := a.parser.ParseWithClaims(token, claims, func(t *jwt.Token) (any, error) {
		if _, extended := t.Header["crit"]; extended {
			return nil, errors.New("unsupported critical header")
		}
		return a.key(ctx, t)
	})
	if err != nil {
		return models.Caller{}, tokenError(err)
	}
	role := a.roles.find(claims)
	if role == models.Anonymous {
		return models.Caller{}, models.NewError(models.Forbidden, "access.role_unknown", nil).WithRemedy("access.role_unknown_remedy", nil)
	}
	return models.Caller{Subject: subject(claims, token), Name: displayName(claims), Role: role, Expires: expiry(claims)}, nil
}

// expiry returns when a token is no longer accepted, zero if never.
func expiry(claims jwt.MapClaims) time.Time {
	if at, err := claims.GetExpirationTime(); err == nil && at != nil { // an invalid one was refused
		return at.Add(leeway)
	}
	return time.Time{}
}

// tokenError explains why a token is invalid. Before the signature is verified, it reveals nothing.
func tokenError(err error) error {
	switch own, is := errors.AsType[*models.Error](err); {
	case is:
		return own
	case errors.Is(err, jwt.ErrTokenRequiredClaimMissing):
		return invalidToken("access.claim_missing", err)
	case errors.Is(err, jwt.ErrTokenExpired):
		return invalidToken("access.token_expired", err)
	case errors.Is(err, jwt.ErrTokenNotValidYet), errors.Is(err, jwt.ErrTokenUsedBeforeIssued):
		return invalidToken("access.token_not_yet_valid", err)
	case errors.Is(err, jwt.ErrTokenInvalidIssuer), errors.Is(err, jwt.ErrTokenInvalidAudience):
		return invalidToken("access.token_for_another_service", err)
	default:
		return invalidToken("access.token_invalid", err)
	}
}

func invalidToken(code string, cause error) error {
	return models.NewError(models.Unauthenticated, code, nil).WithCause(cause)
}

func checkSecret(secret string) error {
	if len(secret) < MinSecret {
		return models.NewError(models.Config, "config.secret_too_short", models.Params{"setting": "AUTH_JWT_SECRET", "min": MinSecret}).
			WithCommand("config.secret_too_short_remedy", nil, "openssl rand -base64 48")
	}
	return nil
}

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
		return models.PersonID(value)
	}
	return digest(token)
}

// maxName is the maximum length of a display name in characters.
const maxName = 100

// displayName returns the name or e-mail address in a token, without control characters; "" if it has neither.
func displayName(claims jwt.MapClaims) string {
	for _, claim := range []string{"name", "email"} {
		value, _ := claims[claim].(string)
		value = strings.TrimSpace(strings.Map(func(r rune) rune {
			if unicode.IsControl(r) {
				return -1
			}
			return r
		}, strings.ToValidUTF8(value, "")))
		if runes := []rune(value); len(runes) > maxName {
			value = string(runes[:maxName])
		}
		if value != "" {
			return value
		}
	}
	return ""
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
