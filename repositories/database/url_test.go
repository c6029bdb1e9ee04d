package database_test

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"strings"
	"testing"
	"time"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/database"
	"lifecycle-sync/test/kit/testdb"
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

func TestCheckURL_RefusesUnescapedPasswords(t *testing.T) {
	t.Parallel()
	for url, want := range map[string]string{
		"postgres://u:p%40ss@h/db":               "",
		"postgres://h/db?user=u%40server":        "",
		"file:data/pmo.db":                       "",
		"postgres://u:sec@ret/word@localhost/db": "config.database_url_unescaped",
		"postgres://u:sec@ret@localhost/db":      "config.database_url_unescaped",
		"postgres://u:12/word@localhost/db":      "config.database_url_unescaped",
		"postgres://u:p@h:port/db":               "config.database_url_invalid",
		"file:?x":                                "config.database_url_no_file",
		"":                                       "config.database_url_scheme",
	} {
		err := database.CheckURL("PMO_DATABASE_URL", url)
		if (err == nil) != (want == "") || err != nil && models.AsError(err).Text.Code != want {
			t.Errorf("%s: %v", url, err)
		}
		if _, opened := database.Open(url, database.Options{Name: "pmo_db"}); err != nil && models.AsError(opened).Class != models.Config {
			t.Errorf("%s is opened: %v", url, opened)
		}
	}
}

// TestConn_FailureHidesTheURL also from the log, and if the server's answer contains a part of it.
func TestConn_FailureHidesTheURL(t *testing.T) {
	t.Parallel()
	server := func(serve func(net.Conn)) string {
		return "postgres://kuncine:p@" + listen(t, serve) + "/kuncine?sslmode=require"
	}
	working := testdb.Postgres(t)
	missing, err := url.Parse(working)
	if err != nil {
		t.Fatal("the test server's URL is invalid")
	}
	missing.Path = "/kuncine"
	for _, c := range []struct {
		url, want string
		transient bool
	}{
		{"postgres://kuncine:p@127.0.0.1:1/kuncine", "refused", true},
		{"postgres://kuncine:p@kuncine.invalid/kuncine", "connection", true}, // the rest depends on the name server
		{"postgres://kuncine:p@localhost:1/db?host=/kuncine", "connection", true},
		{server(func(c net.Conn) { _, _ = c.Write([]byte("N")) }), "database.no_tls", false},
		{server(func(net.Conn) {}), "database.closed", true},
		{server(func(c net.Conn) { _, _ = c.Write([]byte("SHTTP/1.1 400 Bad Request\r\n\r\n")) }), "database.handshake", false},
		{missing.String(), "database.no_database", false},
		{working + "&kuncine=1", "database.url_refused database=pmo_db sqlstate=42704", false},
		{working + "&options=-kuncine", "database.url_refused", false},
	} {
		_, err := open(t, c.url).Conn(t.Context())
		e := models.AsError(err)
		if e == nil || e.Class != models.Connection || !strings.Contains(e.Error(), c.want) || e.Remedy == nil || e.Text.Params["database"] != "pmo_db" || e.Transient != c.transient {
			t.Fatalf("%q is not in %+v", c.want, e)
		}
		if text := fmt.Sprint(e, e.Cause); strings.Contains(text, "kuncine") {
			t.Errorf("a part of the URL is in %q", text)
		}
	}
}

// TestConn_TimesOutOnASilentServer distinguishes the connect timeout from the caller's.
func TestConn_TimesOutOnASilentServer(t *testing.T) {
	t.Parallel()
	silent := func(net.Conn) { <-t.Context().Done() }
	for _, mode := range []string{"disable", "prefer", "require"} {
		url := "postgres://kuncine:p@" + listen(t, silent) + "/kuncine?sslmode=" + mode
		for _, c := range []struct {
			connect, caller time.Duration
			cancel          bool
			class           models.Class
			want            string
		}{
			{100 * time.Millisecond, time.Minute, false, models.Connection, "database.no_answer database=pmo_db"},
			{time.Minute, 100 * time.Millisecond, false, models.Timeout, "error.timeout"},
			{time.Minute, 100 * time.Millisecond, true, models.Canceled, "canceled"},
		} {
			db := open(t, url, database.Options{MaxConns: 1, ConnectTimeout: c.connect})
			ctx, cancel := context.WithTimeout(t.Context(), c.caller)
			if c.cancel {
				ctx, cancel = context.WithCancel(t.Context())
				time.AfterFunc(c.caller, cancel)
			}
			defer cancel()
			if e := models.AsError(db.Translate(db.SQL.PingContext(ctx))); e == nil || e.Class != c.class || !strings.Contains(e.Error(), c.want) {
				t.Errorf("%s: %v, want %s", mode, e, c.class)
			}
		}
	}
}
