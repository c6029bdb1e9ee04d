package messages_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"lifecycle-sync/models"
	"lifecycle-sync/web/messages"
)

func TestPrinter_RendersStoredTextLikeTheOriginal(t *testing.T) {
	t.Parallel()
	printer := messages.New().Printer(messages.English, time.UTC)
	original := models.NewText(models.LegacyText, models.Params{"text": models.NewText("error.timeout", nil)})
	stored, err := json.Marshal(original)
	if err != nil {
		t.Fatal(err)
	}
	var read models.Text
	if err := json.Unmarshal(stored, &read); err != nil {
		t.Fatal(err)
	}
	const want = "The time limit was exceeded."
	if a, b := printer.Text(original), printer.Text(read); a != want || b != want {
		t.Errorf("rendered as %q and, stored, as %q; want %q", a, b, want)
	}
}

func TestPrinter_MissingParameterIsADash(t *testing.T) {
	t.Parallel()
	printer := messages.New().Printer(messages.English, time.UTC)
	if got := printer.Text(models.Text{Code: models.LegacyText}); got != "–" {
		t.Errorf("rendered as %q", got)
	}
}

func TestPrinter_UnknownCodeRendersAsItself(t *testing.T) {
	t.Parallel()
	printer := messages.New().Printer("xx", time.UTC)
	if got := printer.Text(models.NewText("no.such_code", models.Params{"run": 7})); got != "no.such_code run=7" {
		t.Errorf("rendered as %q", got)
	}
}

func TestPrinter_HidesTheCauseOfAnError(t *testing.T) {
	t.Parallel()
	printer := messages.New().Printer(messages.English, time.UTC)
	const want = "An unexpected error occurred. See the log for details."
	if got := printer.Error(errors.New("password=secret")); got != want {
		t.Errorf("rendered as %q, want %q", got, want)
	}
}

// TestPrinter_RendersCountsWithoutPluralForms: a message may have one form for every number.
func TestPrinter_RendersCountsWithoutPluralForms(t *testing.T) {
	t.Parallel()
	printer := messages.New().Printer(messages.English, time.UTC)
	got := printer.Text(models.NewText("doctor.attachments_mismatched_remedy", models.Params{"count": 1, "retention": 48 * time.Hour}))
	if !strings.HasPrefix(got, "If another product reuses the id") {
		t.Error(got)
	}
}
