package sync

import (
	"lifecycle-sync/handlers/pages"
	"lifecycle-sync/models"
)

// advice is what to do next: a text, forms and links, each of which may be missing.
type advice struct {
	Texts models.Texts
	Forms []runForm
	Links []pages.Link
}

// runForm is a form that requests a run, a dry run or a verification, for the template "run-form".
type runForm struct {
	Action       string // its address, "" for a run
	Mode, Digest string
	Seen         int64 // the run whose page shows the form
	Button, Hint models.Text
	Primary      bool
	Number       bool // the number of rows to delete must be typed
	Problem      models.Text
}

func dryRunForm(button models.Text) runForm {
	return runForm{Action: "/sync/dry-run", Button: button}
}

func diagnosticsLink() pages.Link {
	return pages.Link{Address: "/sync/doctor", Text: models.NewText("console_sync.run_diagnostics", nil)}
}

// startForms are what the status page can start.
func startForms() []runForm {
	return []runForm{
		{Mode: models.IncrementalRun, Button: models.NewText("console_sync.start_incremental", nil), Hint: models.NewText("console_sync.start_incremental_hint", nil)},
		{Mode: models.FullRun, Button: models.NewText("console_sync.start_full", nil), Hint: models.NewText("console_sync.start_full_hint", nil)},
		{Action: "/sync/dry-run", Button: models.NewText("console_sync.start_dry_run", nil), Hint: models.NewText("console_sync.start_dry_run_hint", nil)},
		{Action: "/sync/verify", Button: models.NewText("console_sync.start_verification", nil), Hint: models.NewText("console_sync.start_verification_hint", nil)},
	}
}

// trouble is something that is wrong, with its remedy and the next step.
type trouble struct {
	Heading  models.Text
	Class    models.Text
	Message  models.Text
	Problems []models.Problem // behind the message, if there are several
	Remedy   *models.Remedy
	Next     advice
}

func newTrouble(heading models.Text, e *models.Error, next advice) trouble {
	return trouble{Heading: heading, Class: className(e.Class), Message: e.Text, Problems: e.Problems, Remedy: e.Remedy, Next: next}
}

// troubleOf is what went wrong with a run that failed or was interrupted.
func troubleOf(r models.Run) trouble {
	heading := models.NewText("console_sync.what_went_wrong", nil)
	if r.ErrorClass == nil {
		return trouble{Heading: heading, Message: models.NewText("console_sync.interrupted", nil), Next: adviceOf(r)}
	}
	if r.Mode == models.DryRun && classOf(r) == models.MassDelete {
		heading = models.NewText("console_sync.too_many_deletes", nil)
	}
	return newTrouble(heading, r.Err(), adviceOf(r))
}

func one(code string) models.Texts { return models.Texts{models.NewText(code, nil)} }

// adviceOf is what to do about a run that has not succeeded.
func adviceOf(r models.Run) advice {
	again := runForm{Mode: models.FullRun, Seen: r.ID, Button: models.NewText("console_sync.run_again", nil), Primary: true}
	if r.Mode == models.IncrementalRun {
		again.Mode = r.Mode
	}
	a := advice{Forms: []runForm{again}, Links: []pages.Link{diagnosticsLink()}}
	switch classOf(r) {
	case models.MassDelete:
		return deleteAdvice(r, again)
	case models.Connection, models.Timeout:
		a.Texts = one("console_sync.advice_connection")
	case models.Permission, models.Schema, models.Config:
		a.Texts = one("console_sync.advice_diagnostics")
	case models.Busy, models.Canceled, "":
		a.Links = nil
	default:
		a.Texts = one("console_sync.advice_log")
	}
	return a
}

// deleteAdvice lets a person confirm the deletes by typing their number.
func deleteAdvice(r models.Run, form runForm) advice {
	form.Button, form.Number, form.Primary = models.NewText("console_sync.delete_these_rows", nil), true, false
	if count, known := r.Err().Text.Params["count"]; known {
		form.Button = models.NewText("console_sync.delete_rows", models.Params{"count": count})
	}
	a := advice{Texts: one("console_sync.confirm_deletes")}
	if r.Digest == nil {
		a.Forms = []runForm{form, dryRunForm(models.NewText("console_sync.show_deletes", nil))}
		return a
	}
	form.Digest = *r.Digest
	a.Forms = []runForm{form}
	a.Texts = append(a.Texts, onlyThese(r))
	return a
}

// onlyThese says which changes a run with the digest makes; the page may show only some of them.
func onlyThese(r models.Run) models.Text {
	if r.ChangesFound != nil {
		return models.NewText("console_sync.only_found_changes", models.Params{"count": *r.ChangesFound, "kept": *r.ChangesKept})
	}
	return models.NewText("console_sync.only_these_changes", nil)
}
