package models

import (
	"strconv"
	"strings"
)

// SizeText is a number of bytes as people read sizes of files, by 1024: 999 B, 1,2 MB, 25 MB. It never rounds up.
func SizeText(bytes int64) string {
	const kilo = 1024
	unit, of := "MB", int64(kilo*kilo)
	switch {
	case bytes < kilo:
		return strconv.FormatInt(bytes, 10) + " B"
	case bytes < kilo*kilo:
		unit, of = "kB", kilo
	}
	whole, tenth := bytes/of, bytes%of*10/of
	text := strconv.FormatInt(whole, 10) + "," + strconv.FormatInt(tenth, 10)
	return strings.TrimSuffix(text, ",0") + " " + unit
}
