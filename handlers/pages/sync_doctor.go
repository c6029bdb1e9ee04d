package pages

import (
	"context"
	"time"

	"github.com/gofiber/fiber/v2"

	"lifecycle-sync/handlers/request"
	"lifecycle-sync/models"
	"lifecycle-sync/services/doctor"
)

// Doctor is the page of what is found about the program's surroundings.
type Doctor struct {
	site   *Site
	doctor *doctor.Doctor
	turn   chan struct{} // holds one while somebody examines
}

// NewDoctor returns the handlers.
func NewDoctor(site *Site, d *doctor.Doctor) *Doctor { return &Doctor{site, d, make(chan struct{}, 1)} }

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
	Remedy        remedy
}

// Show examines everything and shows what was found, what must be done first.
func (h *Doctor) Show(c *fiber.Ctx) error {
	if err := request.ParseQuery(c).Err(); err != nil {
		return err
	}
	found, err := h.examine(c.UserContext())
	if err != nil {
		return err
	}
	return h.site.Show(c, fiber.StatusOK, Page{Template: "sync/doctor", Title: "Doctor", Section: "sync", Data: examined{h.grouped(found), time.Now()}})
}

// examine has one examination at a time: each takes connections that the synchronisation needs. Errors: timeout, canceled.
func (h *Doctor) examine(ctx context.Context) ([]doctor.Finding, error) {
	select {
	case h.turn <- struct{}{}:
		defer func() { <-h.turn }()
		return h.doctor.Diagnose(ctx), nil
	case <-ctx.Done():
		return nil, models.AsError(ctx.Err())
	}
}

// grouped sorts findings by status, without statuses that there are none of.
func (h *Doctor) grouped(found []doctor.Finding) []findings {
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
				group.Findings = append(group.Findings, finding{f.Name, h.site.texts.Text(f.Text), h.remedy(f.Remedy)})
			}
		}
		if group.Findings != nil {
			groups = append(groups, group)
		}
	}
	return groups
}

func (h *Doctor) remedy(r *models.Remedy) remedy {
	if r == nil {
		return remedy{}
	}
	return remedy{Before: h.site.texts.Text(r.Text), Statement: r.Command}
}
