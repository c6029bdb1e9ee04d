// Package browser_test holds scenarios of the console, which drive a real Chromium against the real program. Every
// state of a page in which a scenario stops is checked: see check_test.go.
package browser_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"lifecycle-sync/test/kit"
	"lifecycle-sync/test/kit/testdb"
)

// TestMain ends the browser, when a test has started it.
func TestMain(m *testing.M) {
	code := testdb.Recycle(m).Run()
	endBrowser()
	os.Exit(code)
}

var (
	endBrowser    = func() {}
	sharedBrowser = sync.OnceValues(startBrowser)

	// slots bounds how many tests drive the browser at once, however many processors there are.
	slots = make(chan struct{}, 2)
)

// startBrowser starts the one browser of all tests, with a profile of its own.
func startBrowser() (context.Context, error) {
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(chromium()), chromedp.DisableGPU,
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true), chromedp.Flag("hide-scrollbars", true))
	if os.Getuid() == 0 {
		options = append(options, chromedp.NoSandbox) // Chromium has none for root
	}
	allocator, _ := chromedp.NewExecAllocator(context.Background(), options...) // ends with the browser
	ctx, cancel := chromedp.NewContext(allocator)
	endBrowser = cancel
	return ctx, chromedp.Do(ctx)
}

// chromium is the path of the browser, "" for none. The headless shell takes half of the processor time of the others.
func chromium() string {
	for _, name := range []string{"chromium-headless-shell", "chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	return ""
}

// needsBrowser skips the test where Chromium or axe is missing, and fails it in CI.
func needsBrowser(t testing.TB) {
	t.Helper()
	if chromium() == "" {
		kit.Missing(t, "Chromium is not installed")
	}
	kit.NodeModules(t, "package-lock.json")
}

// viewer holds the window and browser settings of a scenario. The zero value is a light desktop with JavaScript.
type viewer struct {
	phone, dark, scriptless bool
}

// windowTimeout ends what waits for a browser that hangs.
const windowTimeout = 5 * time.Minute

// browse opens an empty page in a window that shares nothing with those of other tests. It waits until fewer than
// two other tests browse.
func browse(t testing.TB, address string, v viewer) *page {
	t.Helper()
	needsBrowser(t)
	slots <- struct{}{}
	t.Cleanup(func() { <-slots })
	return newWindow(t, address, v)
}

// newWindow is browse within a test that browses already: another user, with cookies of their own.
func newWindow(t testing.TB, address string, v viewer) *page {
	t.Helper()
	browser, err := sharedBrowser()
	if err != nil {
		t.Fatal("the browser does not start: ", err)
	}
	w := &watch{}
	ctx, closeWindow := chromedp.NewContext(browser, chromedp.WithNewBrowserContext(), chromedp.WithListener(w.handle))
	ctx, cancel := context.WithTimeout(ctx, windowTimeout)
	p := &page{TB: t, ctx: ctx, address: address, viewer: v, watch: w, artifacts: t.ArtifactDir()}
	p.report = func(problem string) {
		t.Helper()
		t.Error(problem)
	}
	t.Cleanup(func() {
		p.finish()
		cancel()
		closeWindow()
	})
	if err := p.emulate(v); err != nil {
		t.Fatal(err)
	}
	return p
}

// emulate sets up the window for its viewer. Motion is reduced, so that pictures and clicks are reliable.
func (p *page) emulate(v viewer) error {
	width, height, options := int64(1280), int64(900), []chromedp.EmulateViewportOption{}
	if v.phone {
		width, height, options = 390, 844, append(options, chromedp.EmulateMobile, chromedp.EmulateTouch, chromedp.EmulatePortrait)
	}
	scheme := "light"
	if v.dark {
		scheme = "dark"
	}
	if err := chromedp.Do(p.ctx, chromedp.EmulateViewport(width, height, options...)); err != nil {
		return fmt.Errorf("the window's size: %w", err)
	}
	media := emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
		{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"},
	}}
	if _, err := chromedp.Call(p.ctx, emulation.SetEmulatedMedia, media); err != nil {
		return fmt.Errorf("the colour scheme: %w", err)
	}
	_, err := chromedp.Call(p.ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: v.scriptless})
	return err
}
