package sync

import (
	"context"
	"time"

	"github.com/gofiber/fiber/v2"

	"lifecycle-sync/handlers/request"
	"lifecycle-sync/models"
	"lifecycle-sync/services/doctor"
)

type diagnostics struct {
	Groups []findings
	At     time.Time
}

// findings are the findings with a status.
type findings struct {
	Heading  models.Text
	Tone     string
	Findings []doctor.Finding
}

// Doctor runs the diagnostics and shows the findings, the most urgent first.
func (h *Pages) Doctor(c *fiber.Ctx) error {
	if err := request.ParseQuery(c).Err(); err != nil {
		return err
	}
	found, err := h.diagnose(c.UserContext())
	if err != nil {
		return err
	}
	return h.show(c, fiber.StatusOK, "doctor", models.NewText("console_sync.diagnostics", nil), diagnostics{grouped(found), time.Now()})
}

// diagnose runs one diagnosis at a time: each needs connections that runs need, too. Errors: timeout, canceled.
func (h *Pages) diagnose(ctx context.Context) ([]doctor.Finding, error) {
	select {
	case h.turn <- struct{}{}:
		defer func() { <-h.turn }()
		return h.doctor.Diagnose(ctx), nil
	case <-ctx.Done():
		return nil, models.AsError(ctx.Err())
	}
}

// grouped groups findings by status, without empty groups.
func grouped(found []doctor.Finding) (groups []findings) {
	for _, g := range []struct {
		status        doctor.Status
		heading, tone string
	}{
		{doctor.Problem, "console_sync.findings_problem", "bad"},
		{doctor.Note, "console_sync.findings_note", "warn"},
		{doctor.Skipped, "console_sync.findings_skipped", ""},
		{doctor.OK, "console_sync.findings_ok", "good"},
	} {
		group := findings{Heading: models.NewText(g.heading, nil), Tone: g.tone}
		for _, f := range found {
			if f.Status == g.status {
				group.Findings = append(group.Findings, f)
			}
		}
		if group.Findings != nil {
			groups = append(groups, group)
		}
	}
	return groups
}
