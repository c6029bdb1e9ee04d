package sync

import (
	"context"
	"time"

	"github.com/gofiber/fiber/v2"

	"lifecycle-sync/handlers/pages"
	"lifecycle-sync/handlers/request"
	"lifecycle-sync/models"
	"lifecycle-sync/services/doctor"
)

type examined struct {
	Groups []findings
	At     time.Time
}

// findings are those of a status.
type findings struct {
	Heading, Tone string
	Findings      []finding
}

type finding struct {
	Name, Message string
	Remedy        pages.Remedy
}

// Doctor examines everything and shows what was found, what must be done first.
func (h *Pages) Doctor(c *fiber.Ctx) error {
	if err := request.ParseQuery(c).Err(); err != nil {
		return err
	}
	found, err := h.examine(c.UserContext())
	if err != nil {
		return err
	}
	return h.site.Show(c, fiber.StatusOK, pages.Page{Template: "sync/doctor", Title: "Doctor", Section: "sync", Data: examined{h.grouped(found), time.Now()}})
}

// examine has one examination at a time: each takes connections that the synchronisation needs. Errors: timeout, canceled.
func (h *Pages) examine(ctx context.Context) ([]doctor.Finding, error) {
	select {
	case h.turn <- struct{}{}:
		defer func() { <-h.turn }()
		return h.doctor.Diagnose(ctx), nil
	case <-ctx.Done():
		return nil, models.AsError(ctx.Err())
	}
}

// grouped sorts findings by status, without statuses that there are none of.
func (h *Pages) grouped(found []doctor.Finding) []findings {
	var groups []findings
	for _, g := range []struct {
		status        doctor.Status
		heading, tone string
	}{
		{doctor.Problem, "Something must be done", "bad"},
		{doctor.Note, "Worth knowing", "warn"},
		{doctor.Skipped, "Not looked at", ""},
		{doctor.OK, "As it should be", "good"},
	} {
		group := findings{Heading: g.heading, Tone: g.tone}
		for _, f := range found {
			if f.Status == g.status {
				group.Findings = append(group.Findings, finding{f.Name, h.site.Texts().Text(f.Text), h.remedy(f.Remedy)})
			}
		}
		if group.Findings != nil {
			groups = append(groups, group)
		}
	}
	return groups
}

func (h *Pages) remedy(r *models.Remedy) pages.Remedy {
	if r == nil {
		return pages.Remedy{}
	}
	return pages.Remedy{Before: h.site.Texts().Text(r.Text), Statement: r.Command}
}
