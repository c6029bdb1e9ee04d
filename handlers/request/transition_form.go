package request

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"lifecycle-sync/models"
	"lifecycle-sync/services/stages"
)

// MetricsField is the field of a transition's metrics.
const MetricsField = "performance_metrics"

// transitionForm is what is said of a transition, as texts.
type transitionForm struct {
	ProductID       string `json:"id_produk"         validate:"required,id"`
	StageID         string `json:"stage_now"         validate:"required,id"`
	PreviousStageID string `json:"stage_previous"    validate:"omitempty,id"`
	Notes           string `json:"catatan"`
	ChangedAt       string `json:"tanggal_perubahan" validate:"omitempty,instant"`
}

// TransitionColumns are the names of a transition's fields but for the metrics.
func TransitionColumns() []string {
	return []string{"id_produk", "stage_now", "stage_previous", "catatan", "tanggal_perubahan"}
}

// Transition is what fields, of which others may be among them, say of a transition. Errors: validation_failed.
func (ch Checker) Transition(sent map[string]string, metrics models.JSON) (stages.Input, error) {
	f := transitionForm{
		ProductID: sent["id_produk"], StageID: sent["stage_now"], PreviousStageID: sent["stage_previous"],
		Notes: sent["catatan"], ChangedAt: sent["tanggal_perubahan"],
	}
	if err := ch.Check(&f); err != nil {
		return stages.Input{}, err
	}
	return stages.Input{
		ProductID: *SomeID(f.ProductID), StageID: *SomeID(f.StageID), PreviousStageID: SomeID(f.PreviousStageID),
		Notes: SomeText(f.Notes), ChangedAt: SomeInstant(f.ChangedAt), Metrics: metrics,
	}, nil
}

// correctionForm is what can be changed of a transition. Its time cannot be taken away.
type correctionForm struct {
	Notes     string `json:"catatan"`
	ChangedAt string `json:"tanggal_perubahan" validate:"required,instant"`
}

// Correction is what fields, the metrics included, say of a transition that is there: what is not among them
// stays as it is. Errors: validation_failed.
func (ch Checker) Correction(sent map[string]string, metrics models.JSON) (stages.Input, error) {
	f := correctionForm{Notes: sent["catatan"], ChangedAt: sent["tanggal_perubahan"]}
	if _, given := sent["tanggal_perubahan"]; given {
		if err := ch.Check(&f); err != nil {
			return stages.Input{}, err
		}
	}
	return stages.Input{
		Notes: SomeText(f.Notes), ChangedAt: SomeInstant(f.ChangedAt), Metrics: metrics, Given: slices.Sorted(maps.Keys(sent)),
	}, nil
}

// Metrics takes a JSON value for a transition's metrics: an object, or null for none. Errors: validation_failed.
func Metrics(document json.RawMessage) (models.JSON, error) {
	switch {
	case string(document) == "null":
		return nil, nil
	case document[0] != '{':
		return nil, Invalid(MetricsField, "type", "request.json_object", nil)
	default:
		return models.JSON(document), nil
	}
}

// MetricsText is Metrics for what somebody has typed; blanks are none. Errors: validation_failed.
func MetricsText(text string) (models.JSON, error) {
	if text = strings.TrimSpace(text); text == "" {
		return nil, nil
	}
	if !json.Valid([]byte(text)) {
		return nil, Invalid(MetricsField, "type", "request.json_object", nil)
	}
	object, err := ObjectOf([]byte(`{"`+MetricsField+`":`+text+`}`), []string{MetricsField})
	if err != nil {
		return nil, err
	}
	return Metrics(object[MetricsField])
}
