package handlers

import (
	"github.com/gofiber/fiber/v2"

	"lifecycle-sync/handlers/request"
	"lifecycle-sync/models"
	"lifecycle-sync/services"
)

// HistoryWrites answers requests that change the stage history.
type HistoryWrites struct {
	checker request.Checker
	writer  *services.HistoryWriter
}

// NewHistoryWrites returns the handlers on their use cases.
func NewHistoryWrites(w *services.HistoryWriter) *HistoryWrites {
	return &HistoryWrites{checker: request.NewChecker(), writer: w}
}

// transitionForm is what a transition's JSON says, as texts.
type transitionForm struct {
	ProductID       string `json:"id_produk"         validate:"required,id"`
	StageID         string `json:"stage_now"         validate:"required,id"`
	PreviousStageID string `json:"stage_previous"    validate:"omitempty,id"`
	Notes           string `json:"catatan"`
	ChangedAt       string `json:"tanggal_perubahan" validate:"omitempty,instant"`
}

// correctionForm is what can be changed of a transition. Its time cannot be taken away.
type correctionForm struct {
	Notes     string `json:"catatan"`
	ChangedAt string `json:"tanggal_perubahan" validate:"required,instant"`
}

const metricsField = "performance_metrics"

// Record records a transition.
func (h *HistoryWrites) Record(c *fiber.Ctx) error {
	key, err := request.IdempotencyKey(c)
	if err != nil {
		return err
	}
	var f transitionForm
	_, metrics, err := readTransition(c, []jsonField{
		{"id_produk", &f.ProductID}, {"stage_now", &f.StageID},
		{"stage_previous", &f.PreviousStageID},
		{"catatan", &f.Notes}, {"tanggal_perubahan", &f.ChangedAt},
	})
	if err == nil {
		err = h.checker.Check(&f)
	}
	if err != nil {
		return err
	}
	in := services.TransitionInput{
		ProductID: *request.SomeID(f.ProductID), StageID: *request.SomeID(f.StageID), PreviousStageID: request.SomeID(f.PreviousStageID),
		Notes: request.SomeText(f.Notes), ChangedAt: request.SomeInstant(f.ChangedAt), Metrics: metrics,
	}
	written, err := h.writer.Record(c.UserContext(), in, services.WriteRequest{Key: key, Fingerprint: services.Fingerprint(in, nil)})
	if err != nil {
		return err
	}
	locate(c, written.RowID)
	return answerWrite(c, fiber.StatusCreated, "The transition was recorded.", written)
}

// Correct changes notes, time and metrics of a transition.
func (h *HistoryWrites) Correct(c *fiber.Ctx) error {
	id, err := request.ID(c)
	if err != nil {
		return err
	}
	var f correctionForm
	given, metrics, err := readTransition(c, []jsonField{{"catatan", &f.Notes}, {"tanggal_perubahan", &f.ChangedAt}})
	if err != nil {
		return err
	}
	for _, column := range given {
		if column == "tanggal_perubahan" {
			if err := h.checker.Check(&f); err != nil {
				return err
			}
		}
	}
	written, err := h.writer.Correct(c.UserContext(), id, services.TransitionInput{
		Notes: request.SomeText(f.Notes), ChangedAt: request.SomeInstant(f.ChangedAt), Metrics: metrics, Given: given,
	})
	if err != nil {
		return err
	}
	return answerWrite(c, fiber.StatusOK, "The transition was changed.", written)
}

// Delete deletes a transition.
func (h *HistoryWrites) Delete(c *fiber.Ctx) error {
	id, err := request.ID(c)
	if err != nil {
		return err
	}
	written, err := h.writer.Delete(c.UserContext(), id)
	if err != nil {
		return err
	}
	return answerWrite(c, fiber.StatusOK, "The transition was deleted; the product stays in its stage.", written)
}

// jsonField is where a field of a transition goes.
type jsonField struct {
	column string
	text   *string
}

// readTransition reads the fields into their texts, and the metrics: a JSON object, or nil. given are
// the columns that were sent.
func readTransition(c *fiber.Ctx, fields []jsonField) (given []string, metrics models.JSON, err error) {
	names := []string{metricsField}
	for _, f := range fields {
		names = append(names, f.column)
	}
	object, err := request.ReadObject(c, names)
	if err != nil {
		return nil, nil, err
	}
	for _, f := range fields {
		value, sent := object[f.column]
		if !sent {
			continue
		}
		given = append(given, f.column)
		if *f.text, err = request.Scalar(f.column, value); err != nil {
			return nil, nil, err
		}
	}
	if document, sent := object[metricsField]; sent && string(document) != "null" {
		if document[0] != '{' {
			return nil, nil, request.Invalid(metricsField, "type", "%s must be a JSON object", metricsField)
		}
		metrics = models.JSON(document)
	}
	if _, sent := object[metricsField]; sent {
		given = append(given, metricsField)
	}
	return given, metrics, nil
}
