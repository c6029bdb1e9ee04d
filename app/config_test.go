package app_test

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"lifecycle-sync/app"
	"lifecycle-sync/models"
	"lifecycle-sync/web/messages"
)

var english = messages.New().Printer(messages.English, time.UTC)

// dotenv writes a file.
func dotenv(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), ".env")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestLoadConfig_Defaults(t *testing.T) {
	t.Parallel()
	cfg, err := app.LoadConfig(filepath.Join(t.TempDir(), "none"), []string{"PORT="})
	if err != nil || !cfg.Embedded || cfg.Port != 8080 || cfg.Host != "127.0.0.1" || cfg.LifecycleURL != "file:"+filepath.Join("data", "lifecycle.db") || cfg.PMOURL != "file:"+filepath.Join("data", "pmo.db") {
		t.Errorf("%+v, %v", cfg, err)
	}
}

func TestLoadConfig_EnvironmentWinsOverDotenv(t *testing.T) {
	t.Parallel()
	path := dotenv(t, "PORT=1\nDATA_DIR='from file'\nSYNC_SCHEDULE=*/5 * * * * # as in a crontab\nSYNC_FULL_SCHEDULE=off\nLIFECYCLE_DATABASE_URL=postgres://a\nPMO_DATABASE_URL=postgres://b\n")
	cfg, err := app.LoadConfig(path, []string{"PORT=2", "PMO_DATABASE_URL=postgresql://c"})
	if err != nil || cfg.Port != 2 || cfg.DataDir != "from file" || cfg.Schedule != "*/5 * * * *" || cfg.FullSchedule != "off" || cfg.LifecycleURL != "postgres://a" || cfg.PMOURL != "postgresql://c" || cfg.Embedded {
		t.Errorf("%+v, %v", cfg, err)
	}
}

func TestLoadConfig_ReportsAllProblemsWithoutSecrets(t *testing.T) {
	t.Parallel()
	_, err := app.LoadConfig(dotenv(t, "HOST=0.0.0.0\n"), []string{
		"PORT=eighty", "SYNC_TIMEOUT=soon", "CONNECT_TIMEOUT=1ms", "LOG_LEVEL=LOUD", "CORS_ORIGINS=nonsense",
		"LIFECYCLE_DATABASE_URL=mysql://user:rahasia@host", "PMO_DATABASE_URL_FILE=/no/such/file",
		"UPLOADS_URL=s3://key:rahasia/x@host/bucket", "SYNC_SCHEDULE=TZ=0", "SYNC_FULL_SCHEDULE=0 0 31 2 *",
		"ALERT_WEBHOOK_URL=rahasia.example/hook", "ALERT_LAG_LIMIT=0s", "ALERT_QUARANTINE_GROWTH=0",
	})
	e := models.AsError(err)
	if e == nil || e.Class != models.Config {
		t.Fatalf("%v", err)
	}
	for _, name := range []string{"HOST", "PORT", "SYNC_TIMEOUT", "CONNECT_TIMEOUT", "LOG_LEVEL", "CORS_ORIGINS", "LIFECYCLE_DATABASE_URL", "PMO_DATABASE_URL_FILE", "UPLOADS_URL",
		"ALERT_WEBHOOK_URL", "ALERT_LAG_LIMIT", "ALERT_QUARANTINE_GROWTH", "SYNC_SCHEDULE", "SYNC_FULL_SCHEDULE"} {
		names := func(p models.Problem) bool {
			return p.Params["setting"] == name || strings.HasPrefix(english.Problem(p), name+" ")
		}
		if !slices.ContainsFunc(e.Problems, names) {
			t.Errorf("%s is not in %q", name, english.Message(e))
		}
	}
	if text := english.Error(e); strings.Contains(text, "rahasia") || strings.Contains(text, "–") {
		t.Errorf("the password is in %q, or a parameter is missing", text)
	}
	if _, err := app.LoadConfig(dotenv(t, "PORT 'rahasia\n"), nil); err == nil || strings.Contains(err.Error(), "rahasia") {
		t.Errorf("a .env that cannot be read: %v", err)
	}
	for _, one := range [][]string{{"LIFECYCLE_DATABASE_URL=postgres://a"}, {"LIFECYCLE_DATABASE_URL=postgres://a", "PMO_DATABASE_URL=file:b"}} {
		if _, err := app.LoadConfig("none", one); err == nil {
			t.Errorf("%v is accepted", one)
		}
	}
}

