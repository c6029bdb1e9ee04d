package handlers

import (
	"maps"
	"slices"

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

// correctionForm is what can be changed of a transition. Its time cannot be taken away.
type correctionForm struct {
	Notes     string `json:"catatan"`
	ChangedAt string `json:"tanggal_perubahan" validate:"required,instant"`
}

// Record records a transition.
func (h *HistoryWrites) Record(c *fiber.Ctx) error {
	key, err := request.IdempotencyKey(c)
	if err != nil {
		return err
	}
	fields, metrics, err := readTransition(c, request.TransitionColumns())
	if err != nil {
		return err
	}
	in, err := h.checker.Transition(fields, metrics)
	if err != nil {
		return err
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
	fields, metrics, err := readTransition(c, []string{"catatan", "tanggal_perubahan"})
	if err != nil {
		return err
	}
	f := correctionForm{Notes: fields["catatan"], ChangedAt: fields["tanggal_perubahan"]}
	if _, given := fields["tanggal_perubahan"]; given {
		if err := h.checker.Check(&f); err != nil {
			return err
		}
	}
	written, err := h.writer.Correct(c.UserContext(), id, services.TransitionInput{
		Notes: request.SomeText(f.Notes), ChangedAt: request.SomeInstant(f.ChangedAt), Metrics: metrics, Given: slices.Collect(maps.Keys(fields)),
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

// readTransition reads the named fields and the metrics, a JSON object or nil. What was sent, the metrics
// included, is among the fields.
func readTransition(c *fiber.Ctx, columns []string) (fields map[string]string, metrics models.JSON, err error) {
	object, err := request.ReadObject(c, append([]string{request.MetricsField}, columns...))
	if err != nil {
		return nil, nil, err
	}
	fields = map[string]string{}
	for _, column := range columns {
		value, sent := object[column]
		if !sent {
			continue
		}
		if fields[column], err = request.Scalar(column, value); err != nil {
			return nil, nil, err
		}
	}
	document, sent := object[request.MetricsField]
	if !sent {
		return fields, nil, nil
	}
	fields[request.MetricsField] = string(document)
	if string(document) == "null" {
		return fields, nil, nil
	}
	if document[0] != '{' {
		return nil, nil, request.Invalid(request.MetricsField, "type", "%s must be a JSON object", request.MetricsField)
	}
	return fields, models.JSON(document), nil
}
