package messages

import (
	"strconv"
	"strings"

	"lifecycle-sync/models"
)

// Named is a row's name, or its number if it has none: #7.
func Named(name *string, id int64) string {
	if name == nil || strings.TrimSpace(*name) == "" {
		return "#" + strconv.FormatInt(id, 10)
	}
	return *name
}

// FieldLabel is the name of a form's field for people.
func FieldLabel(field string) models.Text {
	if f, ok := models.ProductFieldOf(field); ok {
		return models.NewText(f.Label, nil)
	}
	return models.NewText("console_fields."+field, nil)
}
