package database_test

import (
	"log/slog"
	"net/url"
	"strings"
	"testing"
	"time"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/database"
	"lifecycle-sync/repositories/database/databasetest"
)

func TestMaskURL(t *testing.T) {
	t.Parallel()
	for url, want := range map[string]string{
		"postgres://u:p%40ss@h:5433/db?sslmode=require":  "postgres://h:5433/db",
		"postgresql://u:p@[::1]:5433/db":                 "postgres://[::1]:5433/db",
		"postgres://h:5433/db?password=rahasia":          "postgres://h:5433/db",
		"postgres://u:sec@ret/word@localhost/db":         "***",
		"postgres://u:sec@ret@localhost/db":              "***",
		"postgres://u:12/word@localhost/db":              "***",
		"postgres://u:12/word?a=b@localhost/db":          "***",
		"postgres://u:word/x@localhost/db":               "***",
		"postgres://u:p@localhost:5433/word%40localhost": "***",
		"postgres://u:p@word%40localhost:5433/db":        "***",
		"postgres:u:p@localhost/db":                      "***",
		"postgres://localhost:port/db":                   "***",
		"user=u password=p host=localhost":               "***",
		"rahasia":                                        "***",
		"file:data/pmo.db?_pragma=key(rahasia)":          "file:data/pmo.db",
		"sqlite:///srv/pmo.db":                           "file:/srv/pmo.db",
		"file://u:rahasia@host/pmo.db":                   "***",
		"file:":                                          "***",
	} {
		if got := database.MaskURL(url); got != want {
			t.Errorf("%s is shown as %s, want %s", url, got, want)
		}
	}
}

// TestCheckURL refuses a password whose special characters are written as they are.
func TestCheckURL(t *testing.T) {
	t.Parallel()
	for url, want := range map[string]string{
		"postgres://u:p%40ss@h/db":               "",
		"postgres://h/db?user=u%40server":        "",
		"file:data/pmo.db":                       "",
		"postgres://u:sec@ret/word@localhost/db": "%40",
		"postgres://u:sec@ret@localhost/db":      "%40",
		"postgres://u:12/word@localhost/db":      "%2F",
		"postgres://u:p@h:port/db":               "cannot be read",
		"file:?x":                                "names no file",
		"":                                       "must begin with",
	} {
		err := database.CheckURL(url)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", url, err)
		}
		if _, opened := database.Open(url, database.Options{Name: "pmo_db", Log: slog.New(slog.DiscardHandler)}); err != nil && models.AsError(opened).Class != models.Config {
			t.Errorf("%s is opened: %v", url, opened)
		}
	}
}

// TestConnectCauses keeps everything that a URL says out of what is logged when a connection fails.
func TestConnectCauses(t *testing.T) {
	t.Parallel()
	for url, want := range map[string]string{
		"postgres://kuncine:p@127.0.0.1:1/kuncine":          "refused",
		"postgres://kuncine:p@kuncine.invalid/kuncine":      "connection", // a machine without a name server says otherwise
		"postgres://kuncine:p@localhost:1/db?host=/kuncine": "connection",
	} {
		noPart(t, url, models.Connection, want)
	}
}

// TestRefusedByServer has a server refuse, whose answers hold parts of the URL too.
func TestRefusedByServer(t *testing.T) {
	t.Parallel()
	server := databasetest.Postgres(t)
	for change, want := range map[string]struct {
		class models.Class
		words string
	}{
		"/kuncine":          {models.Connection, "does not exist"},
		"?kuncine=1":        {models.Connection, "42704"},
		"?options=-kuncine": {models.Connection, "parameters"},
		"?datestyle=kuncine&timezone=kuncine&sslmode=verify-full": {models.Connection, "TLS"},
	} {
		u, err := url.Parse(server)
		if err != nil {
			t.Fatal("the test server's URL is none")
		}
		if path, isPath := strings.CutPrefix(change, "/"); isPath {
			u.Path = "/" + path
		} else {
			u.RawQuery = u.RawQuery + "&" + change[1:]
		}
		noPart(t, u.String(), want.class, want.words)
	}
}

func noPart(t *testing.T, url string, class models.Class, want string) {
	t.Helper()
	db, err := database.Open(url, database.Options{Name: "pmo_db", MaxConns: 1, ConnectTimeout: 5 * time.Second, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	_, err = db.Conn(t.Context())
	e := models.AsError(err)
	if e == nil || e.Class != class || !strings.Contains(e.Error(), want) || !strings.Contains(e.Message, "pmo_db") {
		t.Fatalf("%s: %v", url, e)
	}
	if said := e.Error() + e.Cause.Error(); strings.Contains(said, "kuncine") {
		t.Errorf("%s: a part of the URL is in %q", url, said)
	}
}
