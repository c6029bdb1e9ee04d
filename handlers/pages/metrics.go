package pages

import (
	"bytes"
	"encoding/json"

	"lifecycle-sync/models"
)

// What is shown of a document of metrics, which may be as large as anybody made it.
const (
	metricsShown = 50
	metricLength = 200 // characters
)

// metric is a name and a value in words.
type metric struct{ Name, Value string }

// metricsOf are the metrics of a transition. What is no JSON object has no names.
func metricsOf(document models.JSON) (metrics []metric) {
	if len(document) == 0 || string(document) == "null" {
		return nil
	}
	decoder := json.NewDecoder(bytes.NewReader(document))
	if start, err := decoder.Token(); err != nil || start != json.Delim('{') {
		return []metric{{Value: clipped(string(document))}}
	}
	for decoder.More() && len(metrics) < metricsShown {
		name, err := decoder.Token()
		var value json.RawMessage
		if err != nil || decoder.Decode(&value) != nil {
			return []metric{{Value: clipped(string(document))}}
		}
		text, isText := "", json.Unmarshal(value, new(string)) == nil
		if isText {
			_ = json.Unmarshal(value, &text) // it has just been done
		} else {
			text = string(value)
		}
		key, _ := name.(string)
		metrics = append(metrics, metric{clipped(key), clipped(text)})
	}
	return metrics
}

func clipped(text string) string {
	if len(text) > metricLength {
		if runes := []rune(text); len(runes) > metricLength {
			return string(runes[:metricLength]) + "…"
		}
	}
	return text
}
