package main

import (
	"cmp"
	"context"
	"errors"
	"net"
	"net/url"
	"os/exec"
	"strings"

	"github.com/jackc/pgx/v5"
)

// server is the PostgreSQL server of all databases.
type server struct{ base url.URL }

// givenServer is the server that the environment names, by URL or, under pg_virtualenv, by libpq's variables; nil for none.
// Errors contain no part of a URL, because of its password.
func givenServer(getenv func(string) string) (*server, error) {
	text := cmp.Or(getenv("BENCH_POSTGRES_URL"), getenv("TEST_POSTGRES_URL"))
	if text == "" && getenv(virtualenvMark) != "" {
		// TLS on loopback would only slow down both sides.
		return &server{url.URL{Scheme: "postgres", User: url.UserPassword(getenv("PGUSER"), getenv("PGPASSWORD")),
			Host: net.JoinHostPort(getenv("PGHOST"), getenv("PGPORT")), RawQuery: "sslmode=disable"}}, nil
	}
	if text == "" {
		return nil, nil //nolint:nilnil // none is not an error: one is started then
	}
	base, err := url.Parse(text)
	if err != nil || !strings.HasPrefix(base.Scheme, "postgres") {
		return nil, errors.New("BENCH_POSTGRES_URL or TEST_POSTGRES_URL is not a postgres:// URL")
	}
	return &server{*base}, nil
}

// URL is the URL of one database.
func (s *server) URL(database string) string {
	u := s.base
	u.Path = "/" + database
	return u.String()
}

// exec runs one statement in a database, on a connection of its own.
func (s *server) exec(ctx context.Context, database, statement string, args ...any) error {
	conn, err := pgx.Connect(ctx, s.URL(database))
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }() // nothing to flush
	_, err = conn.Exec(ctx, statement, args...)
	return err
}

// text reads one value.
func (s *server) text(ctx context.Context, database, query string) (value string, err error) {
	conn, err := pgx.Connect(ctx, s.URL(database))
	if err != nil {
		return "", err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }() // nothing to flush
	err = conn.QueryRow(ctx, query).Scan(&value)
	return value, err
}

// psql is a psql command on a database that stops at the first error. The password is passed in the environment, which other
// users cannot see.
func (s *server) psql(ctx context.Context, database string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "psql", append([]string{"-X", "-q", "-v", "ON_ERROR_STOP=1"}, args...)...)
	password, _ := s.base.User.Password()
	settings := []string{"PGHOST=" + s.base.Hostname(), "PGPORT=" + cmp.Or(s.base.Port(), "5432"),
		"PGUSER=" + s.base.User.Username(), "PGPASSWORD=" + password, "PGDATABASE=" + database}
	if mode := s.base.Query().Get("sslmode"); mode != "" {
		settings = append(settings, "PGSSLMODE="+mode)
	}
	cmd.Env = append(cmd.Environ(), settings...)
	return cmd
}
