package messages_test

import (
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"lifecycle-sync/web/messages"

	"github.com/BurntSushi/toml"
	"github.com/nicksnyder/go-i18n/v2/i18n"
)

// update appends new codes to the released ones, which is a step of every release.
var update = flag.Bool("update", false, "add the codes of the catalogue to the released ones")

const (
	repository = "../.."
	released   = "testdata/released.txt"
)

// codeArgument is where the functions of models that make a text take its code.
var codeArgument = map[string]int{
	"NewText": 0, "NewError": 1, "NewRemedy": 0, "NewCommand": 0, "WithRemedy": 0, "WithCommand": 0, "NewFieldError": 2,
}

// own are parameters that a function adds itself.
var own = map[string][]string{"NewFieldError": {"field"}}

// use is a place where source code names a code.
type use struct {
	place  string
	code   string
	params []string // sorted; nil where they are not literal
}

var (
	codeText    = regexp.MustCompile(`^[a-z_]+(\.[a-z0-9_]+)+$`)
	prefixText  = regexp.MustCompile(`^[a-z_]+\.[a-z0-9_.]*$`)
	templateUse = regexp.MustCompile(`[{( ]t "([^"]+)"`)
	placeholder = regexp.MustCompile(`\.([A-Za-z_]\w*)`)
	action      = regexp.MustCompile(`{{.*?}}`)
)

// TestCatalogue_FitsEveryUse looks for codes in Go source and in templates, and compares each message's placeholders with
// the calls that pass literal parameters.
func TestCatalogue_FitsEveryUse(t *testing.T) {
	t.Parallel()
	texts := catalogue(t, messages.English)
	uses, _ := sources(t)
	for _, u := range append(uses, templates(t)...) {
		text, ok := texts[u.code]
		if !ok {
			t.Errorf("%s: %q is not in the catalogue", u.place, u.code)
		}
		if !ok || u.params == nil {
			continue
		}
		wanted := placeholders(text)
		for _, name := range wanted {
			if !slices.Contains(u.params, name) {
				t.Errorf("%s: %q has the placeholder %q, but the call does not pass it", u.place, u.code, name)
			}
		}
		for _, name := range u.params {
			if !slices.Contains(wanted, name) && name != "count" && name != "field" {
				t.Errorf("%s: %q has no placeholder for the parameter %q", u.place, u.code, name)
			}
		}
	}
}

// TestCatalogue_HasNoUnusedMessage fails for a message whose code no source names, neither whole nor by a prefix to
// which a value is appended.
func TestCatalogue_HasNoUnusedMessage(t *testing.T) {
	t.Parallel()
	uses, literals := sources(t)
	for _, u := range append(uses, templates(t)...) {
		literals[u.code] = true
	}
	kept := releasedCodes(t)
	for code := range catalogue(t, messages.English) {
		used := slices.Contains(kept, code) || literals[code]
		for literal := range literals {
			used = used || strings.HasPrefix(code, literal) && (strings.HasSuffix(literal, "_") || strings.HasSuffix(literal, "."))
		}
		if !used {
			t.Errorf("%q is not used", code)
		}
	}
}

