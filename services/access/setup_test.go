package access_test

import (
	"encoding/base64"
	"log/slog"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"go.uber.org/goleak"

	"lifecycle-sync/models"
	"lifecycle-sync/services/access"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const secret = "0123456789abcdef0123456789abcdef"

// start is the time in every test.
var start = time.Date(2026, 5, 6, 7, 8, 9, 0, time.UTC)

// admin is the caller whose tokens signed makes.
var admin = models.Caller{Subject: "u1", Role: models.Admin}

// options are the defaults of the settings, with the secret.
func options() access.Options {
	return access.Options{
		Secret: secret, AdminRoles: []string{"Admin", " System Admin "}, ManagerRoles: []string{"Project Manager"}, ReaderRoles: []string{"*"},
		Log: slog.New(slog.DiscardHandler), Now: func() time.Time { return start },
	}
}

func newAccess(t testing.TB, o access.Options) *access.Access {
	t.Helper()
	a, err := access.New(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// signed is a valid token with additional header fields and changed claims; nil removes a claim.
func signed(t testing.TB, method jwt.SigningMethod, key any, header map[string]any, changes jwt.MapClaims) string {
	t.Helper()
	claims := jwt.MapClaims{"sub": "u1", "role": map[string]any{"name": "Admin"}, "exp": start.Add(time.Hour).Unix(), "iat": start.Unix()}
	maps.Copy(claims, changes)
	maps.DeleteFunc(claims, func(_ string, value any) bool { return value == nil })
	token := jwt.NewWithClaims(method, claims)
	maps.Copy(token.Header, header)
	text, err := token.SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// bySecret is a token signed with the secret.
func bySecret(t testing.TB, changes jwt.MapClaims) string {
	t.Helper()
	return signed(t, jwt.SigningMethodHS256, []byte(secret), nil, changes)
}

// encoded is a part of a token.
func encoded(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }

// refused requires that tokens are refused with a class, and that no error contains its token.
func refused(t testing.TB, a *access.Access, class models.Class, tokens ...string) {
	t.Helper()
	for _, token := range tokens {
		caller, err := a.Caller(t.Context(), token)
		if e := models.AsError(err); e == nil || e.Class != class || caller != (models.Caller{}) || len(token) > 20 && strings.Contains(e.Error(), token[:20]) {
			t.Errorf("%.200s: %+v, %v; want %s", token, caller, err, class)
		}
	}
}

// accepted requires that tokens authenticate a caller.
func accepted(t testing.TB, a *access.Access, want models.Caller, tokens ...string) {
	t.Helper()
	for _, token := range tokens {
		claims := jwt.MapClaims{}
		if _, _, err := jwt.NewParser(jwt.WithJSONNumber()).ParseUnverified(token, claims); err != nil {
			t.Fatal(err)
		}
		want.Expires = time.Time{}
		if at, _ := claims.GetExpirationTime(); at != nil {
			want.Expires = at.Add(30 * time.Second) // with the accepted clock skew
		}
		if got, err := a.Caller(t.Context(), token); err != nil || got != want {
			t.Errorf("%.200s: %+v, %v; want %+v", token, got, err, want)
		}
	}
}
