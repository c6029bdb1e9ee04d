package messages_test

import (
	"testing"
	"time"

	"lifecycle-sync/web/messages"
)

// TestPrinters_ChooseALanguage: the user's choice, then what the browser prefers, then the default.
func TestPrinters_ChooseALanguage(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ fallback, chosen, accept, want string }{
		{"id", "", "", "id"}, {"en", "", "", "en"}, {"id", "en", "id", "en"}, {"en", "id", "en-US,en;q=0.9", "id"},
		{"id", "", "en-US,en;q=0.9", "en"}, {"id", "", "fr-FR, en;q=0.5", "en"}, {"en", "", "id-ID", "id"}, {"en", "", "in", "id"},
		{"id", "", "fr", "id"}, {"en", "", "ja, zh;q=0.8", "en"}, {"id", "", "*", "id"}, {"id", "", "a;;b,\x00", "id"}, {"id", "xx", "en", "en"}, {"id", "", "en;q=0, id", "id"},
	} {
		if got := messages.New().Printers(c.fallback, time.UTC).Choose(c.chosen, c.accept).Language; got != c.want {
			t.Errorf("default %q, chosen %q, Accept-Language %q: %q, want %q", c.fallback, c.chosen, c.accept, got, c.want)
		}
	}
}
