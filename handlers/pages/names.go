package pages

import "lifecycle-sync/web/messages"

// Named is the name of a row that another one refers to, "" for none.
func Named(name *string, id *int64) string {
	if id == nil {
		return ""
	}
	return messages.Named(name, *id)
}

// Deref is a text, "" for nil.
func Deref(text *string) string {
	if text == nil {
		return ""
	}
	return *text
}
