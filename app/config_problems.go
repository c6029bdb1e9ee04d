package app

import (
	"errors"
	"net"
	"os"
	"reflect"
	"strings"

	"github.com/caarlos0/env/v11"
	"github.com/go-playground/validator/v10"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/database"
	"lifecycle-sync/repositories/files"
	"lifecycle-sync/services/access"
	"lifecycle-sync/services/schedule"
)

// settingProblem is what is wrong with a setting.
func settingProblem(code, setting string) models.Problem {
	return models.Problem{Text: models.NewText(code, models.Params{"setting": setting})}
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
			problem := settingProblem("config.file_unreadable", name+"_FILE")
			problem.Params["file"] = path
			problems = append(problems, problem)
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
		switch parse.Type.Kind() { //nolint:exhaustive // the kinds of settings
		case reflect.Bool:
			code = "config.boolean"
		case reflect.Int64:
			code = "config.duration"
			if parse.Type == reflect.TypeFor[int64]() {
				code = "config.whole_number"
			}
		case reflect.Int:
			if parse.Type == reflect.TypeFor[int]() {
				code = "config.whole_number"
			}
		}
		problems = append(problems, settingProblem(code, settingName(parse.Name)))
	}
	return problems
}

// settingName returns the setting of a field.
func settingName(field string) string {
	for _, f := range settings() {
		if f.Name == field {
			return f.Tag.Get("env")
		}
	}
	return field
}

// problems lists what is wrong with the values, and with combinations of them.
func (c *Config) problems() []models.Problem {
	problems := c.validationProblems()
	if !c.Embedded {
		problems = append(problems, c.databaseProblems()...)
	}
	if c.UploadsURL != "" {
		if e := models.AsError(files.CheckURL(c.UploadsURL)); e != nil {
			problems = append(problems, models.Problem{Text: e.Text})
		}
	}
	_, scheduleProblems := c.plan()
	return append(append(problems, scheduleProblems...), c.authProblems()...)
}

func (c *Config) validationProblems() (problems []models.Problem) {
	invalid, _ := errors.AsType[validator.ValidationErrors](validator.New().Struct(c))
	for _, f := range invalid {
		field, _, _ := strings.Cut(f.StructField(), "[")
		problem := settingProblem("config.required", settingName(field))
		switch f.Tag() {
		case "min":
			problem.Code = "config.too_small"
		case "max":
			problem.Code = "config.too_large"
		case "timezone":
			problem.Code = "config.timezone"
		case "http_url":
			problem.Code = "config.not_a_url"
		}
		problem.Params["limit"] = f.Param()
		problems = append(problems, problem)
	}
	return problems
}

func (c *Config) databaseProblems() (problems []models.Problem) {
	for _, err := range []error{
		database.CheckURL("LIFECYCLE_DATABASE_URL", c.LifecycleURL), database.CheckURL("PMO_DATABASE_URL", c.PMOURL),
	} {
		if e := models.AsError(err); e != nil {
			problems = append(problems, models.Problem{Text: e.Text})
		}
	}
	lifecycle, err := database.KindOf(c.LifecycleURL)
	if pmo, pmoErr := database.KindOf(c.PMOURL); err == nil && pmoErr == nil && lifecycle != pmo {
		problems = append(problems, models.Problem{Text: models.NewText("config.different_systems", nil)})
	}
	return problems
}

func (c *Config) authProblems() (problems []models.Problem) {
	if c.JWTSecret != "" && c.JWKSURL != "" {
		problems = append(problems, models.Problem{Text: models.NewText("config.auth_both", nil)})
	}
	if c.JWTSecret != "" && len(c.JWTSecret) < access.MinSecret {
		problem := settingProblem("config.secret_too_short", "AUTH_JWT_SECRET")
		problem.Params["min"] = access.MinSecret
		problem.Remedy = models.NewCommand("config.secret_too_short_remedy", nil, "openssl rand -base64 48")
		problems = append(problems, problem)
	}
	if ip := net.ParseIP(c.Host); !c.authenticates() && c.Host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		problems = append(problems, models.Problem{Text: models.NewText("config.host_not_loopback", nil)})
	}
	return problems
}

// plan is when runs are due, and what is wrong with the schedules.
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
			problem := settingProblem("config.schedule", s.name)
			problem.Params["example"], problem.Params["reason"] = s.example, models.AsError(err).Text
			problems = append(problems, problem)
		}
	}
	return p, problems
}
