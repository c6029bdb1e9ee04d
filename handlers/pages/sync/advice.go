package sync

import (
	"lifecycle-sync/handlers/pages"
	"lifecycle-sync/models"
	"lifecycle-sync/web"
	"lifecycle-sync/web/messages"
)

// advice is what somebody can do next: words, forms and links, of which any may be missing.
type advice struct {
	Words string
	Forms []runForm
	Links []pages.Link
}

// runForm is a form that asks for a run, a dry run or a verification, for the template "run-form".
type runForm struct {
	Action       string // where it is sent; "" is where runs are started
	Mode, Digest string
	Seen         int64 // the run whose page it stands on
	Button, Says string
	Primary      bool
	Number       bool // how many rows may leave must be typed
	Problem      string
}

func dryRunForm(button string) runForm { return runForm{Action: "/sync/dry-run", Button: button} }

func doctorLink() pages.Link { return pages.Link{Address: "/sync/doctor", Text: "Ask the doctor"} }

// startForms are the ways to start something from the page that says how the mirror stands.
func startForms() []runForm {
	return []runForm{
		{Mode: models.IncrementalRun, Button: "Incremental run", Says: "Compares what can have changed since the last run."},
		{Mode: models.FullRun, Button: "Full run", Says: "Compares every row, and proves that the mirror is equal."},
		{Action: "/sync/dry-run", Button: "Dry run", Says: "Shows what a full run would change; you can then apply exactly that."},
		{Action: "/sync/verify", Button: "Verify", Says: "Says whether the mirror equals lifecycle_db. Changes nothing."},
	}
}

// troubleOf is what went wrong with a run that has an error or was interrupted, and what to do.
func troubleOf(texts *messages.Printer, r models.Run) trouble {
	t := trouble{What: "What went wrong", Next: adviceOf(r)}
	if r.ErrorClass == nil {
		t.Message = "The process that made this run ended before it did; nothing of the run remains"
		return t
	}
	if r.Mode == models.DryRun && models.Class(*r.ErrorClass) == models.MassDelete {
		t.What = "It found that too many rows would leave"
	}
	t.Class, t.Message, t.Remedy = className(*r.ErrorClass), texts.Message(r.Err()), pages.NewRemedy(texts.RemedyOf(r.Err()))
	return t
}

// className is what people call a class of errors; of those that no run ends with there is none.
func className(class string) string {
	switch models.Class(class) {
	case models.Connection:
		return "No connection"
	case models.Timeout:
		return "Took too long"
	case models.Permission:
		return "A right is missing"
	case models.Schema:
		return "Tables do not fit"
	case models.DataType, models.Constraint:
		return "A value does not fit"
	case models.Config:
		return "Settings"
	case models.Busy:
		return "Another run was under way"
	case models.MassDelete:
		return "Too many rows would leave"
	case models.Conflict:
		return "Something else would change"
	case models.Canceled:
		return "Canceled"
	case models.Internal:
		return "Fault of the program"
	default:
		return class
	}
}

// adviceOf is what to do about a run that has not succeeded.
func adviceOf(r models.Run) advice {
	again := runForm{Mode: models.FullRun, Seen: r.ID, Button: "Run again", Primary: true}
	if r.Mode == models.IncrementalRun {
		again.Mode = r.Mode
	}
	switch models.Class(pages.Deref(r.ErrorClass)) {
	case models.MassDelete:
		return allowAdvice(r, again)
	case models.Connection, models.Timeout:
		return advice{Words: "When both databases answer, run again.", Forms: []runForm{again}, Links: []pages.Link{doctorLink()}}
	case models.Permission, models.Schema, models.Config:
		return advice{Words: "The doctor checks everything at once.", Forms: []runForm{again}, Links: []pages.Link{doctorLink()}}
	case models.Busy:
		return advice{Forms: []runForm{again}}
	case models.Canceled, "":
		return advice{Words: "Run again when you want to.", Forms: []runForm{again}}
	default:
		return advice{Words: "The server's log has the cause.", Forms: []runForm{again}, Links: []pages.Link{doctorLink()}}
	}
}

// allowAdvice lets somebody allow exactly as many rows to leave as they type.
func allowAdvice(r models.Run, form runForm) advice {
	form.Button, form.Number, form.Primary = "Let exactly so many leave", true, false
	out := advice{Words: "Here you allow it by typing that number, of all rows that would leave. With any other number nothing is changed."}
	if r.Digest != nil {
		form.Digest = *r.Digest
		out.Words += " " + onlyThese(r)
	} else {
		out.Forms = []runForm{dryRunForm("See which rows would leave")}
	}
	out.Forms = append([]runForm{form}, out.Forms...)
	return out
}

// onlyThese says which changes are made with the digest of a run, of which the page may show the first only.
func onlyThese(r models.Run) string {
	if r.ChangesFound != nil {
		return "All " + web.Number(*r.ChangesFound) + " changes that were found are made, and no others; of these you see the first " + web.Number(*r.ChangesKept) + "."
	}
	return "Only the changes that you have seen are made."
}