func TestLoadConfig_ReadsSecretsFromFiles(t *testing.T) {
	t.Parallel()
	database, hook := dotenv(t, "postgres://u:rahasia@h/db\n"), dotenv(t, "https://hooks.example.com/rahasia\n")
	cfg, err := app.LoadConfig("none", []string{"LIFECYCLE_DATABASE_URL_FILE=" + database, "PMO_DATABASE_URL_FILE=" + database,
		"ALERT_WEBHOOK_URL_FILE=" + hook, "ALERT_WEBHOOK_SECRET_FILE=" + hook})
	if err != nil || cfg.LifecycleURL != "postgres://u:rahasia@h/db" || cfg.PMOURL != cfg.LifecycleURL ||
		cfg.AlertURL != "https://hooks.example.com/rahasia" || cfg.AlertSecret != cfg.AlertURL {
		t.Errorf("%v", err)
	}
	masked := fmt.Sprint(cfg.Changed()...)
	if strings.Contains(masked, "rahasia") || !strings.Contains(masked, "postgres://h:5432/db") {
		t.Errorf("masked: %s", masked)
	}
}

var settingLine = regexp.MustCompile(`(?m)^#? ?([A-Z][A-Z0-9_]+)=(.*)$`)

func TestEnvExample_ListsEverySettingWithItsDefault(t *testing.T) {
	t.Parallel()
	content, err := os.ReadFile("../.env.example")
	if err != nil {
		t.Fatal(err)
	}
	var inFile, inConfig []string
	values := map[string]string{}
	for _, match := range settingLine.FindAllStringSubmatch(string(content), -1) {
		inFile, values[match[1]] = append(inFile, match[1]), match[2]
	}
	for _, f := range reflect.VisibleFields(reflect.TypeFor[app.Config]()) {
		name, byDefault := f.Tag.Get("env"), f.Tag.Get("envDefault")
		if name == "" {
			continue
		}
		inConfig = append(inConfig, name)
		if byDefault != "" && values[name] != byDefault {
			t.Errorf("%s=%s, the default is %s", name, values[name], byDefault)
		}
	}
	slices.Sort(inFile)
	slices.Sort(inConfig)
	if !slices.Equal(inFile, inConfig) {
		t.Errorf(".env.example has\n%v\nthe settings are\n%v", inFile, inConfig)
	}
}

