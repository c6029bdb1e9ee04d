package products

import (
	"regexp"
	"strings"
)

var (
	// indonesian is a number as the console writes it: full stops between the thousands, a comma before the fraction.
	indonesian = regexp.MustCompile(`^([-−]?)((?:0|[1-9][0-9]*)|[1-9][0-9]{0,2}(?:\.[0-9]{3})+)(?:,([0-9]+))?$`)
	// english is a number with the marks the other way round.
	english = regexp.MustCompile(`^[-−]?(?:[0-9]+\.[0-9]+|[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]+)?)$`)
)

// metricValue returns an entry as JSON: a number with every digit, else a text. It is not ok for a number that could be
// misread.
func metricValue(text string) (written string, ok bool) {
	text = strings.TrimSpace(text)
	parts := indonesian.FindStringSubmatch(text)
	if parts == nil {
		return jsonText(text), !english.MatchString(text)
	}
	if written = strings.ReplaceAll(parts[2], ".", ""); parts[1] != "" {
		written = "-" + written
	}
	if parts[3] != "" {
		written += "." + parts[3]
	}
	return written, true
}
