package access_test

import (
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"lifecycle-sync/models"
	"lifecycle-sync/services/access"
)

func TestCaller_MapsRoleNames(t *testing.T) {
	t.Parallel()
	everyone := newAccess(t, options())
	o := options()
	o.ReaderRoles = []string{"Viewer", ""}
	listed := newAccess(t, o)
	named := func(name any) any { return map[string]any{"name": name, "id": 1} }
	for _, c := range []struct {
		role any
		want models.Role // by the lists; Anonymous is 403
	}{
		{named("Admin"), models.Admin}, {"Admin", models.Admin}, {"System Admin", models.Admin}, {named("Project Manager"), models.Manager}, {"Viewer", models.Reader},
		{"admin", models.Anonymous}, {"ADMIN", models.Anonymous}, {"Admin ", models.Anonymous}, {" Admin", models.Anonymous}, {"Admin\x00", models.Anonymous}, {"Аdmin", models.Anonymous},
		{"", models.Anonymous}, {nil, models.Anonymous}, {"*", models.Anonymous}, {"Admin,Viewer", models.Anonymous},
		{[]string{"Admin"}, models.Anonymous}, {[]any{named("Admin")}, models.Anonymous}, {true, models.Anonymous}, {1, models.Anonymous},
		{map[string]any{}, models.Anonymous}, {map[string]any{"Name": "Admin"}, models.Anonymous}, {named([]string{"Admin"}), models.Anonymous}, {named(named("Admin")), models.Anonymous},
		{map[string]any{"role": "Admin"}, models.Anonymous}, {named(strings.Repeat("Admin", 1000)), models.Anonymous},
	} {
		token := bySecret(t, jwt.MapClaims{"role": c.role})
		accepted(t, everyone, models.Caller{Subject: "u1", Role: max(c.want, models.Reader)}, token)
		if c.want == models.Anonymous {
			refused(t, listed, models.Forbidden, token)
		} else {
			accepted(t, listed, models.Caller{Subject: "u1", Role: c.want}, token)
		}
	}
	// Other claims name no role.
	token := bySecret(t, jwt.MapClaims{"role": nil, "roles": []string{"Admin"}, "Role": "Admin", "role.name": "Admin", "admin": true})
	refused(t, listed, models.Forbidden, token)

	o.AdminRoles = []string{"*"}
	accepted(t, newAccess(t, o), admin, token)
	o.AdminRoles, o.ManagerRoles, o.ReaderRoles = []string{"Both"}, []string{"Both"}, []string{"Both"}
	accepted(t, newAccess(t, o), admin, bySecret(t, jwt.MapClaims{"role": "Both"}))
}

func TestCaller_IdentifiesTheSubject(t *testing.T) {
	t.Parallel()
	a := newAccess(t, options())
	is := func(c jwt.MapClaims, want string) {
		t.Helper()
		name, _ := c["email"].(string)
		accepted(t, a, models.Caller{Subject: want, Name: name, Role: models.Admin}, bySecret(t, c))
	}
	is(jwt.MapClaims{"sub": "u2", "id": 3, "email": "a@b"}, "u2")
	for _, system := range []string{"local", "schedule", "realtime"} {
		is(jwt.MapClaims{"sub": system}, "user:"+system)
	}
	is(jwt.MapClaims{"sub": nil, "id": 3, "email": "a@b"}, "id:3")
	is(jwt.MapClaims{"sub": 5}, "5")
	accepted(t, a, models.Caller{Subject: "u2", Name: "Ani Wijaya", Role: models.Admin}, bySecret(t, jwt.MapClaims{"sub": "u2", "name": " Ani\x00 Wijaya ", "email": "a@b"}))
	is(jwt.MapClaims{"sub": "", "id": int64(1<<53 + 1)}, "id:9007199254740993")
	is(jwt.MapClaims{"sub": []string{"x"}, "id": nil, "email": "a@b"}, "email:a@b")

	// Subjects that are too long or cannot be stored are replaced by their hash, missing ones by the token's.
	seen := map[string]bool{}
	for _, c := range []jwt.MapClaims{{"sub": "a\x00b"}, {"sub": "a\x00c"}, {"sub": "a\nb"}, {"sub": strings.Repeat("x", 201)}, {"sub": strings.Repeat("x", 202)}, {"sub": nil}, {"sub": nil, "other": 1}} {
		caller, err := a.Caller(t.Context(), bySecret(t, c))
		if err != nil || !strings.HasPrefix(caller.Subject, "sha256:") || len(caller.Subject) != 71 || seen[caller.Subject] {
			t.Errorf("%v: %+v, %v", c, caller, err)
		}
		seen[caller.Subject] = true
	}
}

func TestSign_MakesTokensThatCallerAccepts(t *testing.T) {
	t.Parallel()
	o := options()
	o.Issuer, o.Audience = "pmo", "lifecycle"
	token, err := access.Sign(secret, access.Claims{Role: "Project Manager", Subject: "me", Issuer: "pmo", Audience: "lifecycle", IssuedAt: start.Add(-time.Hour), Expires: 2 * time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	accepted(t, newAccess(t, o), models.Caller{Subject: "me", Role: models.Manager}, token)
	for _, short := range []string{"", "too short"} {
		if _, err := access.Sign(short, access.Claims{Role: "Admin"}); models.AsError(err) == nil || models.AsError(err).Class != models.Config {
			t.Errorf("%q: %v", short, err)
		}
	}
}

// FuzzCaller checks that any text is refused without a panic.
func FuzzCaller(f *testing.F) {
	o := options()
	o.Secret = strings.Repeat("s", 32)
	a := newAccess(f, o)
	f.Add(bySecret(f, nil))
	f.Add("eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0.")
	f.Add("eyJhbGciOiJIUzI1NiIsImNyaXQiOlsiYjY0Il19.e30.AAAA")
	f.Add("..")
	f.Fuzz(func(t *testing.T, token string) {
		refused(t, a, models.Unauthenticated, token)
	})
}
