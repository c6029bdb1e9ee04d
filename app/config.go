package app

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"path/filepath"
	"reflect"
	"time"
	_ "time/tzdata" // TIMEZONE must be known on any machine

	"github.com/caarlos0/env/v11"
	"github.com/joho/godotenv"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/database"
)

// Config holds every setting. Each comes from the environment, from .env, or is the default given here. .env.example
// explains them.
type Config struct {
	LifecycleURL       string        `env:"LIFECYCLE_DATABASE_URL" secret:"url"`
	PMOURL             string        `env:"PMO_DATABASE_URL" secret:"url"`
	DataDir            string        `env:"DATA_DIR" envDefault:"data" validate:"required"`
	Host               string        `env:"HOST" envDefault:"127.0.0.1" validate:"required"`
	Port               int           `env:"PORT" envDefault:"8080" validate:"min=0,max=65535"`
	LogLevel           slog.Level    `env:"LOG_LEVEL" envDefault:"INFO"`
	Timezone           string        `env:"TIMEZONE" envDefault:"Asia/Jakarta" validate:"timezone"`
	CORSOrigins        []string      `env:"CORS_ORIGINS" validate:"dive,http_url"`
	UploadsURL         string        `env:"UPLOADS_URL" secret:"url"`
	UploadFileLimit    int64         `env:"UPLOAD_FILE_LIMIT" envDefault:"10485760" validate:"min=1"`
	UploadFiles        int           `env:"UPLOAD_FILES" envDefault:"10" validate:"min=1,max=1000"`
	UploadRequestLimit int64         `env:"UPLOAD_REQUEST_LIMIT" envDefault:"26214400" validate:"min=1"`
	JWTSecret          string        `env:"AUTH_JWT_SECRET" secret:"true"`
	JWKSURL            string        `env:"AUTH_JWKS_URL" validate:"omitempty,http_url" secret:"true"`
	Issuer             string        `env:"AUTH_ISSUER"`
	Audience           string        `env:"AUTH_AUDIENCE"`
	AllowNoExpiry      bool          `env:"AUTH_ALLOW_NO_EXPIRY"`
	AdminRoles         []string      `env:"AUTH_ADMIN_ROLES" envDefault:"Admin,System Admin"`
	ManagerRoles       []string      `env:"AUTH_MANAGER_ROLES" envDefault:"Project Manager"`
	ReaderRoles        []string      `env:"AUTH_READER_ROLES" envDefault:"*"`
	WriteRate          int           `env:"RATE_LIMIT_WRITES" envDefault:"600" validate:"min=1"`
	SyncRate           int           `env:"RATE_LIMIT_SYNC" envDefault:"60" validate:"min=1"`
	Schedule           string        `env:"SYNC_SCHEDULE" envDefault:"0 * * * *"`
	FullSchedule       string        `env:"SYNC_FULL_SCHEDULE" envDefault:"0 2 * * *"`
	Realtime           bool          `env:"SYNC_REALTIME"`
	StaleAfter         time.Duration `env:"SYNC_STALE_AFTER" envDefault:"26h" validate:"min=1m"`
	AlertURL           string        `env:"ALERT_WEBHOOK_URL" validate:"omitempty,http_url" secret:"true"`
	AlertSecret        string        `env:"ALERT_WEBHOOK_SECRET" secret:"true"`
	AlertLag           time.Duration `env:"ALERT_LAG_LIMIT" envDefault:"5m" validate:"min=1s"`
	AlertQuarantine    int64         `env:"ALERT_QUARANTINE_GROWTH" envDefault:"10" validate:"min=1"`
	ConnectTimeout     time.Duration `env:"CONNECT_TIMEOUT" envDefault:"10s" validate:"min=1s"`
	NetworkTimeout     time.Duration `env:"NETWORK_TIMEOUT" envDefault:"30s" validate:"min=1s"`
	SyncTimeout        time.Duration `env:"SYNC_TIMEOUT" envDefault:"1h" validate:"min=1s"`
	SyncRetryTime      time.Duration `env:"SYNC_RETRY_TIME" envDefault:"1m" validate:"min=0"`
	ChangeLogRetention time.Duration `env:"CHANGE_LOG_RETENTION" envDefault:"2160h" validate:"min=1h"`
	// Embedded is true if neither database is configured: both are SQLite files in DataDir, and the source is filled
	// with demo data.
	Embedded bool
	// Zone is Timezone, loaded: the time zone of days, months and schedules.
	Zone *time.Location
}

