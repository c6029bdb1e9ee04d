package openapi_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"lifecycle-sync/test/kit"
)

func run(dir, name string, args ...string) (string, error) {
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// clientFolder returns a folder with the client's own files and its compiler.
func clientFolder(t *testing.T) string {
	t.Helper()
	modules := kit.NodeModules(t, "client/package-lock.json")
	dir := t.TempDir()
	paths, err := filepath.Glob("client/*.[tj]s*") // source and settings
	if err != nil || len(paths) == 0 {
		t.Fatalf("the client has no files: %v", err)
	}
	for _, path := range paths {
		content, err := os.ReadFile(path)
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, filepath.Base(path)), content, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(modules, filepath.Join(dir, "node_modules")); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestClient_MatchesTheDocument(t *testing.T) {
	t.Parallel()
	dir := clientFolder(t)
	t.Run("types", func(t *testing.T) {
		t.Parallel()
		typesAreCurrent(t, dir)
	})
	t.Run("compiles", func(t *testing.T) {
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
		t.Errorf("client/api.d.ts is outdated: run npm run generate in openapi/client (%v)", err)
	}
}

// compiles checks the four components' calls in strict mode, and that the check finds mistakes.
func compiles(t *testing.T, dir string) {
	mistakes := []string{
		`(await api.product(1)).body.data.nama`,                                       // an unknown field
		`(await api.product(1)).body.data.produk.length`,                              // a text that may be null
		`(await api.listProducts()).data[0].id`,                                       // a product that may be missing
		`(await api.dropdowns()).data.segments.map((s) => s.stage)`,                   // another list's field
		`await api.listProducts({ halaman: 1 })`,                                      // an unknown parameter
		`await api.listProducts({ sort: "deskripsi" })`,                               // a column without a sort order
		`await api.updateProduct(1, { created_at: "2026-01-01" })`,                    // a read-only field
		`await api.createProduct(form({ produk: "x", created_at: "" }), "k")`,         // a form with an unknown field
		`await api.createProduct(form({ produk: "x", harga: 5 }), "k")`,               // a form with a number
		`await api.createProduct(form({ produk: "x" }, ["x.pdf"]), "k")`,              // a file that is only a name
		`await api.recordTransition({ id_produk: 1 }, "k")`,                           // a move without a stage
		`await api.recordTransition({ id_produk: 1, stage_now: 2, produk: "" }, "k")`, // a read-only field
	}
	source := `import { Client, form } from "./client"; const api = new Client(""); export const right = form({ produk: "x" });`
	for i, code := range mistakes {
		source += fmt.Sprintf("\nexport async function mistake%d() { return %s; }", i, code)
	}
	if err := os.WriteFile(filepath.Join(dir, "wrong.ts"), []byte(source), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := run(dir, "node_modules/.bin/tsc", "--noEmit", "--strict", "--pretty", "false")
	if err == nil {
		t.Fatal("mistakes compile")
	}
	for i, code := range mistakes {
		if !strings.Contains(out, fmt.Sprintf("wrong.ts(%d,", i+2)) {
			t.Errorf("%s compiles", code)
		}
	}
	for line := range strings.Lines(out) {
		if strings.HasPrefix(line, "wrong.ts(1,") || !strings.HasPrefix(line, "wrong.ts(") && !strings.HasPrefix(line, " ") {
			t.Errorf("correct code does not compile: %s", line)
		}
	}
}
