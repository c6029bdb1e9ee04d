package browser_test

import (
	"net/http"
	"testing"
)

// TestSigningIn goes in and out, with and without JavaScript.
func TestSigningIn(t *testing.T) {
	t.Parallel()
	s := demoSite(t, withTokens...)
	for name, v := range map[string]viewer{"desk": {}, "phone without JavaScript": {phone: true, scriptless: true}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := browse(t, s.Address, v)
			p.open("/?segmentId=1")
			p.at("/sign-in?next=%2F%3FsegmentId%3D1")
			p.lacks("Products", "In sync")
			p.fill("Token", "nonsense")
			p.refused(http.StatusUnprocessableEntity)
			p.click("button", "Sign in")
			p.reads("The token is invalid")
			p.fill("Token", s.Token("Admin"))
			p.click("button", "Sign in")
			p.at("/?segmentId=1")
			p.sees("link", "Sync")
			if kept, err := evaluate[string](p, "document.cookie"); err != nil || kept != "" {
				t.Errorf("a script can read %q (%v)", kept, err)
			}
			p.click("button", "Sign out")
			p.at("/sign-in")
			p.reads("You are signed out.")
			p.open("/")
			p.at("/sign-in?next=%2F")

			p.fill("Token", s.Token("Staff"))
			p.click("button", "Sign in")
			p.at("/")
			p.sees("link", "Products")
			p.hides("link", "Sync")
			p.reads("In sync")
		})
	}
}
