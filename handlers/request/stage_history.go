package request

import (
	"maps"
	"slices"
	"time"

	"github.com/gofiber/fiber/v2"

	"lifecycle-sync/models"
	"lifecycle-sync/services/stages"
)

// MetricsField is the field of a move's metrics.
const MetricsField = "performance_metrics"

// move is a request to record a move.
type move struct {
	ProductID       *int64      `json:"id_produk"           validate:"required"`
	StageID         *int64      `json:"stage_now"           validate:"required"`
	PreviousStageID *int64      `json:"stage_previous"`
	Notes           *string     `json:"catatan"`
	ChangedAt       *time.Time  `json:"tanggal_perubahan"`
	Metrics         models.JSON `json:"performance_metrics"`
}

// correction is a request to change a recorded move. Its time can be changed but not removed.
type correction struct {
	Notes     *string     `json:"catatan"`
	ChangedAt *time.Time  `json:"tanggal_perubahan"   validate:"required"`
	Metrics   models.JSON `json:"performance_metrics"`
}

// ReadMove reads a move from JSON. Errors: unsupported_type, too_large, validation_failed.
func (ch Checker) ReadMove(c *fiber.Ctx) (stages.Input, error) {
	sent, err := readTexts(c, fieldNames(move{}))
	if err != nil {
		return stages.Input{}, err
	}
	return ch.Move(sent)
}

// Move parses the texts of a move's fields, "" for NULL, and ignores other texts. Errors: validation_failed.
func (ch Checker) Move(sent map[string]string) (stages.Input, error) {
	var m move
	if err := ch.check(&m, bindText(sent, &m)); err != nil {
		return stages.Input{}, err
	}
	return stages.Input{
		ProductID: *m.ProductID, StageID: *m.StageID, PreviousStageID: m.PreviousStageID,
		Notes: m.Notes, ChangedAt: m.ChangedAt, Metrics: m.Metrics,
	}, nil
}

// ReadCorrection reads a correction from JSON. Errors: as ReadMove.
func (ch Checker) ReadCorrection(c *fiber.Ctx) (stages.Input, error) {
	sent, err := readTexts(c, fieldNames(correction{}))
	if err != nil {
		return stages.Input{}, err
	}
	return ch.Correction(sent)
}

// Correction parses the texts of the fields to change; fields that were not sent keep their values. Errors:
// validation_failed.
func (ch Checker) Correction(sent map[string]string) (stages.Input, error) {
	var corrected correction
	if err := ch.check(&corrected, bindText(sent, &corrected), slices.Collect(maps.Keys(sent))...); err != nil {
		return stages.Input{}, err
	}
	return stages.Input{
		Notes: corrected.Notes, ChangedAt: corrected.ChangedAt, Metrics: corrected.Metrics, Given: slices.Sorted(maps.Keys(sent)),
	}, nil
}
