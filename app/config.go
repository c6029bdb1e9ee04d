package app

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"
	_ "time/tzdata" // TIMEZONE must be known on any machine

	"github.com/caarlos0/env/v11"
	"github.com/go-playground/validator/v10"
	"github.com/joho/godotenv"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/database"
	"lifecycle-sync/repositories/files"
	"lifecycle-sync/services/access"
)

// Config is every setting. Each is read from the environment, else from .env, else has the default
// given here; .env.example explains them.
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
	// Embedded says that neither database was configured: both are SQLite files under DataDir, and the
	// source is ours to fill with demonstration data.
	Embedded bool
}

// LoadConfig reads the settings. The environment wins over .env. Every problem is reported at once,
// without the value of any secret. Errors: configuration.
func LoadConfig(dotenv string, environ []string) (Config, error) {
	vars, err := godotenv.Read(dotenv)
	if errors.Is(err, fs.ErrNotExist) {
		vars, err = map[string]string{}, nil
	}
	if err != nil { // the parser's text may hold a part of a secret
		return Config{}, configError([]string{dotenv + " cannot be read: each line must be NAME=value, values with spaces in quotes"})
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
	problems = append(problems, validationProblems(cfg)...)
	problems = append(problems, cfg.crossChecks()...)
	if problems != nil {
		return Config{}, configError(problems)
	}
	if cfg.UploadsURL == "" {
		cfg.UploadsURL = "file:" + filepath.Join(cfg.DataDir, "uploads")
	}
	if cfg.Embedded {
		cfg.LifecycleURL = "file:" + filepath.Join(cfg.DataDir, "lifecycle.db")
		cfg.PMOURL = "file:" + filepath.Join(cfg.DataDir, "pmo.db")
	}
	return cfg, nil
}

func configError(problems []string) error {
	return &models.Error{Class: models.Config, LegacyMessage: "the configuration has mistakes: " + strings.Join(problems, "; "),
		LegacyRemedy: ".env.example explains every setting."}
}

// readSecretFiles replaces NAME_FILE by NAME with the file's content, for settings that are secret.
func readSecretFiles(vars map[string]string) (problems []string) {
	for _, name := range secretNames() {
		path := vars[name+"_FILE"]
		if path == "" {
			continue
		}
		content, err := os.ReadFile(path) //nolint:gosec // the operator names the file
		if err != nil {
			problems = append(problems, name+"_FILE: "+path+" cannot be read")
		}
		vars[name] = strings.TrimSpace(string(content))
	}
	return problems
}

// parseProblems names the settings that could not be read, without their values.
func parseProblems(err error) (problems []string) {
	all, ok := errors.AsType[env.AggregateError](err)
	if !ok {
		return []string{"a setting cannot be read"}
	}
	for _, one := range all.Errors {
		if parse, ok := errors.AsType[env.ParseError](one); ok {
			problems = append(problems, fmt.Sprintf("%s cannot be read as %s", nameOf(parse.Name), parse.Type))
		}
	}
	return problems
}

func validationProblems(cfg Config) (problems []string) {
	if wrong, ok := errors.AsType[validator.ValidationErrors](validator.New().Struct(cfg)); ok {
		for _, w := range wrong {
			field, _, _ := strings.Cut(w.StructField(), "[")
			problems = append(problems, strings.TrimSpace(fmt.Sprintf("%s must satisfy %s %s", nameOf(field), w.Tag(), w.Param())))
		}
	}
	return problems
}

// crossChecks holds settings against each other.
func (c Config) crossChecks() (problems []string) {
	if !c.Embedded {
		problems = append(problems, c.urlProblems()...)
	}
	if c.UploadsURL != "" {
		if err := files.CheckURL(c.UploadsURL); err != nil {
			problems = append(problems, "UPLOADS_URL "+err.Error())
		}
	}
	_, ofPlan := c.plan()
	problems = append(problems, ofPlan...)
	return append(problems, c.authProblems()...)
}

// authProblems are those of the settings that say who may call, and from where.
func (c Config) authProblems() (problems []string) {
	if c.JWTSecret != "" && c.JWKSURL != "" {
		problems = append(problems, "AUTH_JWT_SECRET and AUTH_JWKS_URL are both set: set the one that fits the tokens")
	}
	if c.JWTSecret != "" && len(c.JWTSecret) < access.MinSecret {
		problems = append(problems, fmt.Sprintf("AUTH_JWT_SECRET must be at least %d bytes: openssl rand -base64 48 makes one", access.MinSecret))
	}
	if ip := net.ParseIP(c.Host); !c.authenticates() && c.Host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		problems = append(problems, "HOST must be a loopback address, because without AUTH_JWT_SECRET or AUTH_JWKS_URL nobody is asked who they are")
	}
	return problems
}

// authenticates reports whether callers must say who they are; otherwise the server is in local mode.
func (c Config) authenticates() bool { return c.JWTSecret != "" || c.JWKSURL != "" }

// urlProblems are those of the databases' URLs, each of which is checked whatever the other is.
func (c Config) urlProblems() (problems []string) {
	if err := database.CheckURL(c.LifecycleURL); err != nil {
		problems = append(problems, "LIFECYCLE_DATABASE_URL "+err.Error())
	}
	if err := database.CheckURL(c.PMOURL); err != nil {
		problems = append(problems, "PMO_DATABASE_URL "+err.Error())
	}
	lifecycle, err := database.KindOf(c.LifecycleURL)
	if pmo, pmoErr := database.KindOf(c.PMOURL); err == nil && pmoErr == nil && lifecycle != pmo {
		problems = append(problems, "LIFECYCLE_DATABASE_URL and PMO_DATABASE_URL must both be PostgreSQL or both be SQLite")
	}
	return problems
}
