package web_test

import (
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"lifecycle-sync/web"
	"lifecycle-sync/web/messages"
)

func console() *web.Console {
	return web.New(messages.New().Printer(messages.English, time.UTC), web.NewAssets())
}

func TestNew_ParsesTemplatesAndAssets(t *testing.T) {
	t.Parallel()
	if err := console().Main(io.Discard, "no/such", nil); err == nil {
		t.Error("a page without a template was written")
	}
	if asset, ok := web.NewAssets()["console.css"]; !ok || !strings.HasPrefix(asset.Type, "text/css") || asset.Tag == "" {
		t.Errorf("%+v", asset)
	}
}

// TestTemplates_HaveNoTexts looks for letters outside of tags and actions: texts belong in the catalogue.
func TestTemplates_HaveNoTexts(t *testing.T) {
	t.Parallel()
	var (
		action     = regexp.MustCompile(`(?s){{.*?}}`)
		tag        = regexp.MustCompile(`(?s)<[^>]*>`)
		attribute  = regexp.MustCompile(`(?:aria-label|placeholder|title|alt|data-what)="([^"]*)"`)
		attributes = regexp.MustCompile(`\b(?:[\w-]+="[^"]*"|required\b)`) // of a template that has nothing else
		letters    = regexp.MustCompile(`[A-Za-z]{2,}`)
	)
	named := strings.NewReplacer("Lifecycle Sync", "", ">API<", "><", "&nbsp;", "")
	err := filepath.WalkDir("templates", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		markup := action.ReplaceAllString(named.Replace(string(content)), "")
		for _, found := range attribute.FindAllStringSubmatch(markup, -1) {
			if letters.MatchString(found[1]) {
				t.Errorf("%s: %s", path, found[0])
			}
		}
		for text := range strings.SplitSeq(attributes.ReplaceAllString(tag.ReplaceAllString(markup, "\n"), ""), "\n") {
			if letters.MatchString(text) {
				t.Errorf("%s: %s", path, text)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
