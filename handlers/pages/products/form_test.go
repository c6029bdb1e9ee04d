package products

import "testing"

func TestParsed_ReadsPricesAsPeopleWriteThem(t *testing.T) {
	t.Parallel()
	for input, want := range map[string]string{
		"1250000": "1250000", "1.250.000": "1250000", "Rp 1.250.000": "1250000", "Rp\u00a01.250.000": "1250000", "Rp. 1.250.000": "1250000", "rp1.250.000,00": "1250000",
		"IDR 5000": "5000", "5000,-": "5000", "5.000,–": "5000", "1250000.00": "1250000", " 7 ": "7", "": "", "-5": "-5",
		"1,250,000": "1250000", "1250.000": ambiguousPrice, "1.25": "1.25", "1.250.00": "1.250.00", "5000,50": "5000,50", "Rp. lima": "Rp. lima",
	} {
		if got := normalizePrices(map[string]string{"harga": input})["harga"]; got != want {
			t.Errorf("%q becomes %q, want %q", input, got, want)
		}
	}
}