// TestCatalogue_KeepsReleasedCodes fails when a released code is gone: stored runs may still name it.
func TestCatalogue_KeepsReleasedCodes(t *testing.T) {
	t.Parallel()
	texts := catalogue(t, messages.English)
	codes := releasedCodes(t)
	for _, code := range codes {
		if _, ok := texts[code]; !ok {
			t.Errorf("the released code %q is no longer in the catalogue", code)
		}
	}
	if *update {
		codes = slices.Compact(slices.Sorted(slices.Values(append(codes, slices.Collect(maps.Keys(texts))...))))
		if err := os.WriteFile(released, []byte(strings.Join(codes, "\n")+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func releasedCodes(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile(released)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Fields(string(text))
}

// TestCatalogue_IsCompleteInEveryLanguage compares the codes of all languages, and the placeholders of each message with their functions.
func TestCatalogue_IsCompleteInEveryLanguage(t *testing.T) {
	t.Parallel()
	english := catalogue(t, messages.English)
	for _, language := range messages.Languages() {
		texts := catalogue(t, language)
		for code, want := range english {
			got, ok := texts[code]
			switch {
			case !ok:
				t.Errorf("%q is not in %q", code, language)
			case !slices.Equal(actions(got), actions(want)):
				t.Errorf("%q has the placeholders %q in %q, want %q", code, actions(got), language, actions(want))
			}
		}
		for code := range texts {
			if _, ok := english[code]; !ok {
				t.Errorf("%q is in %q, but not in English", code, language)
			}
		}
	}
}

// actions returns the distinct placeholders of a text with their functions.
func actions(text string) []string {
	return slices.Compact(slices.Sorted(slices.Values(action.FindAllString(text, -1))))
}

// catalogue reads the messages of a language by code. The forms of a plural are joined.
func catalogue(t *testing.T, language string) map[string]string {
	t.Helper()
	names, err := filepath.Glob("*." + language + ".toml")
	if err != nil || len(names) == 0 {
		t.Fatal("no catalogue", err)
	}
	all := map[string]string{}
	for _, name := range names {
		content, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		file, err := i18n.ParseMessageFileBytes(content, name, map[string]i18n.UnmarshalFunc{"toml": toml.Unmarshal})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for _, m := range file.Messages {
			if _, twice := all[m.ID]; twice {
				t.Errorf("%s: %q is defined twice", name, m.ID)
			}
			all[m.ID] = m.One + " " + m.Other
		}
	}
	return all
}

func placeholders(text string) (names []string) {
	for _, inner := range action.FindAllString(text, -1) {
		for _, found := range placeholder.FindAllStringSubmatch(inner, -1) {
			names = append(names, found[1])
		}
	}
	return names
}

// sources reads the project's Go files except tests. uses are the codes passed to the functions of codeArgument;
// literals are all string literals that look like a code or the beginning of one.
func sources(t *testing.T) (uses []use, literals map[string]bool) {
	t.Helper()
	literals = map[string]bool{}
	walk(t, repository, ".go", func(path string) {
		if strings.HasSuffix(path, "_test.go") {
			return
		}
		files := token.NewFileSet()
		file, err := parser.ParseFile(files, path, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.BasicLit:
				if text, ok := literal(n); ok && (codeText.MatchString(text) || prefixText.MatchString(text)) {
					literals[text] = true
				}
			case *ast.CallExpr:
				if u, ok := call(n); ok {
					u.place = files.Position(n.Pos()).String()
					uses = append(uses, u)
				}
			}
			return true
		})
	})
	return uses, literals
}

// call reads a call of one of the functions of codeArgument whose code is literal.
func call(n *ast.CallExpr) (u use, ok bool) {
	name := ""
	switch f := n.Fun.(type) {
	case *ast.SelectorExpr:
		name = f.Sel.Name
	case *ast.Ident:
		name = f.Name
	}
	at, known := codeArgument[name]
	if !known || len(n.Args) <= at {
		return use{}, false
	}
	if u.code, ok = literal(n.Args[at]); !ok || !codeText.MatchString(u.code) || len(n.Args) <= at+1 {
		return u, ok && codeText.MatchString(u.code)
	}
	switch params := n.Args[at+1].(type) {
	case *ast.Ident:
		if params.Name == "nil" {
			u.params = append([]string{}, own[name]...)
		}
	case *ast.CompositeLit:
		u.params = append([]string{}, own[name]...)
		for _, element := range params.Elts {
			if pair, isPair := element.(*ast.KeyValueExpr); isPair {
				key, _ := literal(pair.Key)
				u.params = append(u.params, key)
			}
		}
	}
	return u, true
}

func literal(n ast.Expr) (string, bool) {
	basic, ok := n.(*ast.BasicLit)
	if !ok || basic.Kind != token.STRING {
		return "", false
	}
	text, err := strconv.Unquote(basic.Value)
	return text, err == nil
}

// templates finds {{t "code"}} in the console's templates.
func templates(t *testing.T) (uses []use) {
	t.Helper()
	walk(t, "../templates", "", func(path string) {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for number, line := range strings.Split(string(text), "\n") {
			for _, found := range templateUse.FindAllStringSubmatch(line, -1) {
				uses = append(uses, use{place: fmt.Sprintf("%s:%d", path, number+1), code: found[1]})
			}
		}
	})
	return uses
}

// walk calls fn for every file below dir whose name ends with a suffix.
func walk(t *testing.T, dir, suffix string, fn func(path string)) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && (entry.Name() == ".git" || entry.Name() == "node_modules" || entry.Name() == "bench"):
			return fs.SkipDir
		case !entry.IsDir() && strings.HasSuffix(path, suffix):
			fn(path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
