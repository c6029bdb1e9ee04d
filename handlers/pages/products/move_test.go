package products

import "testing"

func TestMetricValue_ReadsNumbersAsInIndonesia(t *testing.T) {
	t.Parallel()
	for input, want := range map[string]string{
		"1.250": "1250", "4,5": "4.5", "12,50": "12.50", " 1250 ": "1250", "1.250.000,75": "1250000.75", "-3,2": "-3.2", "−3": "-3", "0": "0", "0,05": "0.05",
		"12345678901234567890,10": "12345678901234567890.10",
		"Jawa":                    `"Jawa"`, "4,5 %": `"4,5 %"`, "007": `"007"`, "1.2.3": `"1.2.3"`, "1e5": `"1e5"`, "": `""`,
	} {
		if got, ok := metricValue(input); got != want || !ok {
			t.Errorf("%q becomes %s, %t, want %s", input, got, ok, want)
		}
	}
	for _, input := range []string{"4.5", "0.125", "12.50", "1250.75", "1,250.5", "1,250,000"} {
		if got, ok := metricValue(input); ok {
			t.Errorf("%q becomes %s", input, got)
		}
	}
}
