package openapi_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// typescript is a folder with the client's own files and its compiler, of which nothing stands in the
// repository. It is kept beside Go's build cache, by what package-lock.json says. Without npm the test
// is skipped, and fails in CI.
func typescript(t *testing.T) string {
	t.Helper()
	if _, err := exec.LookPath("npm"); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("no npm: install Node.js 18 or later; in CI the client must be checked")
		}
		t.Skip("SKIPPED: no npm: the TypeScript client is not checked; install Node.js 18 or later")
	}
	lock, err := os.ReadFile("client/package-lock.json")
	if err != nil {
		t.Fatal(err)
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(lock)
	tools := filepath.Join(cache, "lifecycle-sync-tools", "typescript-"+hex.EncodeToString(sum[:6]))
	dir := t.TempDir()
	copyFiles(t, dir, "client/*", "client/.npmrc")
	if _, err := os.Stat(filepath.Join(tools, "node_modules", ".bin", "tsc")); err != nil {
		install(t, dir, tools)
	}
	if err := os.Symlink(filepath.Join(tools, "node_modules"), filepath.Join(dir, "node_modules")); err != nil {
		t.Fatal(err)
	}
	return dir
}

// install fetches the tools into a folder that takes its place only once it is whole.
func install(t *testing.T, dir, tools string) {
	t.Helper()
	fresh := t.TempDir()
	copyFiles(t, fresh, "client/package*.json", "client/.npmrc")
	if out, err := run(fresh, "npm", "ci", "--ignore-scripts"); err != nil {
		t.Fatalf("npm ci: %v\n%s", err, out)
	}
	if err := os.MkdirAll(filepath.Dir(tools), 0o755); err != nil {
		t.Fatal(err)
	}
	_ = os.RemoveAll(tools) // what an interrupted test has left
	if out, err := run(dir, "cp", "-r", fresh, tools); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

func copyFiles(t *testing.T, dir string, patterns ...string) {
	t.Helper()
	for _, pattern := range patterns {
		paths, err := filepath.Glob(pattern)
		if err != nil || len(paths) == 0 {
			t.Fatalf("%s: nothing there (%v)", pattern, err)
		}
		for _, path := range paths {
			if info, err := os.Stat(path); err != nil || info.IsDir() {
				continue
			}
			content, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(dir, filepath.Base(path)), content, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func run(dir, name string, args ...string) (string, error) {
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// TestClient holds the TypeScript client against the document.
func TestClient(t *testing.T) {
	t.Parallel()
	dir := typescript(t)
	t.Run("its types are those of the document", func(t *testing.T) {
		t.Parallel()
		typesAreCurrent(t, dir)
	})
	t.Run("it compiles", func(t *testing.T) {
		t.Parallel()
		compiles(t, dir)
	})
}

// typesAreCurrent generates them again.
func typesAreCurrent(t *testing.T, dir string) {
	document, err := filepath.Abs("openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	again := filepath.Join(t.TempDir(), "api.d.ts")
	if out, err := run(dir, "node_modules/.bin/openapi-typescript", document, "--output", again); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	committed, err := os.ReadFile("client/api.d.ts")
	if err != nil {
		t.Fatal(err)
	}
	if generated, err := os.ReadFile(again); err != nil || !bytes.Equal(generated, committed) {
		t.Errorf("client/api.d.ts is not of this openapi.yaml: run npm run generate in openapi/client (%v)", err)
	}
}

// compiles checks the four components' calls in strict mode, and that the check finds mistakes.
func compiles(t *testing.T, dir string) {
	if out, err := run(dir, "node_modules/.bin/tsc", "--noEmit"); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for mistake, code := range map[string]string{
		"a field that is not there":    `(await api.product(1)).body.data.nama`,
		"a text that may be null":      `(await api.product(1)).body.data.produk.length`,
		"a parameter nobody knows":     `await api.listProducts({ halaman: 1 })`,
		"a field that is not taken":    `await api.updateProduct(1, { created_at: "2026-01-01" })`,
		"a transition without a stage": `await api.recordTransition({ id_produk: 1 }, "k")`,
	} {
		source := `import { Client } from "./client"; const api = new Client(""); export async function wrong() { return ` + code + `; }`
		path := filepath.Join(dir, "wrong.ts")
		if err := os.WriteFile(path, []byte(source), 0o600); err != nil {
			t.Fatal(err)
		}
		if out, err := run(dir, "node_modules/.bin/tsc", "--noEmit"); err == nil || !strings.Contains(out, "wrong.ts") {
			t.Errorf("%s compiles: %s", mistake, out)
		}
	}
}
