package pages

import (
	"lifecycle-sync/models"
	"lifecycle-sync/web"
)

// metricsOf are the metrics of a transition, the numbers among them as people write them.
func metricsOf(document models.JSON) []value {
	if string(document) == "null" {
		return nil
	}
	metrics := valuesOf(document)
	for i, m := range metrics {
		if m.IsNumber && m.Start == "" {
			metrics[i].Text = web.Decimal(m.Text)
		}
	}
	return metrics
}
