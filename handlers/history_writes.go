package handlers

import (
	"github.com/gofiber/fiber/v2"

	"lifecycle-sync/handlers/request"
	"lifecycle-sync/models"
	"lifecycle-sync/services/outbox"
	"lifecycle-sync/services/stages"
)

// HistoryWrites answers requests that change the stage history.
type HistoryWrites struct {
	checker request.Checker
	writer  *stages.Writer
}

// NewHistoryWrites returns the handlers on their use cases.
func NewHistoryWrites(w *stages.Writer) *HistoryWrites {
	return &HistoryWrites{checker: request.NewChecker(), writer: w}
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
	written, err := h.writer.Record(c.UserContext(), in, outbox.Request{Key: key, Fingerprint: outbox.Fingerprint(in, nil)})
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
	versions, err := request.IfMatch(c)
	if err != nil {
		return err
	}
	fields, metrics, err := readTransition(c, []string{"catatan", "tanggal_perubahan"})
	if err != nil {
		return err
	}
	in, err := h.checker.Correction(fields, metrics)
	if err != nil {
		return err
	}
	written, err := h.writer.Correct(c.UserContext(), id, in, versions, nil)
	if err != nil {
		return withCurrentETag(c, err)
	}
	return answerWrite(c, fiber.StatusOK, "The transition was changed.", written)
}

// Delete deletes a transition.
func (h *HistoryWrites) Delete(c *fiber.Ctx) error {
	id, err := request.ID(c)
	if err != nil {
		return err
	}
	versions, err := request.IfMatch(c)
	if err != nil {
		return err
	}
	written, err := h.writer.Delete(c.UserContext(), id, versions)
	if err != nil {
		return withCurrentETag(c, err)
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
	metrics, err = request.Metrics(document)
	return fields, metrics, err
}
