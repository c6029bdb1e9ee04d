package app

import (
	"fmt"
	"reflect"

	"lifecycle-sync/repositories/database"
)

// settings lists the fields of Config that are read from the environment, with their tags.
func settings() (fields []reflect.StructField) {
	for _, f := range reflect.VisibleFields(reflect.TypeFor[Config]()) {
		if f.Tag.Get("env") != "" {
			fields = append(fields, f)
		}
	}
	return fields
}

func secretNames() (names []string) {
	for _, f := range settings() {
		if f.Tag.Get("secret") != "" {
			names = append(names, f.Tag.Get("env"))
		}
	}
	return names
}

// nameOf turns a field's name into its setting's.
func nameOf(field string) string {
	for _, f := range settings() {
		if f.Name == field {
			return f.Tag.Get("env")
		}
	}
	return field
}

// Masked lists every setting and its value for the log, as alternating names and values. Of a secret
// only what is none is shown: a database's host and name.
func (c Config) Masked() []any {
	v := reflect.ValueOf(c)
	var out []any
	for _, f := range settings() {
		value := fmt.Sprint(v.FieldByIndex(f.Index).Interface())
		if kind := f.Tag.Get("secret"); kind != "" && value != "" {
			value = mask(kind, value)
		}
		out = append(out, f.Tag.Get("env"), value)
	}
	return out
}

// mask is what may be seen of a secret: of a URL, where it leads; of any other, nothing.
func mask(kind, value string) string {
	if kind == "url" {
		return database.MaskURL(value)
	}
	return "***"
}
