// Package access tells who is calling: it turns a request's token into a caller. Which algorithms and
// keys are right comes from the configuration alone, never from the token.
package access

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"lifecycle-sync/models"
)

// MinSecret is how many bytes a secret has at least, so that it cannot be guessed from a token.
const MinSecret = 32

const (
	maxToken = 16 << 10         // bytes
	leeway   = 30 * time.Second // by which the issuer's clock may differ from this one
)

// Options say which tokens are valid and what the roles in them may do. Exactly one of Secret and
// JWKSURL is set.
type Options struct {
	Secret           string // of HS256, at least 32 bytes
	JWKSURL          string // lists the public keys of RS*, PS* and ES*
	Issuer, Audience string // what iss and aud must be; "": anything
	AllowNoExpiry    bool   // accepts tokens without exp

	AdminRoles, ManagerRoles, ReaderRoles []string // names of roles as tokens carry them; "*" is every token

	Log *slog.Logger
	Now func() time.Time
}

// Access knows callers by their tokens. It is safe for use by several goroutines.
type Access struct {
	roles  roles
	parser *jwt.Parser
	key    func(ctx context.Context, token *jwt.Token) (any, error)
	stop   context.CancelFunc
}

// New fetches the keys that JWKSURL lists and keeps them fresh until ctx ends or Close. Where they
// cannot be had, it is tried again when a token comes. Errors: configuration.
func New(ctx context.Context, o Options) (*Access, error) {
	ctx, stop := context.WithCancel(ctx)
	a := &Access{roles: rolesOf(o), stop: stop}
	methods := []string{jwt.SigningMethodHS256.Alg()}
	switch {
	case o.Secret != "" && o.JWKSURL != "":
		stop()
		return nil, configError("AUTH_JWT_SECRET and AUTH_JWKS_URL are both set", "Set the one that fits the tokens' algorithm.")
	case o.JWKSURL != "":
		methods = []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512"}
		keys, err := newKeys(ctx, o.JWKSURL, o.Log)
		if err != nil {
			stop()
			return nil, err
		}
		a.key = keys.of
	default:
		if err := checkSecret(o.Secret); err != nil {
			stop()
			return nil, err
		}
		secret := []byte(o.Secret)
		a.key = func(context.Context, *jwt.Token) (any, error) { return secret, nil }
	}
	a.parser = jwt.NewParser(o.rules(methods)...)
	return a, nil
}

// rules are what a token is held against, beside its signature.
func (o Options) rules(methods []string) []jwt.ParserOption {
	rules := []jwt.ParserOption{jwt.WithValidMethods(methods), jwt.WithJSONNumber(), jwt.WithStrictDecoding(), jwt.WithLeeway(leeway), jwt.WithIssuedAt(), jwt.WithTimeFunc(o.Now)}
	if o.Issuer != "" {
		rules = append(rules, jwt.WithIssuer(o.Issuer))
	}
	if o.Audience != "" {
		rules = append(rules, jwt.WithAudience(o.Audience))
	}
	if o.AllowNoExpiry {
		o.Log.Warn("tokens without exp are accepted (AUTH_ALLOW_NO_EXPIRY): one that gets lost is good for ever")
		return rules
	}
	return append(rules, jwt.WithExpirationRequired())
}

// Close ends the refreshing of keys.
func (a *Access) Close() error {
	a.stop()
	return nil
}

// Caller is whom a token belongs to. Errors: unauthenticated when the token is not valid; forbidden
// when its role may do nothing here; unavailable while the keys cannot be had.
func (a *Access) Caller(ctx context.Context, token string) (models.Caller, error) {
	if len(token) > maxToken {
		return models.Caller{}, refused("The token is too long", nil)
	}
	claims := jwt.MapClaims{}
	_, err := a.parser.ParseWithClaims(token, claims, func(t *jwt.Token) (any, error) {
		if _, extended := t.Header["crit"]; extended {
			return nil, errors.New("extensions that must be understood are not")
		}
		return a.key(ctx, t)
	})
	if err != nil {
		return models.Caller{}, verdict(err)
	}
	role := a.roles.of(claims)
	if role == models.Anonymous {
		return models.Caller{}, &models.Error{Class: models.Forbidden, LegacyMessage: "The token's role may do nothing here",
			LegacyRemedy: "AUTH_READER_ROLES, AUTH_MANAGER_ROLES and AUTH_ADMIN_ROLES list the roles that may."}
	}
	return models.Caller{Subject: subject(claims, token), Role: role}, nil
}

// verdict says why a token is refused. Of what is wrong before the signature was found right, nothing
// is told.
func verdict(err error) error {
	var own *models.Error
	switch {
	case errors.As(err, &own):
		return own
	case errors.Is(err, jwt.ErrTokenRequiredClaimMissing):
		return refused("The token lacks a claim that it must have: exp, or the iss or aud that this server wants", err)
	case errors.Is(err, jwt.ErrTokenExpired):
		return refused("The token has expired", err)
	case errors.Is(err, jwt.ErrTokenNotValidYet), errors.Is(err, jwt.ErrTokenUsedBeforeIssued):
		return refused("The token is not valid yet", err)
	case errors.Is(err, jwt.ErrTokenInvalidIssuer), errors.Is(err, jwt.ErrTokenInvalidAudience):
		return refused("The token is for another service", err)
	default:
		return refused("The token is not valid", err)
	}
}

func refused(message string, cause error) error {
	return &models.Error{Class: models.Unauthenticated, LegacyMessage: message, Cause: cause}
}

func configError(message, remedy string) error {
	return &models.Error{Class: models.Config, LegacyMessage: message, LegacyRemedy: remedy}
}

func checkSecret(secret string) error {
	if len(secret) < MinSecret {
		return configError("AUTH_JWT_SECRET must be at least 32 bytes", "openssl rand -base64 48 makes one.")
	}
	return nil
}