// TestLoadConfig_NamesWhatIsWrong, and no part of a secret.
func TestLoadConfig_NamesWhatIsWrong(t *testing.T) {
	t.Parallel()
	secret := "AUTH_JWT_SECRET=" + strings.Repeat("rahasia.", 4)
	const jwks = "AUTH_JWKS_URL=https://id.example.com/keys"
	for environ, names := range map[string]string{
		"": "", "HOST=::1": "", "HOST=localhost": "", "HOST=127.8.9.1": "", secret: "", jwks: "", secret + " HOST=0.0.0.0": "", jwks + " HOST=::": "", secret + " HOST=pmo.internal": "",
		"HOST=0.0.0.0": "HOST", "HOST=::": "HOST", "HOST=192.168.0.1": "HOST", "HOST=localhost.evil.example": "HOST", "HOST=0.0.0.0 AUTH_JWT_SECRET=": "HOST",
		"HOST=0.0.0.0 AUTH_ISSUER=x AUTH_ALLOW_NO_EXPIRY=true": "AUTH_JWT_SECRET or AUTH_JWKS_URL",
		secret + " " + jwks: "AUTH_JWT_SECRET and AUTH_JWKS_URL", "AUTH_JWT_SECRET=rahasia": "at least 32 bytes", "AUTH_JWT_SECRET=rahasia HOST=0.0.0.0": "AUTH_JWT_SECRET",
		"AUTH_JWKS_URL=file:///rahasia": "AUTH_JWKS_URL", "AUTH_JWKS_URL=rahasia": "AUTH_JWKS_URL", "AUTH_ALLOW_NO_EXPIRY=rahasia": "AUTH_ALLOW_NO_EXPIRY",
		"AUTH_JWT_SECRET_FILE=/no/such/file HOST=0.0.0.0": "AUTH_JWT_SECRET_FILE",
		"ALERT_WEBHOOK_URL=rahasia":                       "ALERT_WEBHOOK_URL", "ALERT_WEBHOOK_URL=//rahasia": "ALERT_WEBHOOK_URL", "ALERT_WEBHOOK_URL=ftp://rahasia": "ALERT_WEBHOOK_URL",
		"ALERT_WEBHOOK_URL=file:///rahasia": "ALERT_WEBHOOK_URL", "ALERT_WEBHOOK_URL=https://": "ALERT_WEBHOOK_URL", "ALERT_WEBHOOK_URL=https:rahasia": "ALERT_WEBHOOK_URL",
		"ALERT_WEBHOOK_URL=javascript:rahasia": "ALERT_WEBHOOK_URL",
		"LIFECYCLE_DATABASE_URL=postgres://u:rahasia/x@h/db PMO_DATABASE_URL=postgres://u:rahasia@h:port/db PORT=x": "LIFECYCLE_DATABASE_URL, PMO_DATABASE_URL, PORT",
		"LIFECYCLE_DATABASE_URL=file: PMO_DATABASE_URL=sqlite://?rahasia PORT=x":                                    "LIFECYCLE_DATABASE_URL, PMO_DATABASE_URL, PORT",
		"LIFECYCLE_DATABASE_URL=postgres://u:rahasia%zz@h/db PMO_DATABASE_URL=file:?rahasia PORT=x":                 "LIFECYCLE_DATABASE_URL, PMO_DATABASE_URL, PORT",
	} {
		_, err := app.LoadConfig("none", strings.Fields(environ))
		if names == "" {
			if err != nil {
				t.Errorf("%s: %v", environ, err)
			}
			continue
		}
		e := models.AsError(err)
		if e == nil || e.Class != models.Config {
			t.Fatalf("%s: %v", environ, err)
		}
		for name := range strings.SplitSeq(names, ", ") {
			if text := english.Error(e); !strings.Contains(text, name) || strings.Contains(text, "rahasia") {
				t.Errorf("%s: %q does not name %s, or names the secret", environ, text, name)
			}
		}
	}
}

func TestConfig_ChangedMasksSecrets(t *testing.T) {
	t.Parallel()
	for _, secret := range []string{"rahasia", "file:rahasia", "sqlite:rahasia", "postgres://rahasia/rahasia", "https://u:rahasia@id.example.com"} {
		cfg := app.Config{JWTSecret: secret, JWKSURL: secret, AlertURL: secret, AlertSecret: secret, UploadsURL: "s3://key:" + secret + "@host/bucket"}
		if masked := fmt.Sprint(cfg.Changed()...); strings.Contains(masked, "rahasia") || !strings.Contains(masked, "AUTH_JWT_SECRET") {
			t.Errorf("masked: %s", masked)
		}
	}
}

func TestConfig_ChangedListsOnlyWhatDiffersFromTheDefaults(t *testing.T) {
	t.Parallel()
	for want, environ := range map[string][]string{
		"[]":                           nil,
		"[UPLOADS_URL file:elsewhere]": {"PORT=8080", "SYNC_TIMEOUT=60m", "UPLOADS_URL=file:elsewhere"},
	} {
		cfg, err := app.LoadConfig("none", environ)
		if err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprint(cfg.Changed()); got != want {
			t.Errorf("%v: %s, want %s", environ, got, want)
		}
	}
}
