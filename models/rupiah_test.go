package models_test

import (
	"testing"

	"lifecycle-sync/models"
)

func TestParseTypedRupiah(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int64{
		"0": 0, " 7 ": 7, "1250000": 1_250_000, "1.250.000": 1_250_000, "Rp 1.250.000": 1_250_000, "Rp\u00a01.250.000": 1_250_000, "Rp. 1.250.000": 1_250_000,
		"rp1.250.000,00": 1_250_000, "IDR 5000": 5000, "5000,-": 5000, "5.000,–": 5000, "5.000.-": 5000, "1250000.00": 1_250_000, "1250000,0": 1_250_000,
		"1,250,000": 1_250_000, "1,250,000.00": 1_250_000, "1.250.000 IDR": 1_250_000, "1.25E6": 1_250_000, "1.25e+06": 1_250_000, "9223372036854775807": 9_223_372_036_854_775_807,
	} {
		if got, err := models.ParseTypedRupiah(text); err != nil || got != want {
			t.Errorf("%q: %d %v, want %d", text, got, err, want)
		}
	}
	for _, text := range []string{
		"", "Rp", "x", "-5", "1250.000", "1.25", "1.5", "1.250.00", "1,250,00", "1.250,000", "1,250.000", "5000,50", "Rp. lima", "1.2345E3", "1E-2", "1E99",
		"9223372036854775808", "1 250", "1.2500", "12.50.000",
	} {
		if got, err := models.ParseTypedRupiah(text); err == nil {
			t.Errorf("%q: %d", text, got)
		}
	}
}
