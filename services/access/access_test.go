package access_test

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"lifecycle-sync/models"
	"lifecycle-sync/services/access"
)

func TestNew_RefusesInvalidOptions(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*access.Options){
		"nothing":   func(o *access.Options) { o.Secret = "" },
		"short":     func(o *access.Options) { o.Secret = secret[:31] },
		"both":      func(o *access.Options) { o.JWKSURL = "http://127.0.0.1:1/" },
		"no JWKS":   func(o *access.Options) { o.Secret, o.JWKSURL = "", "::nonsense" },
		"short too": func(o *access.Options) { o.Secret = " " },
	} {
		o := options()
		change(&o)
		_, err := access.New(t.Context(), o)
		if e := models.AsError(err); e == nil || e.Class != models.Config || strings.Contains(e.Error(), "012345") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestCaller_AllowsHalfAMinuteOfClockSkew(t *testing.T) {
	t.Parallel()
	at := func(d time.Duration) int64 { return start.Add(d).Unix() }
	a := newAccess(t, options())
	for _, good := range []jwt.MapClaims{
		{}, {"exp": at(time.Second)}, {"exp": at(-29 * time.Second)}, {"nbf": at(29 * time.Second)}, {"iat": at(29 * time.Second)}, {"iat": nil}, {"exp": 1e10 + 0.5},
	} {
		accepted(t, a, admin, bySecret(t, good))
	}
	for _, bad := range []jwt.MapClaims{
		{"exp": at(-31 * time.Second)}, {"exp": at(-10000 * time.Hour)}, {"exp": nil}, {"exp": 0}, {"exp": -1}, {"exp": "tomorrow"}, {"exp": []int64{at(time.Hour)}},
		{"exp": true}, {"nbf": at(31 * time.Second)}, {"nbf": "now"}, {"iat": at(31 * time.Second)}, {"iat": map[string]any{}},
	} {
		refused(t, a, models.Unauthenticated, bySecret(t, bad))
	}
	refused(t, a, models.Unauthenticated, byHand(t, `{"sub":"u1","role":"Admin","exp":null}`))
}

// byHand is a token with the given payload, signed with the secret.
func byHand(t *testing.T, payload string) string {
	t.Helper()
	text := encoded(`{"alg":"HS256"}`) + "." + encoded(payload)
	signature, err := jwt.SigningMethodHS256.Sign(text, []byte(secret))
	if err != nil {
		t.Fatal(err)
	}
	return text + "." + encoded(string(signature))
}

// The PMO app issues tokens without exp today.
func TestCaller_AllowNoExpiryAcceptsTokensWithoutExp(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	o := options()
	o.AllowNoExpiry, o.Log = true, slog.New(slog.NewTextHandler(&log, nil))
	a := newAccess(t, o)
	accepted(t, a, models.Caller{Subject: "id:7", Name: "a@b", Role: models.Admin}, bySecret(t, jwt.MapClaims{"exp": nil, "sub": nil, "id": 7, "email": "a@b"}))
	refused(t, a, models.Unauthenticated, bySecret(t, jwt.MapClaims{"exp": start.Add(-time.Minute).Unix()}))
	if strings.Count(log.String(), "level=WARN") != 1 || !strings.Contains(log.String(), "AUTH_ALLOW_NO_EXPIRY") {
		t.Errorf("logged %q", log.String())
	}
}

func TestCaller_ChecksIssuerAndAudience(t *testing.T) {
	t.Parallel()
	o := options()
	o.Issuer, o.Audience = "https://pmo", "lifecycle"
	a := newAccess(t, o)
	accepted(t, a, admin, bySecret(t, jwt.MapClaims{"iss": "https://pmo", "aud": "lifecycle"}),
		bySecret(t, jwt.MapClaims{"iss": "https://pmo", "aud": []string{"other", "lifecycle"}}))
	for _, bad := range []jwt.MapClaims{
		{}, {"iss": "https://pmo"}, {"aud": "lifecycle"}, {"iss": "https://pmo/", "aud": "lifecycle"}, {"iss": "https://pmo", "aud": "Lifecycle"},
		{"iss": "", "aud": ""}, {"iss": []string{"https://pmo"}, "aud": "lifecycle"}, {"iss": "https://pmo", "aud": []any{1, "lifecycle"}},
		{"iss": "https://pmo", "aud": []string{}}, {"iss": "https://pmo", "aud": map[string]any{"lifecycle": true}},
	} {
		refused(t, a, models.Unauthenticated, bySecret(t, bad))
	}
}

func TestCaller_RefusesForgedTokens(t *testing.T) {
	t.Parallel()
	a := newAccess(t, options())
	good := bySecret(t, nil)
	header, rest, _ := strings.Cut(good, ".")
	payload, signature, _ := strings.Cut(rest, ".")
	const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	last := string(digits[strings.IndexByte(digits, signature[len(signature)-1])^1])
	refused(t, a, models.Unauthenticated,
		"", ".", "..", "...", "x", good+".", "."+good, good+"."+signature, header+"."+payload, header+"."+payload+".",
		signed(t, jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, nil, nil),
		encoded(`{"alg":"none"}`)+"."+payload+".", encoded(`{"alg":"None"}`)+"."+payload+"."+signature, encoded(`{"alg":"nOnE","typ":"JWT"}`)+"."+payload+".",
		encoded(`{"alg":""}`)+"."+payload+".", encoded(`{}`)+"."+payload+"."+signature, encoded(`{"alg":null}`)+"."+payload+".",
		encoded(`{"alg":["HS256"]}`)+"."+payload+"."+signature, encoded(`{"alg":"hs256"}`)+"."+payload+"."+signature, encoded(`{"alg":"HS256"`)+"."+payload+"."+signature,
		signed(t, jwt.SigningMethodHS256, []byte("another secret, which is as long"), nil, nil),
		signed(t, jwt.SigningMethodHS256, []byte{}, nil, nil),
		signed(t, jwt.SigningMethodHS256, []byte(secret+"\n"), nil, nil),
		signed(t, jwt.SigningMethodHS384, []byte(secret), nil, nil),
		signed(t, jwt.SigningMethodHS512, []byte(secret), nil, nil),
		signed(t, jwt.SigningMethodHS256, []byte(secret), map[string]any{"crit": []string{"b64"}, "b64": false}, nil),
		signed(t, jwt.SigningMethodHS256, []byte(secret), map[string]any{"crit": nil}, nil),
		header+"."+encoded(`{"sub":"u2","role":"Admin","exp":9999999999}`)+"."+signature,
		header+"."+payload+"."+signature[:len(signature)-1]+last, // the same bytes, other trailing bits
		header+"."+payload+"."+signature+"=", header+"=."+payload+"."+signature, " "+good, good+" ", good+"\x00", strings.ToUpper(good),
		byHand(t, `not json`), byHand(t, `[]`), byHand(t, `null`), byHand(t, `"x"`),
		strings.Repeat("a", 10<<10), strings.Repeat(".", 10<<10), strings.Repeat("é", 5<<10), strings.Repeat("eyJhbGciOiJIUzI1NiJ9.", 500),
		bySecret(t, jwt.MapClaims{"padding": strings.Repeat("x", 16<<10)}), // right, and too long
		"\xff\xfe."+payload+"."+signature,
	)
	accepted(t, a, admin, good, bySecret(t, jwt.MapClaims{"padding": strings.Repeat("x", 7<<10)})) // 10 kB
}

func TestCaller_SaysWhyATokenIsInvalid(t *testing.T) {
	t.Parallel()
	a := newAccess(t, options())
	for want, change := range map[string]jwt.MapClaims{
		"access.token_expired": {"exp": 1}, "access.claim_missing": {"exp": nil}, "access.token_not_yet_valid": {"nbf": start.Add(time.Hour).Unix()},
	} {
		if _, err := a.Caller(t.Context(), bySecret(t, change)); models.AsError(err) == nil || models.AsError(err).Text.Code != want {
			t.Errorf("%v, want %s", err, want)
		}
	}
}
