package app

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"net"
	"os"
	"path/filepath"
	"reflect"
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
	"lifecycle-sync/services/schedule"
)

// Config holds every setting. Each comes from the environment, from .env, or is the default given here. .env.example
// explains them.
type Config struct {
	LifecycleURL       string        `env:"LIFECYCLE_DATABASE_URL" secret:"url"`
	PMOURL             string        `env:"PMO_DATABASE_URL" secret:"url"`
	LifecycleDirectURL string        `env:"LIFECYCLE_DIRECT_URL" secret:"url"`
	PMODirectURL       string        `env:"PMO_DIRECT_URL" secret:"url"`
	DataDir            string        `env:"DATA_DIR" envDefault:"data" validate:"required"`
	Host               string        `env:"HOST" envDefault:"127.0.0.1" validate:"required"`
	Port               int           `env:"PORT" envDefault:"8080" validate:"min=0,max=65535"`
	LogLevel           slog.Level    `env:"LOG_LEVEL" envDefault:"INFO"`
	Timezone           string        `env:"TIMEZONE" envDefault:"Asia/Jakarta" validate:"timezone"`
	Language           string        `env:"DEFAULT_LANGUAGE" envDefault:"id" validate:"oneof=id en"`
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
	ReadRate           int           `env:"RATE_LIMIT_READS" envDefault:"6000" validate:"min=1"`
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
		switch secret := f.Tag.Get("secret"); {
		case secret == "url":
			value = database.MaskURL(fmt.Sprint(value))
		case secret != "" && value != "":
			value = "***"
		}
		pairs = append(pairs, f.Tag.Get("env"), value)
	}
	return pairs
}

// settingProblem is a problem of a setting.
func settingProblem(code, setting string, params models.Params) models.Problem {
	all := models.Params{"setting": setting}
	maps.Copy(all, params)
	return models.Problem{Text: models.NewText(code, all)}
}

// readSecretFiles replaces NAME_FILE by NAME with the file's content, for secret settings.
func readSecretFiles(vars map[string]string) (problems []models.Problem) {
	for _, f := range settings() {
		name := f.Tag.Get("env")
		path := vars[name+"_FILE"]
		if f.Tag.Get("secret") == "" || path == "" {
			continue
		}
		content, err := os.ReadFile(path) //nolint:gosec // the operator names the file
		if err != nil {
			problems = append(problems, settingProblem("config.file_unreadable", name+"_FILE", models.Params{"file": path}))
		}
		vars[name] = strings.TrimSpace(string(content))
	}
	return problems
}

// parseProblems names the settings that could not be parsed, without their values.
func parseProblems(err error) (problems []models.Problem) {
	all, _ := errors.AsType[env.AggregateError](err)
	for _, one := range all.Errors {
		parse, ok := errors.AsType[env.ParseError](one)
		if !ok {
			continue
		}
		code := "config.log_level"
		switch parse.Type {
		case reflect.TypeFor[bool]():
			code = "config.boolean"
		case reflect.TypeFor[time.Duration]():
			code = "config.duration"
		case reflect.TypeFor[int](), reflect.TypeFor[int64]():
			code = "config.whole_number"
		}
		problems = append(problems, settingProblem(code, settingName(parse.Name), nil))
	}
	return problems
}

// settingName returns the setting of a field.
func settingName(field string) string {
	f, _ := reflect.TypeFor[Config]().FieldByName(field)
	return cmp.Or(f.Tag.Get("env"), field)
}

// problems lists what is wrong with the values, and with combinations of them.
func (c *Config) problems() []models.Problem {
	problems := c.validationProblems()
	addError := func(err error) {
		if e := models.AsError(err); e != nil {
			problems = append(problems, models.Problem{Text: e.Text})
		}
	}
	if !c.Embedded {
		addError(database.CheckURL("LIFECYCLE_DATABASE_URL", c.LifecycleURL))
		addError(database.CheckURL("PMO_DATABASE_URL", c.PMOURL))
		lifecycle, err := database.KindOf(c.LifecycleURL)
		if pmo, pmoErr := database.KindOf(c.PMOURL); err == nil && pmoErr == nil && lifecycle != pmo {
			problems = append(problems, models.Problem{Text: models.NewText("config.different_systems", nil)})
		}
	}
	for _, direct := range []struct{ setting, url, pool string }{
		{"LIFECYCLE_DIRECT_URL", c.LifecycleDirectURL, c.LifecycleURL}, {"PMO_DIRECT_URL", c.PMODirectURL, c.PMOURL},
	} {
		if direct.url == "" {
			continue
		}
		addError(database.CheckDirectURL(direct.setting, direct.url, direct.pool))
	}
	if c.UploadsURL != "" {
		addError(files.CheckURL(c.UploadsURL))
	}
	_, scheduleProblems := c.plan()
	return append(append(problems, scheduleProblems...), c.authProblems()...)
}

func (c *Config) validationProblems() (problems []models.Problem) {
	invalid, _ := errors.AsType[validator.ValidationErrors](validator.New().Struct(c))
	codes := map[string]string{"min": "config.too_small", "max": "config.too_large", "timezone": "config.timezone", "http_url": "config.not_a_url"}
	for _, f := range invalid {
		field, _, _ := strings.Cut(f.StructField(), "[")
		problems = append(problems, settingProblem(cmp.Or(codes[f.Tag()], "config.required"), settingName(field), models.Params{"limit": f.Param()}))
	}
	return problems
}

func (c *Config) authProblems() (problems []models.Problem) {
	if c.JWTSecret != "" && c.JWKSURL != "" {
		problems = append(problems, models.Problem{Text: models.NewText("config.auth_both", nil)})
	}
	if c.JWTSecret != "" && len(c.JWTSecret) < access.MinSecret {
		problem := settingProblem("config.secret_too_short", "AUTH_JWT_SECRET", models.Params{"min": access.MinSecret})
		problem.Remedy = models.NewCommand("config.secret_too_short_remedy", nil, "openssl rand -base64 48")
		problems = append(problems, problem)
	}
	if ip := net.ParseIP(c.Host); !c.authenticates() && c.Host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		problems = append(problems, models.Problem{Text: models.NewText("config.host_not_loopback", nil)})
	}
	return problems
}

// plan returns the schedules and their problems.
func (c *Config) plan() (p schedule.Plan, problems []models.Problem) {
	for _, s := range []struct {
		name, text, example string
		cron                *schedule.Cron
	}{
		{"SYNC_SCHEDULE", c.Schedule, "0 * * * *", &p.Incremental},
		{"SYNC_FULL_SCHEDULE", c.FullSchedule, "0 2 * * *", &p.Full},
	} {
		var err error
		if *s.cron, err = schedule.ParseCron(s.text); err != nil {
			problems = append(problems, settingProblem("config.schedule", s.name, models.Params{"example": s.example, "reason": models.AsError(err).Text}))
		}
	}
	return p, problems
}
