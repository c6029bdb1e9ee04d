// Package deploy_test checks the files that operators install.
package deploy_test

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/pmo/journal"
	"lifecycle-sync/services/cache"
	"lifecycle-sync/services/metrics"
	"lifecycle-sync/services/realtime"
	"lifecycle-sync/test/kit"
)

const rulesFile = "prometheus-rules.yml"

// everything is a mirror for which every metric has a value.
type everything struct{}

// SyncStatus implements metrics.Mirror.
func (everything) SyncStatus(context.Context) (journal.SyncStatus, error) {
	age, run := time.Hour, &models.Run{ID: 1, Mode: models.FullRun, State: models.Succeeded}
	return journal.SyncStatus{LastConclusive: run, LastSuccess: run, ProvedEqual: run, Verified: run, Age: &age}, nil
}

// The parts of an expression that are not names of metrics: matchers, groupings, ranges and functions.
var (
	matchers  = regexp.MustCompile(`(\w+)\{([^}]*)\}`)
	grouping  = regexp.MustCompile(`\b(by|on|without|ignoring) *\([^)]*\)`)
	span      = regexp.MustCompile(`\[\w+\]`)
	word      = regexp.MustCompile(`[a-zA-Z_:][\w:]*`)
	functions = []string{"min", "max", "sum", "increase", "min_over_time", "unless"}
)

func TestPrometheusRules_UseOnlyExposedMetrics(t *testing.T) {
	t.Parallel()
	content, err := os.ReadFile(rulesFile)
	if err != nil {
		t.Fatal(err)
	}
	var r struct {
		Groups []struct {
			Name  string
			Rules []struct {
				Alert, Expr, For    string
				Labels, Annotations map[string]string
			}
		}
	}
	decoder := yaml.NewDecoder(bytes.NewReader(content))
	decoder.KnownFields(true)
	if err := decoder.Decode(&r); err != nil {
		t.Fatal(err)
	}
	m := metrics.New(everything{}, func() cache.Stats { return cache.Stats{} }, func() metrics.RealTime { return metrics.RealTime{Lag: new(time.Duration), Retained: new(int64)} })
	m.RealTimeState(realtime.Following)
	var text bytes.Buffer
	if err := m.Write(&text); err != nil {
		t.Fatal(err)
	}
	names := []string{"up"}
	for _, match := range regexp.MustCompile(`(?m)^# TYPE (\w+) `).FindAllStringSubmatch(text.String(), -1) {
		names = append(names, match[1])
	}
	checked := 0
	for _, group := range r.Groups {
		for _, rule := range group.Rules {
			for _, match := range matchers.FindAllStringSubmatch(rule.Expr, -1) {
				for _, label := range word.FindAllString(regexp.MustCompile(`"[^"]*"`).ReplaceAllString(match[2], ""), -1) {
					if label != "job" && !regexp.MustCompile(`(?m)^`+match[1]+`\{[^}]*\b`+label+`="`).Match(text.Bytes()) {
						t.Errorf("%s: %s has no label %s", rule.Alert, match[1], label)
					}
				}
			}
			bare := span.ReplaceAllString(grouping.ReplaceAllString(matchers.ReplaceAllString(rule.Expr, "$1"), ""), "")
			for _, name := range word.FindAllString(bare, -1) {
				if !slices.Contains(functions, name) && !slices.Contains(names, name) {
					t.Errorf("%s: %s is not in /metrics", rule.Alert, name)
				}
				checked++
			}
			if rule.Annotations["summary"] == "" || rule.Annotations["description"] == "" || rule.Labels["severity"] == "" {
				t.Errorf("%s lacks a summary, description or severity", rule.Alert)
			}
		}
	}
	if checked < 9 {
		t.Errorf("only %d names were checked", checked)
	}
}

// tool is where a program is that checks what is deployed. Without it the test is skipped, and fails in CI.
func tool(t *testing.T, name, debian string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		kit.Missing(t, "no "+name+" (Debian's package "+debian+")")
	}
	return path
}

// TestRulesByPrometheus lets Prometheus' own tool check the rules.
func TestRulesByPrometheus(t *testing.T) {
	t.Parallel()
	promtool := tool(t, "promtool", "prometheus")
	if out, err := exec.Command(promtool, "check", "rules", rulesFile).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// TestUnits lets systemd check the units: it complains of words that it does not know, too.
func TestUnits(t *testing.T) {
	t.Parallel()
	analyze := tool(t, "systemd-analyze", "systemd")
	units, err := filepath.Glob("lifecycle-sync*.*")
	if err != nil || len(units) != 3 {
		t.Fatalf("%v, %v", units, err)
	}
	dir := t.TempDir()
	args := []string{"verify", "--man=no"}
	for _, unit := range units {
		content, err := os.ReadFile(unit)
		if err != nil {
			t.Fatal(err)
		}
		there := strings.ReplaceAll(string(content), "/usr/local/bin/lifecycle-sync", "/bin/true") // systemd looks for it
		path := filepath.Join(dir, unit)
		if err := os.WriteFile(path, []byte(there), 0o600); err != nil {
			t.Fatal(err)
		}
		args = append(args, path)
	}
	if out, err := exec.Command(analyze, args...).CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("%v\n%s", err, out)
	}
}

// TestContainers_ArePinnedLimitedAndChecked reads Dockerfile and compose.yaml.
func TestContainers_ArePinnedLimitedAndChecked(t *testing.T) {
	t.Parallel()
	dockerfile, err := os.ReadFile("../Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	pinned := regexp.MustCompile(`^(golang:\d+\.|postgres:)\d+\.\d+-[a-z]+$`)
	for _, from := range regexp.MustCompile(`(?m)^FROM (\S+)`).FindAllStringSubmatch(string(dockerfile), -1) {
		if from[1] != "scratch" && !pinned.MatchString(from[1]) {
			t.Errorf("Dockerfile: %s is not an exact version", from[1])
		}
	}
	if !bytes.Contains(dockerfile, []byte(`CMD ["/lifecycle-sync", "health"]`)) {
		t.Error("Dockerfile: no health check")
	}
	content, err := os.ReadFile("../compose.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var compose struct {
		Services map[string]struct {
			Image, Build string
			MemLimit     string `yaml:"mem_limit"`
			PIDsLimit    int    `yaml:"pids_limit"`
			Healthcheck  struct{ Test []string }
			Ulimits      struct{ NoFile int }
		}
	}
	if err := yaml.Unmarshal(content, &compose); err != nil || len(compose.Services) != 2 {
		t.Fatalf("%+v, %v", compose, err)
	}
	for name, service := range compose.Services {
		ours := service.Build != "" // its health check is in Dockerfile
		if !ours && (!pinned.MatchString(service.Image) || !slices.Contains(service.Healthcheck.Test, "pg_isready")) || ours && service.Ulimits.NoFile == 0 ||
			service.MemLimit == "" || service.PIDsLimit == 0 {
			t.Errorf("%s: %+v", name, service)
		}
	}
}

// TestUnits_LimitResources reads what the services may use.
func TestUnits_LimitResources(t *testing.T) {
	t.Parallel()
	services, err := filepath.Glob("*.service")
	if err != nil || len(services) != 2 {
		t.Fatalf("%v, %v", services, err)
	}
	for _, path := range services {
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, setting := range []string{"MemoryMax", "TasksMax", "LimitNOFILE", "UMask"} {
			if !bytes.Contains(content, []byte("\n"+setting+"=")) {
				t.Errorf("%s has no %s", path, setting)
			}
		}
	}
}
