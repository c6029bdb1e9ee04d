package access_test

import (
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
	t.Cleanup(func() { _ = a.Close() })
	return a
}

// claims are those of a valid token with changes; nil removes a claim.
func claims(changes jwt.MapClaims) jwt.MapClaims {
	all := jwt.MapClaims{"sub": "u1", "role": map[string]any{"name": "Admin"}, "exp": start.Add(time.Hour).Unix(), "iat": start.Unix()}
	maps.Copy(all, changes)
	for name, value := range all {
		if value == nil {
			delete(all, name)
		}
	}
	return all
}

// signed is a token with additional header fields.
func signed(t testing.TB, method jwt.SigningMethod, key any, header map[string]any, c jwt.Claims) string {
	t.Helper()
	token := jwt.NewWithClaims(method, c)
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
	return signed(t, jwt.SigningMethodHS256, []byte(secret), nil, claims(changes))
}

// refused requires that a token is refused with a class, and that the error does not contain the token.
func refused(t testing.TB, a *access.Access, token string, class models.Class) {
	t.Helper()
	caller, err := a.Caller(t.Context(), token)
	e := models.AsError(err)
	if e == nil || e.Class != class || caller != (models.Caller{}) {
		t.Errorf("%.200s: %+v, %v; want %s", token, caller, err, class)
		return
	}
	if len(token) > 20 && strings.Contains(e.Error(), token[:20]) {
		t.Errorf("the token is in %q", e.Error())
	}
}

// accepted requires that a token authenticates a caller.
func accepted(t testing.TB, a *access.Access, token string, want models.Caller) {
	t.Helper()
	if got, err := a.Caller(t.Context(), token); err != nil || got != want {
		t.Errorf("%.200s: %+v, %v; want %+v", token, got, err, want)
	}
}
