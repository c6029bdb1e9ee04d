package sync

import (
	"fmt"
	"strconv"

	"lifecycle-sync/handlers/pages"
	"lifecycle-sync/models"
)

// nextSteps are the suggested next steps: texts, forms and links, each of which may be empty.
type nextSteps struct {
	Texts models.Texts
	Forms []runForm
	Links []pages.Link
}

// runForm is a form that requests a run, a dry run or a verification, for the template "run-form".
type runForm struct {
	Action        string // its address, "" for /sync/runs
	Mode, Digest  string
	FromRunID     int64 // the run whose page contains the form
	Button, Hint  models.Text
	Primary       bool
	NeedsRowCount bool // the user must enter the number of rows to delete
	Problem       rowCountProblem
}

func dryRunForm(button models.Text) runForm {
	return runForm{Action: "/sync/dry-run", Button: button}
}

func diagnosticsLink() pages.Link {
	return pages.Link{Address: "/sync/doctor", Text: models.NewText("console_sync.run_diagnostics", nil)}
}

// startForms returns the forms of the status page.
func startForms() []runForm {
	return []runForm{
		{Mode: models.IncrementalRun, Button: models.NewText("console_sync.start_incremental", nil), Hint: models.NewText("console_sync.start_incremental_hint", nil)},
		{Mode: models.FullRun, Button: models.NewText("console_sync.start_full", nil), Hint: models.NewText("console_sync.start_full_hint", nil)},
		{Action: "/sync/dry-run", Button: models.NewText("console_sync.start_dry_run", nil), Hint: models.NewText("console_sync.start_dry_run_hint", nil)},
		{Action: "/sync/verify", Button: models.NewText("console_sync.start_verification", nil), Hint: models.NewText("console_sync.start_verification_hint", nil)},
	}
}

// problem is a problem with its remedy and next steps.
type problem struct {
	Heading   models.Text
	Class     models.Text
	Message   models.Text
	Problems  []models.Problem // the individual problems, if there are several
	Remedy    *models.Remedy
	NextSteps nextSteps
}

func newProblem(heading models.Text, e *models.Error, next nextSteps) problem {
	return problem{Heading: heading, Class: className(e.Class), Message: e.Text, Problems: e.Problems, Remedy: e.Remedy, NextSteps: next}
}

// problemOf describes why a run failed or was interrupted.
func problemOf(r models.Run) problem {
	heading := models.NewText("console_sync.what_went_wrong", nil)
	if r.ErrorClass == nil {
		return problem{Heading: heading, Message: models.NewText("console_sync.interrupted", nil), NextSteps: nextStepsOf(r)}
	}
	if r.Mode == models.DryRun && classOf(r) == models.MassDelete {
		heading = models.NewText("console_sync.too_many_deletes", nil)
	}
	return newProblem(heading, r.Err(), nextStepsOf(r))
}

// nextStepsOf returns the next steps after a run that has not succeeded.
func nextStepsOf(r models.Run) nextSteps {
	retry := runForm{Mode: models.FullRun, FromRunID: r.ID, Button: models.NewText("console_sync.run_again", nil), Primary: true}
	if r.Mode == models.IncrementalRun {
		retry.Mode = r.Mode
	}
	steps := nextSteps{Forms: []runForm{retry}, Links: []pages.Link{diagnosticsLink()}}
	switch classOf(r) {
	case models.MassDelete:
		return deletionSteps(r, retry)
	case models.Connection, models.Timeout:
		steps.Texts = pages.SingleText("console_sync.advice_connection")
	case models.Permission, models.Schema, models.Config:
		steps.Texts = pages.SingleText("console_sync.advice_diagnostics")
	case models.Busy, models.Canceled, "":
		steps.Links = nil
	default:
		steps.Texts = pages.SingleText("console_sync.advice_log")
	}
	return steps
}

// deletionSteps returns a form that confirms the deletes by their number.
func deletionSteps(r models.Run, form runForm) nextSteps {
	form.Button, form.NeedsRowCount, form.Primary = models.NewText("console_sync.delete_these_rows", nil), true, false
	if count := deletionCount(r); count > 0 {
		form.Button = models.NewText("console_sync.delete_rows", models.Params{"count": count})
	}
	steps := nextSteps{Texts: pages.SingleText("console_sync.confirm_deletes")}
	if r.Digest == nil {
		steps.Forms = []runForm{form, dryRunForm(models.NewText("console_sync.show_deletes", nil))}
		return steps
	}
	form.Digest = *r.Digest
	steps.Forms = []runForm{form}
	steps.Texts = append(steps.Texts, exactChangesText(r))
	return steps
}

// deletionCount returns the number of rows that a run would have deleted when the mass-delete guard stopped it, 0 if unknown.
func deletionCount(r models.Run) int64 {
	if classOf(r) != models.MassDelete {
		return 0
	}
	count, _ := strconv.ParseInt(fmt.Sprint(r.Err().Text.Params["count"]), 10, 64)
	return count
}

// exactChangesText describes the changes of a run with the digest; the page may show only some of them.
func exactChangesText(r models.Run) models.Text {
	if r.ChangesFound != nil {
		return models.NewText("console_sync.only_found_changes", models.Params{"count": *r.ChangesFound, "kept": *r.ChangesKept})
	}
	return models.NewText("console_sync.only_these_changes", nil)
}