// LoadConfig reads the settings. The environment wins over .env. All problems are reported at once, without the value
// of any secret. Errors: configuration.
func LoadConfig(dotenv string, environ []string) (Config, error) {
	vars, err := godotenv.Read(dotenv)
	if errors.Is(err, fs.ErrNotExist) {
		vars, err = map[string]string{}, nil
	}
	if err != nil { // the parser's text may contain a part of a secret
		return Config{}, models.NewError(models.Config, "config.dotenv_invalid", models.Params{"file": dotenv})
	}
	maps.Copy(vars, env.ToMap(environ))
	problems := readSecretFiles(vars)
	for name, value := range vars {
		if value == "" {
			delete(vars, name) // NAME= means the default
		}
	}
	var cfg Config
	if err := env.ParseWithOptions(&cfg, env.Options{Environment: vars}); err != nil {
		problems = append(problems, parseProblems(err)...)
	}
	cfg.Embedded = cfg.LifecycleURL == "" && cfg.PMOURL == ""
	problems = append(problems, cfg.problems()...)
	if problems != nil {
		return Config{}, &models.Error{Class: models.Config, Text: models.NewText("config.invalid", nil), Problems: problems,
			Remedy: models.NewRemedy("config.invalid_remedy", nil)}
	}
	cfg.fillURLs()
	cfg.Zone, err = time.LoadLocation(cfg.Timezone)
	return cfg, err
}

// fillURLs sets the URLs that depend on DataDir by default.
func (c *Config) fillURLs() {
	c.UploadsURL = cmp.Or(c.UploadsURL, "file:"+filepath.Join(c.DataDir, "uploads"))
	if c.Embedded {
		c.LifecycleURL = "file:" + filepath.Join(c.DataDir, "lifecycle.db")
		c.PMOURL = "file:" + filepath.Join(c.DataDir, "pmo.db")
	}
}

// authenticates reports whether callers need a token. Otherwise the server is in local mode.
func (c *Config) authenticates() bool { return c.JWTSecret != "" || c.JWKSURL != "" }

// settings lists the fields of Config that are read from the environment, with their tags.
func settings() (fields []reflect.StructField) {
	for _, f := range reflect.VisibleFields(reflect.TypeFor[Config]()) {
		if f.Tag.Get("env") != "" {
			fields = append(fields, f)
		}
	}
	return fields
}

// Changed lists the settings that differ from their defaults, for the log, as alternating names and values. Secrets
// are masked: of a database URL, host and name remain.
func (c *Config) Changed() (pairs []any) {
	defaults := Config{Embedded: c.Embedded}
	if err := env.ParseWithOptions(&defaults, env.Options{Environment: map[string]string{}}); err != nil {
		panic(err) // the defaults are constants
	}
	defaults.fillURLs()
	changed, unchanged := reflect.ValueOf(*c), reflect.ValueOf(defaults)
	for _, f := range settings() {
		value := changed.FieldByIndex(f.Index).Interface()
		if reflect.DeepEqual(value, unchanged.FieldByIndex(f.Index).Interface()) {
			continue
		}
		switch text := fmt.Sprint(value); {
		case f.Tag.Get("secret") == "url":
			value = database.MaskURL(text)
		case f.Tag.Get("secret") != "" && text != "":
			value = "***"
		}
		pairs = append(pairs, f.Tag.Get("env"), value)
	}
	return pairs
}
