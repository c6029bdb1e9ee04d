package web

import (
	"html/template"
	"time"

	"lifecycle-sync/models"
)

// functions are what templates can call beside Go's own.
func functions(zone *time.Location) template.FuncMap {
	clock := clock{zone}
	return template.FuncMap{
		"number":   Number,
		"rupiah":   Rupiah,
		"tenths":   Tenths,
		"size":     models.SizeText,
		"day":      Day,
		"moment":   clock.moment,
		"date":     clock.date,
		"stamp":    clock.stamp,
		"took":     Took,
		"or_dash":  orDash,
		"named":    Named,
		"sentence": Sentence,
		"plural":   Plural,
	}
}
