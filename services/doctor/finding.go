package doctor

// Status says how a check came out.
type Status string

// The statuses. Only a Problem keeps something from working, now or soon.
const (
	OK      Status = "ok"
	Note    Status = "note"    // worth knowing; nothing must be done
	Problem Status = "problem" // something must be done
	Skipped Status = "skipped" // could not be looked at; the message says why
)

// Finding is what a check has found, and what to do about it. A check that finds several things has a
// finding of each, under the same name. No text holds a password or a URL.
type Finding struct {
	Name    string `json:"name"`
	Status  Status `json:"status"`
	Message string `json:"message"`
	Remedy  string `json:"remedy"` // "" when there is nothing to do
}

// Well reports whether nothing must be done.
func Well(findings []Finding) bool {
	for _, f := range findings {
		if f.Status == Problem {
			return false
		}
	}
	return true
}

func ok(message string) Finding { return Finding{Status: OK, Message: message} }
func note(message, remedy string) Finding {
	return Finding{Status: Note, Message: message, Remedy: remedy}
}
func problem(message, remedy string) Finding {
	return Finding{Status: Problem, Message: message, Remedy: remedy}
}
func skipped(message, remedy string) Finding {
	return Finding{Status: Skipped, Message: message, Remedy: remedy}
}

// orOK is all that was found, or the good news that nothing was.
func orOK(found []Finding, message string) []Finding {
	if found == nil {
		return []Finding{ok(message)}
	}
	return found
}
