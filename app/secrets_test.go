package app_test

import (
	"net/url"
	"strings"
	"testing"

	"lifecycle-sync/app"
	"lifecycle-sync/repositories/database/databasetest"
)

const password = "rahasia-sekali"

// wrongURLs are URLs that cannot be read, or lead nowhere, each with the password in it.
var wrongURLs = []string{
	"postgres://user:" + password + "@127.0.0.1:1/db",
	"postgres://user:" + password + "@no.such.host.invalid/db",
	"postgres://user:" + password + "@127.0.0.1:port/db",
	"postgres://user:" + password + "%zz@127.0.0.1/db",
	"postgres://user:" + password + "#x@127.0.0.1/db",
	"postgres://user:" + password + "/x@127.0.0.1/db",
	"postgres://user:" + password + "@127.0.0.1/db?sslmode=perhaps",
	"postgres://user:" + password + "@[::1/db",
	"postgres:user:" + password + "@127.0.0.1/db",
	"postgres://127.0.0.1:1/db?password=" + password,
	"mysql://user:" + password + "@127.0.0.1/db",
	"user=u password=" + password + " host=127.0.0.1",
	password,
}

// TestNoPasswordIsPrinted reads everything that the commands print when a URL is wrong.
func TestNoPasswordIsPrinted(t *testing.T) {
	t.Parallel()
	for _, wrong := range wrongURLs {
		t.Run(strings.ReplaceAll(strings.ReplaceAll(wrong, password, "***"), "/", "_"), func(t *testing.T) {
			t.Parallel()
			for _, args := range [][]string{{"sync"}, {"sync", "--json"}, {"verify"}, {"migrate"}} {
				s := &site{TB: t, dir: t.TempDir(), sourceURL: wrong, targetURL: wrong}
				e := s.runWith([]string{"LOG_LEVEL=DEBUG", "CONNECT_TIMEOUT=1s"}, args...)
				if e.code != 1 && e.code != 2 {
					t.Errorf("%v: %s", args, e)
				}
				if printed := e.stdout + e.stderr; strings.Contains(printed, password) {
					t.Errorf("%v printed the password:\n%s", args, printed)
				}
			}
			for _, v := range (app.Config{LifecycleURL: wrong, PMOURL: wrong}).Masked() {
				if text, ok := v.(string); ok && strings.Contains(text, password) {
					t.Errorf("the masked configuration shows the password: %s", text)
				}
			}
		})
	}
}

// TestWrongPassword is refused by the server, whose answer must not show it either.
func TestWrongPassword(t *testing.T) {
	t.Parallel()
	s := newSite(t, databasetest.Postgres)
	u, err := url.Parse(s.sourceURL)
	if err != nil {
		t.Fatal("the test server's URL is none")
	}
	u.User = url.UserPassword("nobody_"+password, password)
	s.sourceURL, s.targetURL = u.String(), u.String()
	e := s.runWith([]string{"LOG_LEVEL=DEBUG"}, "sync")
	if e.code != 1 || strings.Contains(strings.ReplaceAll(e.stdout+e.stderr, "nobody_"+password, ""), password) {
		t.Errorf("%s", e)
	}
}
