// Package mutants breaks the engine and the console on purpose, in one place at a time, and holds the test suite to
// finding it: a suite that lets what is broken pass proves nothing.
package mutants

import (
	"context"
	"encoding/json"
	"flag"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

var (
	mutantsTried = flag.Int("mutants", 3, "how many of the mutants are tried; 0 is all")
	mutantsSeed  = flag.Uint64("seed", 2, "which of them")
)

// mostTime bounds the tests of one mutant: one that makes them hang is found, too.
const mostTime = 4 * time.Minute

// mostTries is how often the tests of a mutant run until one fails. Some break only what others commit at the same
// time, and on a server that is shared with other tests, whose transactions are older, that is not seen every time.
const mostTries = 3

// mutant is a change of the source code, as text, and where the test stands that must notice it.
type mutant struct {
	file, before, after string
	tests               string // packages
	run                 string // names of tests
}

// TestEveryMutantIsCaught builds each mutant and runs tests that must fail. Not to compile is no failure of a
// test.
func TestEveryMutantIsCaught(t *testing.T) {
	t.Parallel()
	if os.Getenv("TEST_POSTGRES_URL") == "" && os.Getenv("CI") == "" {
		t.Skip("SKIPPED: no PostgreSQL, without which most mutants cannot be caught: set TEST_POSTGRES_URL or run make test")
	}
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	names := chosen()
	for _, name := range names {
		m, ok := mutants[name]
		if !ok {
			t.Fatalf("there is no mutant %q", name)
		}
		t.Run(name, func(t *testing.T) {
			overlay := m.build(t, root)
			if out, err := m.goCommand(t, root, overlay, "vet").CombinedOutput(); err != nil {
				t.Fatalf("the mutant does not compile: %v\n%s", err, out)
			}
			var out []byte
			var err error
			for range mostTries {
				if out, err = m.goCommand(t, root, overlay, "test", "-count=1", "-timeout", mostTime.String(), "-run", m.run).CombinedOutput(); err != nil {
					break
				}
			}
			switch {
			case err == nil:
				t.Errorf("nothing noticed the mutant:\n%s", out)
			case !strings.Contains(string(out), "--- FAIL") && !strings.Contains(string(out), "panic: test timed out"):
				t.Errorf("no test failed: %v\n%s", err, out)
			}
		})
	}
}

// chosen are the names of the mutants to try.
func chosen() (names []string) {
	for name := range mutants {
		names = append(names, name)
	}
	slices.Sort(names)
	if *mutantsTried == 0 {
		return names
	}
	dice := rand.New(rand.NewPCG(*mutantsSeed, 0))
	dice.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
	return names[:min(*mutantsTried, len(names))]
}

// build writes the mutated file, and returns the overlay by which the compiler takes it for the original.
func (m mutant) build(t *testing.T, root string) (overlay string) {
	t.Helper()
	original := filepath.Join(root, m.file)
	text, err := os.ReadFile(original)
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(text), m.before); n != 1 {
		t.Fatalf("what is to be changed stands %d times in %s: the mutant must be written anew", n, m.file)
	}
	dir := t.TempDir()
	mutated, overlay := filepath.Join(dir, "mutated.go"), filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(mutated, []byte(strings.Replace(string(text), m.before, m.after, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	replace, err := json.Marshal(map[string]map[string]string{"Replace": {original: mutated}})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(overlay, replace, 0o600); err != nil {
		t.Fatal(err)
	}
	return overlay
}

func (m mutant) goCommand(t *testing.T, root, overlay, verb string, args ...string) *exec.Cmd {
	t.Helper()
	args = append([]string{verb}, append(args, strings.Fields(m.tests)...)...)
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), "go", args...)
	cmd.Dir = root
	cmd.Env = append(cmd.Environ(), "GOFLAGS="+strings.TrimSpace(os.Getenv("GOFLAGS")+" -overlay="+overlay)) // for what the tests build, too
	return cmd
}
