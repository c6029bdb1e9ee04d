package attachments

import (
	"path"
	"strings"
	"unicode"

	"lifecycle-sync/models"
)

const (
	maxName  = 255 // characters of a stored file name
	maxShown = 60  // characters of a file name in a message
)

// CleanName returns the last part of a client's file name, without invisible characters and those with a meaning in file
// systems, shortened to 255 characters before its extension. It is shown and offered for saving; content is never stored
// under it. The result may be "".
func CleanName(name string) string {
	name = name[strings.LastIndexAny(name, `/\`)+1:]
	name = strings.Map(func(r rune) rune {
		switch {
		case r == unicode.ReplacementChar, strings.ContainsRune(`<>:"|?*`, r):
			return '_'
		case unicode.IsSpace(r):
			return ' '
		case unicode.Is(unicode.Cc, r), unicode.Is(unicode.Bidi_Control, r), r == '\u200b', r == '\ufeff':
			return -1
		default:
			return r
		}
	}, strings.ToValidUTF8(name, "_"))
	name = strings.TrimRight(strings.Join(strings.Fields(name), " "), ". ")
	extension := path.Ext(name)
	stem := []rune(strings.TrimRight(strings.TrimSuffix(name, extension), ". "))
	if len(stem) == 0 && extension != "" {
		stem = []rune("file")
	}
	room := maxName - len([]rune(extension))
	if room <= 0 {
		return ""
	}
	return strings.TrimRight(string(stem[:min(len(stem), room)]), ". ") + extension
}

// refusal returns the error for a file that is not accepted.
func refusal(code, name string) error {
	if runes := []rune(name); len(runes) > maxShown {
		name = string(runes[:maxShown]) + "…"
	}
	return models.NewError(models.UnsupportedType, code, models.Params{"file": name}).
		WithRemedy("attachments.unsupported_type_remedy", models.Params{"extensions": strings.Join(Extensions(), " ")})
}
