package app_test

import (
	"net/url"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"lifecycle-sync/app"
	"lifecycle-sync/test/kit/testdb"
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
func TestMain_PrintsNoPassword(t *testing.T) {
	t.Parallel()
	for _, wrong := range wrongURLs {
		t.Run(strings.ReplaceAll(strings.ReplaceAll(wrong, password, "***"), "/", "_"), func(t *testing.T) {
			t.Parallel()
			for _, args := range [][]string{{"sync"}, {"sync", "--json"}, {"verify"}, {"migrate"}, {"doctor"}, {"doctor", "--json"}} {
				s := &site{TB: t, dir: t.TempDir(), sourceURL: wrong, targetURL: wrong}
				e := s.runWith([]string{"LOG_LEVEL=DEBUG", "CONNECT_TIMEOUT=1s", "SYNC_RETRY_TIME=0s"}, args...)
				if e.code != 1 && e.code != 2 {
					t.Errorf("%v: %s", args, e)
				}
				if printed := e.stdout + e.stderr; strings.Contains(printed, password) {
					t.Errorf("%v printed the password:\n%s", args, printed)
				}
			}
			for _, v := range (&app.Config{LifecycleURL: wrong, PMOURL: wrong}).Changed() {
				if text, ok := v.(string); ok && strings.Contains(text, password) {
					t.Errorf("the masked configuration shows the password: %s", text)
				}
			}
		})
	}
}

// TestNoPartOfAPasswordIsPrinted writes passwords with an @, a slash or a question mark as they are, so
// that a part of them stands where the host, the port or the database does.
func TestNoPartOfAPasswordIsPrinted(t *testing.T) {
	t.Parallel()
	for i, wrong := range []string{
		"postgres://u:rah@sia/kuncine@localhost/db",
		"postgres://u:rah@sia@127.0.0.1:1/db",
		"postgres://u:1/kuncine@127.0.0.1/db",
		"postgres://u:1/kuncine?sia=x@127.0.0.1/db",
		"postgres://u:rah%40sia@127.0.0.1:1/kuncine%40x",
		"postgres://kuncine:rah%40sia@127.0.0.1:1/sia",
	} {
		t.Run(strconv.Itoa(i), func(t *testing.T) {
			t.Parallel()
			for _, args := range [][]string{{"serve"}, {"sync", "--json"}, {"doctor", "--json"}} {
				s := &site{TB: t, dir: t.TempDir(), sourceURL: wrong, targetURL: wrong}
				e := s.stopped([]string{"LOG_LEVEL=DEBUG", "CONNECT_TIMEOUT=1s", "PORT=0", "SYNC_RETRY_TIME=0s"}, args...)
				printed := e.stdout + e.stderr
				if !strings.Contains(printed, "LIFECYCLE_DATABASE_URL") && !strings.Contains(printed, "lifecycle_db") {
					t.Errorf("%v says nothing of the URL: %s", args, e)
				}
				// The database of a URL that is right, and the default time zone.
				printed = strings.NewReplacer("127.0.0.1:1/sia", "", "Asia/Jakarta", "").Replace(printed)
				if strings.Contains(printed, "rah") || strings.Contains(printed, "sia") || strings.Contains(printed, "kuncine") {
					t.Errorf("%v printed a part of the password:\n%s", args, printed)
				}
			}
		})
	}
}

// stopped runs the program for as long as it takes to fail to connect.
func (s *site) stopped(env []string, args ...string) ended {
	s.Helper()
	p := s.start(env, args...)
	timer := time.AfterFunc(3*time.Second, func() { p.Signal(os.Interrupt) })
	defer timer.Stop()
	return outcome(p)
}

// TestWrongPassword is refused by the server, whose answer must not show it either.
func TestWrongPassword(t *testing.T) {
	t.Parallel()
	s := newSite(t, testdb.Postgres)
	u, err := url.Parse(s.sourceURL)
	if err != nil {
		t.Fatal("the test server's URL is none")
	}
	u.User = url.UserPassword("nobody_"+password, password)
	s.sourceURL, s.targetURL = u.String(), u.String()
	for _, args := range [][]string{{"sync"}, {"doctor", "--json"}} {
		e := s.runWith([]string{"LOG_LEVEL=DEBUG"}, args...)
		if e.code != 1 || strings.Contains(strings.ReplaceAll(e.stdout+e.stderr, "nobody_"+password, ""), password) {
			t.Errorf("%v: %s", args, e)
		}
	}
}
