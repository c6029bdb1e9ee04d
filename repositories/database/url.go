package database

import (
	"errors"
	"net"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
)

// KindOf tells from a URL which system it speaks of.
func KindOf(url string) (Kind, error) {
	scheme, _, _ := strings.Cut(url, ":")
	switch scheme {
	case "postgres", "postgresql":
		return Postgres, nil
	case "file", "sqlite":
		return SQLite, nil
	default:
		return "", errors.New("must begin with postgres:// (PostgreSQL) or file: (an SQLite file)")
	}
}

// CheckURL says what is wrong with a URL, as the rest of a sentence that begins with the setting's
// name. It says no part of the URL.
func CheckURL(url string) error {
	kind, err := KindOf(url)
	if err == nil && kind == Postgres {
		_, err = parsePostgres(url)
	}
	if err == nil && kind == SQLite && sqlitePath(url) == "" {
		err = errors.New("names no file")
	}
	return err
}

// parsePostgres reads a URL. Errors are those of CheckURL: pgx's own text may hold parts of the
// password.
func parsePostgres(url string) (*pgx.ConnConfig, error) {
	if astray(url) {
		return nil, errors.New("holds an @ that does not stand between password and host: write @ in a password as %40, and / as %2F")
	}
	cfg, err := pgx.ParseConfig(url)
	if err != nil {
		return nil, errors.New("cannot be read: it looks like postgres://user:password@host:5432/database?sslmode=require, " +
			"with special characters in the password written as %40 and the like")
	}
	return cfg, nil
}

// astray reports an @ other than the one that ends user name and password. Then a part of the password
// passes for the host, the port or the database: of u:sec@ret/word@host/db, ret and word@host/db.
func astray(url string) bool {
	_, rest, _ := strings.Cut(url, "://")
	authority, behind, _ := strings.Cut(rest, "/")
	return strings.Count(authority, "@") > 1 || strings.Contains(behind, "@")
}

// MaskURL is what may be seen of a URL: the file, or the host, port and database where it is certain
// that they are that.
func MaskURL(url string) string {
	const nothing = "***"
	if CheckURL(url) != nil {
		return nothing
	}
	shown := "file:" + sqlitePath(url)
	if kind, _ := KindOf(url); kind == Postgres {
		cfg, err := parsePostgres(url)
		if err != nil {
			return nothing
		}
		shown = "postgres://" + net.JoinHostPort(cfg.Host, strconv.Itoa(int(cfg.Port))) + "/" + cfg.Database
	}
	if strings.Contains(shown, "@") {
		return nothing
	}
	return shown
}

// sqlitePath is the file that a URL names.
func sqlitePath(url string) string {
	path := strings.TrimPrefix(strings.TrimPrefix(strings.TrimPrefix(url, "sqlite:"), "file:"), "//")
	path, _, _ = strings.Cut(path, "?")
	return path
}
