package products

import (
	"testing"

	"lifecycle-sync/web/messages"
)

func TestMetricValue_ReadsNumbersAsTheLanguageWritesThem(t *testing.T) {
	t.Parallel()
	for language, numbers := range map[string]map[string]string{
		messages.Indonesian: {
			"1.250": "1250", "4,5": "4.5", "12,50": "12.50", " 1250 ": "1250", "1.250.000,75": "1250000.75", "-3,2": "-3.2", "−3": "-3", "0": "0", "0,05": "0.05",
			"12345678901234567890,10": "12345678901234567890.10",
			"Jawa":                    `"Jawa"`, "4,5 %": `"4,5 %"`, "007": `"007"`, "1.2.3": `"1.2.3"`, "1e5": `"1e5"`, "": `""`,
		},
		messages.English: {
			"1,250": "1250", "4.5": "4.5", "12.50": "12.50", "1,250,000.75": "1250000.75", "−3.2": "-3.2", "4.5 %": `"4.5 %"`, "1.2.3": `"1.2.3"`,
		},
	} {
		for input, want := range numbers {
			if got, ok := metricValue(input, language); got != want || !ok {
				t.Errorf("%q in %q becomes %s, %t, want %s", input, language, got, ok, want)
			}
		}
	}
	for language, numbers := range map[string][]string{
		messages.Indonesian: {"4.5", "0.125", "12.50", "1250.75", "1,250.5", "1,250,000"},
		messages.English:    {"4,5", "0,125", "12,50", "1250,75", "1.250,5", "1.250.000"},
	} {
		for _, input := range numbers {
			if got, ok := metricValue(input, language); ok {
				t.Errorf("%q in %q becomes %s", input, language, got)
			}
		}
	}
}
