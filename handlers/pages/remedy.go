package pages

import "regexp"

// Remedy is what to do about something, for the template "remedy": words around a statement to be copied, which
// may be "".
type Remedy struct{ Before, Statement, After string }

// statement finds a statement for a database in the words of a remedy, behind a colon or at the beginning.
var statement = regexp.MustCompile(`^(|.*?: )((?:ALTER|CREATE|DROP|GRANT|REVOKE|SELECT) [^…]*?)(|, then [^,]*)$`)

// NewRemedy takes the words of a remedy apart.
func NewRemedy(words string) Remedy {
	parts := statement.FindStringSubmatch(words)
	if parts == nil {
		return Remedy{Before: words}
	}
	return Remedy{parts[1], parts[2], parts[3]}
}
