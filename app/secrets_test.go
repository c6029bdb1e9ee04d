package app_test

import (
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"lifecycle-sync/app"
	"lifecycle-sync/test/kit/testdb"
)

const password = "rahasia-sekali"

// TestMain_PrintsNoPassword reads everything that commands print when a URL is wrong: invalid, or unreachable, or with an
// unescaped password, a part of which is parsed as the host, the port or the database.
func TestMain_PrintsNoPassword(t *testing.T) {
	t.Parallel()
	for i, wrong := range []string{
		"postgres://user:rahasia-sekali@127.0.0.1:1/db",
		"postgres://user:rahasia-sekali@no.such.host.invalid/db",
		"postgres://user:rahasia-sekali@127.0.0.1:port/db",
		"postgres://user:rahasia-sekali%zz@127.0.0.1/db",
		"postgres://user:rahasia-sekali#x@127.0.0.1/db",
		"postgres://user:rahasia-sekali/x@127.0.0.1/db",
		"postgres://user:rahasia-sekali@127.0.0.1/db?sslmode=perhaps",
		"postgres://user:rahasia-sekali@[::1/db",
		"postgres:user:rahasia-sekali@127.0.0.1/db",
		"postgres://127.0.0.1:1/db?password=rahasia-sekali",
		"mysql://user:rahasia-sekali@127.0.0.1/db",
		"user=u password=rahasia-sekali host=127.0.0.1",
		password,
		"postgres://u:rah@sia/kuncine@localhost/db",
		"postgres://u:rah@sia@127.0.0.1:1/db",
		"postgres://u:1/kuncine@127.0.0.1/db",
		"postgres://u:1/kuncine?sia=x@127.0.0.1/db",
		"postgres://u:rah%40sia@127.0.0.1:1/kuncine%40x",
		"postgres://kuncine:rah%40sia@127.0.0.1:1/sia",
	} {
		t.Run(strconv.Itoa(i), func(t *testing.T) {
			t.Parallel()
			s := newSite(t, nil)
			s.UseDatabases(wrong, wrong)
			s.Set("LOG_LEVEL=DEBUG", "CONNECT_TIMEOUT=1s", "PORT=0", "SYNC_RETRY_TIME=0s")
			for _, command := range []string{"sync", "sync --json", "verify", "migrate", "doctor", "doctor --json", "serve"} {
				c := s.Begin(strings.Fields(command)...)
				timer := time.AfterFunc(3*time.Second, c.Cancel) // serve retries forever
				code := c.Wait()
				timer.Stop()
				printed := c.Out.String()
				if code != 1 && code != 2 && command != "serve" || !strings.Contains(printed, "LIFECYCLE_DATABASE_URL") && !strings.Contains(printed, "lifecycle_db") && !strings.Contains(printed, "pmo_db") {
					t.Errorf("%s: exit %d: %s", command, code, printed)
				}
				// The database of a valid URL, the default time zone and the test's folder are no secrets.
				printed = strings.NewReplacer("127.0.0.1:1/sia", "", "Asia/Jakarta", "").Replace(printed)
				for _, part := range []string{"rah", "sia", "kuncine"} {
					if strings.Contains(printed, part) {
						t.Errorf("%s printed a part of the password:\n%s", command, printed)
					}
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

// TestMain_PrintsNoRefusedPassword connects to a server, whose answer must not be printed either.
func TestMain_PrintsNoRefusedPassword(t *testing.T) {
	t.Parallel()
	s := newSite(t, testdb.Postgres)
	u, err := url.Parse(s.SourceURL)
	if err != nil {
		t.Fatal("the test server's URL is invalid")
	}
	u.User = url.UserPassword("nobody_"+password, password)
	s.UseDatabases(u.String(), u.String())
	for _, command := range []string{"sync", "doctor --json"} {
		e := s.runAs([]string{"LOG_LEVEL=DEBUG"}, strings.Fields(command)...)
		if e.code != 1 || strings.Contains(strings.ReplaceAll(e.stdout+e.stderr, "nobody_"+password, ""), password) {
			t.Errorf("%v: %s", command, e)
		}
	}
}
