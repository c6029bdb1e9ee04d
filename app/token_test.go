package app_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"lifecycle-sync/models"
	"lifecycle-sync/services/access"
)

func TestToken_PrintsOnlyAToken(t *testing.T) {
	t.Parallel()
	secret := strings.Repeat("rahasia.", 4)
	s := &site{TB: t, dir: t.TempDir()}
	if err := os.WriteFile(filepath.Join(s.dir, "secret"), []byte(secret+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	a, err := access.New(t.Context(), access.Options{Secret: secret, Issuer: "pmo", Audience: "lifecycle", ManagerRoles: []string{"Project Manager"}, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	for _, env := range []string{"AUTH_JWT_SECRET=" + secret, "AUTH_JWT_SECRET_FILE=secret"} {
		e := s.runWith([]string{env, "AUTH_ISSUER=pmo", "AUTH_AUDIENCE=lifecycle", "LOG_LEVEL=DEBUG"}, "token", "--role", "Project Manager", "--subject", "Budi", "--expires", "90s")
		token, ok := strings.CutSuffix(e.stdout, "\n")
		caller, err := a.Caller(t.Context(), token)
		if e.code != 0 || !ok || e.stderr != "" || err != nil || caller != (models.Caller{Subject: "Budi", Role: models.Manager}) {
			t.Errorf("%s: %+v, %v", e, caller, err)
		}
	}
	for _, c := range []struct {
		says string
		env  []string
		args []string
	}{
		{"AUTH_JWT_SECRET", nil, []string{"--role", "Admin"}},
		{"AUTH_JWT_SECRET", []string{"AUTH_JWKS_URL=https://id.example.com/keys"}, []string{"--role", "Admin"}},
		{"AUTH_JWT_SECRET", []string{"AUTH_JWT_SECRET=rahasia"}, []string{"--role", "Admin"}},
		{"--role", []string{"AUTH_JWT_SECRET=" + secret}, nil},
		{"--expires", []string{"AUTH_JWT_SECRET=" + secret}, []string{"--role", "Admin", "--expires", "0s"}},
		{"--expires", []string{"AUTH_JWT_SECRET=" + secret}, []string{"--role", "Admin", "--expires=-1h"}},
		{"--expires", []string{"AUTH_JWT_SECRET=" + secret}, []string{"--role", "Admin", "--expires", "soon"}},
	} {
		e := s.runWith(c.env, append([]string{"token"}, c.args...)...)
		if e.code != 2 || e.stdout != "" || !strings.Contains(e.stderr, c.says) || strings.Contains(e.stderr, "rahasia") {
			t.Errorf("%v %v: %s", c.env, c.args, e)
		}
	}
}
