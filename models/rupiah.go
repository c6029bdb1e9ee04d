package models

import (
	"fmt"
	"math/big"
	"regexp"
	"strconv"
	"strings"
)

var wholeNumber = regexp.MustCompile(`^([0-9]{1,19})(\.0{1,20})?$`)

// ParseRupiah reads a whole number that is not negative, which may have a fraction of zeros. It never rounds.
func ParseRupiah(text string) (int64, error) {
	parts := wholeNumber.FindStringSubmatch(text)
	if parts == nil {
		return 0, fmt.Errorf("%q is not a whole number of rupiah", text)
	}
	return strconv.ParseInt(parts[1], 10, 64)
}

// typedRupiah matches prices as people and spreadsheets write them. The separator of thousands is not that of cents.
var typedRupiah = regexp.MustCompile(`^(?i:(?:rp|idr)\.?)?[\s\x{a0}]*(?:` +
	`([0-9]{1,3}(?:\.[0-9]{3})+)(?:,00?|[.,][-–]+)?|` + // 1.250.000,00
	`([0-9]{1,3}(?:,[0-9]{3})+)(?:\.00?|[.,][-–]+)?|` + // 1,250,000.00
	`([0-9]+)(?:[.,](?:00?|[-–]+))?|` + // 1250000,00 or 5000,-
	`([0-9]+(?:\.[0-9]+)?[eE]\+?[0-9]{1,2})` + // 1.25E+06
	`)[\s\x{a0}]*(?i:idr)?$`)

// ParseTypedRupiah reads a price as people write it, such as Rp 1.250.000, 1,250,000.00 or 5000,-. It never rounds, and rejects what
// ParseRupiah would read otherwise, such as 1250.000.
func ParseTypedRupiah(text string) (int64, error) {
	parts := typedRupiah.FindStringSubmatch(strings.TrimSpace(text))
	if parts == nil {
		return 0, fmt.Errorf("%q is not a price in whole rupiah", text)
	}
	if n, ok := new(big.Rat).SetString(parts[4]); ok {
		if !n.IsInt() {
			return 0, fmt.Errorf("%q has a fraction", text)
		}
		return strconv.ParseInt(n.Num().String(), 10, 64)
	}
	return strconv.ParseInt(strings.NewReplacer(".", "", ",", "").Replace(parts[1]+parts[2]+parts[3]), 10, 64)
}
