package pages

import "regexp"

// remedy is what to do about something, for the template "remedy": words around a statement to be copied, which
// may be "".
type remedy struct{ Before, Statement, After string }

// statement finds a statement for a database in the words of a remedy, behind a colon or at the beginning.
var statement = regexp.MustCompile(`^(|.*?: )((?:ALTER|CREATE|DROP|GRANT|REVOKE|SELECT) [^…]*?)(|, then [^,]*)$`)

// remedyOf takes the words of a remedy apart.
func remedyOf(words string) remedy {
	parts := statement.FindStringSubmatch(words)
	if parts == nil {
		return remedy{Before: words}
	}
	return remedy{parts[1], parts[2], parts[3]}
}
