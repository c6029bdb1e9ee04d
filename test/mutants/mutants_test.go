// Package mutants breaks the engine and the console on purpose, one line at a time, and checks that a test fails: a suite
// that passes on broken code proves nothing.
package mutants

import (
	"context"
	"encoding/json"
	"flag"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"lifecycle-sync/test/kit"
)

var (
	sampleSize = flag.Int("mutants", 1, "the number of mutants to run; 0 runs all, including rare ones")
	sampleSeed = flag.Uint64("seed", 0, "the seed of the sample; 0 changes it daily")
)

// A mutant may make its tests hang, so a timeout counts as a failure.
const (
	timeout      = 40 * time.Second // for the tests of a mutant in a sample
	rareTimeout  = 4 * time.Minute  // when all mutants run
	rareAttempts = 3
	repo         = "../.."
)

// mutant is a change of the source code, as text, and the tests that must fail because of it.
type mutant struct {
	file, before, after string
	tests               string // a package
	run                 string // names of tests
	rare                bool   // the tests fail only if transactions happen to overlap: it runs, several times, when all mutants run
}

// TestMutants_Apply checks for every mutant that the text it replaces occurs exactly once, and that its tests exist.
func TestMutants_Apply(t *testing.T) {
	t.Parallel()
	for name, m := range mutants {
		text, err := os.ReadFile(filepath.Join(repo, m.file))
		if err != nil {
			t.Errorf("%s: %v", name, err)
		} else if n := strings.Count(string(text), m.before); n != 1 {
			t.Errorf("%s: the text to replace occurs %d times in %s: update the mutant", name, n, m.file)
		}
		if !m.hasTests() {
			t.Errorf("%s: %s has no test %s: update the mutant", name, m.tests, m.run)
		}
	}
}

// hasTests reports whether the package has a test of the name.
func (m mutant) hasTests() bool {
	wanted := regexp.MustCompile(`(?m)^func (` + m.run + `)\(`)
	paths, _ := filepath.Glob(filepath.Join(repo, m.tests, "*_test.go")) // the pattern is right
	return slices.ContainsFunc(paths, func(path string) bool {
		text, err := os.ReadFile(path)
		return err == nil && wanted.Match(text)
	})
}

// TestMutants_AreCaught builds a sample of the mutants and runs tests that must fail. A mutant that does not compile fails
// no test.
func TestMutants_AreCaught(t *testing.T) {
	t.Parallel()
	if os.Getenv("TEST_POSTGRES_URL") == "" {
		kit.Missing(t, "most mutants are caught on PostgreSQL only: set TEST_POSTGRES_URL or run make test")
	}
	for _, name := range sample(t) {
		t.Run(name, func(t *testing.T) {
			m := mutants[name]
			overlay := m.build(t)
			attempts, limit := 1, timeout
			if *sampleSize == 0 {
				limit = rareTimeout
			}
			if m.rare {
				attempts = rareAttempts
			}
			var out []byte
			var err error
			for ; attempts > 0 && err == nil; attempts-- {
				out, err = m.test(t, overlay, limit)
			}
			switch {
			case err == nil:
				t.Errorf("no test noticed the mutant:\n%s", out)
			case !strings.Contains(string(out), "--- FAIL") && !strings.Contains(string(out), "panic: test timed out"):
				t.Errorf("no test failed: %v\n%s", err, out)
			}
		})
	}
}

// sample returns the names of the mutants to run.
func sample(t *testing.T) []string {
	t.Helper()
	names := slices.Sorted(maps.Keys(mutants))
	if *sampleSize == 0 {
		return names
	}
	names = slices.DeleteFunc(names, func(name string) bool { return mutants[name].rare })
	seed := *sampleSeed
	if seed == 0 {
		seed = uint64(kit.Day())
	}
	t.Logf("sample: -mutants %d -seed %d", *sampleSize, seed)
	random := rand.New(rand.NewPCG(seed, 0))
	random.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
	return names[:min(*sampleSize, len(names))]
}

// build writes the mutated file and returns an overlay that has the compiler use it instead of the original.
func (m mutant) build(t *testing.T) (overlay string) {
	t.Helper()
	original, err := filepath.Abs(filepath.Join(repo, m.file))
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(original)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	mutated, overlay := filepath.Join(dir, "mutated.go"), filepath.Join(dir, "overlay.json")
	replace, err := json.Marshal(map[string]map[string]string{"Replace": {original: mutated}})
	if err != nil {
		t.Fatal(err)
	}
	for path, content := range map[string]string{mutated: strings.Replace(string(text), m.before, m.after, 1), overlay: string(replace)} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return overlay
}

// test runs the mutant's tests until one fails.
func (m mutant) test(t *testing.T, overlay string, limit time.Duration) (out []byte, err error) {
	t.Helper()
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), "go", "test", "-count=1", "-failfast", "-timeout", limit.String(), "-run", m.run, m.tests)
	cmd.Dir = repo
	cmd.Env = append(cmd.Environ(), "GOFLAGS="+strings.TrimSpace(os.Getenv("GOFLAGS")+" -overlay="+overlay)) // also for the binaries that tests build
	if m.rare || strings.HasPrefix(m.tests, "./test/") {                                                     // which may run only some cases today
		cmd.Env = append(cmd.Env, "TEST_LONG=1")
	}
	return cmd.CombinedOutput()
}
