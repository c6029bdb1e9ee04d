package request

import (
	"lifecycle-sync/models"
	"lifecycle-sync/services"
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
func (ch Checker) Transition(sent map[string]string, metrics models.JSON) (services.TransitionInput, error) {
	f := transitionForm{
		ProductID: sent["id_produk"], StageID: sent["stage_now"], PreviousStageID: sent["stage_previous"],
		Notes: sent["catatan"], ChangedAt: sent["tanggal_perubahan"],
	}
	if err := ch.Check(&f); err != nil {
		return services.TransitionInput{}, err
	}
	return services.TransitionInput{
		ProductID: *SomeID(f.ProductID), StageID: *SomeID(f.StageID), PreviousStageID: SomeID(f.PreviousStageID),
		Notes: SomeText(f.Notes), ChangedAt: SomeInstant(f.ChangedAt), Metrics: metrics,
	}, nil
}
