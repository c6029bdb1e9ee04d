package database

import (
	"errors"
	"net"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"

	"lifecycle-sync/models"
)

// KindOf returns the database system of a URL.
func KindOf(url string) (Kind, error) {
	scheme, _, _ := strings.Cut(url, ":")
	switch scheme {
	case "postgres", "postgresql":
		return Postgres, nil
	case "file", "sqlite":
		return SQLite, nil
	default:
		return "", errors.New("unknown URL scheme")
	}
}

// CheckURL checks the database URL of a setting. Errors: configuration, without any part of the URL.
func CheckURL(setting, url string) error {
	kind, err := KindOf(url)
	switch {
	case err != nil:
		return models.NewError(models.Config, "config.database_url_scheme", models.Params{"setting": setting})
	case kind == Postgres:
		_, err = parsePostgres(setting, url)
		return err
	case sqlitePath(url) == "":
		return models.NewError(models.Config, "config.database_url_no_file", models.Params{"setting": setting})
	default:
		return nil
	}
}

// CheckDirectURL checks the setting of a URL that bypasses the pooler of another URL. Errors: as CheckURL.
func CheckDirectURL(setting, url, pooled string) error {
	if err := CheckURL(setting, url); err != nil {
		return err
	}
	for _, u := range []string{url, pooled} {
		if kind, _ := KindOf(u); kind != Postgres {
			return models.NewError(models.Config, "config.direct_needs_postgres", models.Params{"setting": setting})
		}
	}
	return nil
}

// parsePostgres parses a URL. It hides pgx's error, which may contain parts of the password. Errors: configuration.
func parsePostgres(setting, url string) (*pgx.ConnConfig, error) {
	if hasUnescapedAt(url) {
		return nil, models.NewError(models.Config, "config.database_url_unescaped", models.Params{"setting": setting})
	}
	cfg, err := pgx.ParseConfig(url)
	if err != nil {
		return nil, models.NewError(models.Config, "config.database_url_invalid", models.Params{"setting": setting})
	}
	return cfg, nil
}

// hasUnescapedAt reports an @ other than the one after user name and password. Then a part of the password is parsed as
// the host, the port or the database: of u:sec@ret/word@host/db, ret and word@host/db.
func hasUnescapedAt(url string) bool {
	_, rest, _ := strings.Cut(url, "://")
	authority, path, _ := strings.Cut(rest, "/")
	return strings.Count(authority, "@") > 1 || strings.Contains(path, "@")
}

// MaskURL returns the parts of a URL that are not secret: the file, or host, port and database.
func MaskURL(url string) string {
	shown := "file:" + sqlitePath(url)
	if kind, _ := KindOf(url); kind == Postgres {
		if cfg, err := parsePostgres("", url); err == nil {
			shown = "postgres://" + net.JoinHostPort(cfg.Host, strconv.Itoa(int(cfg.Port))) + "/" + cfg.Database
		}
	}
	if CheckURL("", url) != nil || strings.Contains(shown, "@") {
		return "***"
	}
	return shown
}

// sqlitePath is the file that a URL names.
func sqlitePath(url string) string {
	path := strings.TrimPrefix(strings.TrimPrefix(strings.TrimPrefix(url, "sqlite:"), "file:"), "//")
	path, _, _ = strings.Cut(path, "?")
	return path
}
