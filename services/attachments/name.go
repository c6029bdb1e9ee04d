package attachments

import (
	"path"
	"strings"
	"unicode"

	"lifecycle-sync/models"
)

// nameLimit is how many characters a file's name may have.
const nameLimit = 255

// CleanName makes the name that a client gives a file fit to be kept, shown and offered for saving: the
// last part of it, without what is no visible character or has a meaning to a file system, and cut to
// 255 characters before its extension. It is never where the content lies. The result may be "".
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
	room := nameLimit - len([]rune(extension))
	if room <= 0 {
		return ""
	}
	return strings.TrimRight(string(stem[:min(len(stem), room)]), ". ") + extension
}

// recognise returns a file's name as it is kept, and the kind that its extension promises. Errors:
// unsupported_type.
func recognise(filename string) (string, kind, error) {
	name := CleanName(filename)
	if k, known := kinds()[strings.ToLower(path.Ext(name))]; known {
		return name, k, nil
	}
	return "", kind{}, refusal("attachments.unsupported_type", name)
}

// maxShown is the number of characters of a file's name in a message.
const maxShown = 60

// refusal returns the error for a file that is not accepted.
func refusal(code, name string) error {
	if runes := []rune(name); len(runes) > maxShown {
		name = string(runes[:maxShown]) + "…"
	}
	return models.NewError(models.UnsupportedType, code, models.Params{"file": name}).
		WithRemedy("attachments.unsupported_type_remedy", models.Params{"extensions": strings.Join(Extensions(), " ")})
}
