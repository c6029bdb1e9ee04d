package handlers

import (
	"context"
	"encoding/json"
	"strings"

	"github.com/gofiber/fiber/v2"

	"lifecycle-sync/handlers/request"
	"lifecycle-sync/models"
	"lifecycle-sync/services/runs"
	"lifecycle-sync/web/messages"
)

// runsPath is the address of the run list.
const runsPath = "/api/product-lifecycle/sync/runs"

// run is a run in the API.
type run struct {
	ID              int64               `json:"run"`
	Mode            string              `json:"mode"`
	State           models.RunState     `json:"state"`
	Reason          *string             `json:"reason"`
	ReasonDetails   models.Texts        `json:"reason_details"`
	StartedAt       models.Instant      `json:"started_at"`
	FinishedAt      *models.Instant     `json:"finished_at"`
	Attempts        int                 `json:"attempts"`
	Error           *runError           `json:"error"`
	CancelRequested bool                `json:"cancelRequested"`
	Differences     *models.Differences `json:"differences"`
	Digest          *string             `json:"digest"`
	Actor           *models.Actor       `json:"actor"`
	AllowedDeletes  *int64              `json:"allowedDeletes"`
}

type runError struct {
	Class         models.Class   `json:"class"`
	Message       string         `json:"message"`
	Remedy        string         `json:"remedy"`
	MessageDetail models.Text    `json:"message_detail"`
	RemedyDetail  *models.Remedy `json:"remedy_detail"`
}

// runDetail is a run with its counts per table.
type runDetail struct {
	run
	Tables []models.TableCount `json:"tables"`
}

// runPrinter writes runs and the sync status, with messages in the language of a request.
type runPrinter struct{ *messages.Printer }

func runPrinterOf(c *fiber.Ctx) runPrinter { return runPrinter{PrinterOf(c)} }

func (p runPrinter) run(r models.Run) run {
	out := run{
		ID: r.ID, Mode: r.Mode, State: r.State, ReasonDetails: r.ReasonTexts(), StartedAt: models.InstantOf(r.StartedAt), FinishedAt: convertOptional(r.FinishedAt, models.InstantOf),
		Attempts: r.Attempts, CancelRequested: r.CancelRequested, Differences: r.Found(), Digest: r.Digest, AllowedDeletes: r.AllowedDeletes,
	}
	if r.Actor.ID != "" {
		out.Actor = &r.Actor
	}
	if len(out.ReasonDetails) > 0 {
		out.Reason = new(p.Texts(out.ReasonDetails))
	} else {
		out.ReasonDetails = models.Texts{}
	}
	if e := r.Err(); e != nil {
		out.Error = &runError{Class: e.Class, Message: p.Message(e), Remedy: p.RemedyOf(e), MessageDetail: e.Text, RemedyDetail: e.Remedy}
	}
	return out
}

// convertAll converts rows. The result is never nil, so that JSON has an empty list, not null.
func convertAll[From, To any](rows []From, convert func(From) To) []To {
	out := make([]To, len(rows))
	for i, row := range rows {
		out[i] = convert(row)
	}
	return out
}

// convertOptional converts a value; nil stays nil.
func convertOptional[From, To any](value *From, convert func(From) To) *To {
	if value == nil {
		return nil
	}
	return new(convert(*value))
}

// withSourceNames replaces mirror table names with those of lifecycle_db.
func withSourceNames(tables []models.TableCount) []models.TableCount {
	return convertAll(tables, func(t models.TableCount) models.TableCount {
		t.Table = models.SourceName(t.Table)
		return t
	})
}

// Runs serves a page of the runs.
func (h *Sync) Runs(c *fiber.Ctx) error {
	return list(c, h.Journal.List, runPrinterOf(c).run)
}

// Run serves one run with its counts.
func (h *Sync) Run(c *fiber.Ctx) error {
	id, err := request.BigID(c)
	if err != nil {
		return err
	}
	r, tables, err := h.Journal.Get(c.UserContext(), id)
	if err != nil {
		return err
	}
	return c.JSON(success{Success: true, Data: runDetail{run: runPrinterOf(c).run(r), Tables: withSourceNames(tables)}})
}

type change struct {
	Change   *int64      `json:"change"` // its id in the change log; null for one that was not applied
	Activity *int64      `json:"activity"`
	Table    string      `json:"table"`
	ID       int64       `json:"id"`
	Action   string      `json:"action"`
	Before   models.JSON `json:"before"`
	After    models.JSON `json:"after"`
}

// Changes serves a page of a run's change log.
func (h *Sync) Changes(c *fiber.Ctx) error {
	id, err := request.BigID(c)
	if err != nil {
		return err
	}
	readPage := func(ctx context.Context, p models.Paging) ([]models.LoggedChange, models.Pagination, error) {
		return h.Journal.Changes(ctx, id, p)
	}
	return list(c, readPage, changeOf)
}

func changeOf(l models.LoggedChange) change {
	return change{Change: logID(l), Activity: l.ActivityID, Table: models.SourceName(l.Table), ID: l.RowID, Action: l.Action, Before: encodable(l.Before), After: rowAfter(l)}
}

// logID returns the id of an entry of the change log; nil for one that is not in it.
func logID(l models.LoggedChange) *int64 {
	if l.ID == 0 {
		return nil
	}
	return &l.ID
}

// rowAfter returns a row after its change. For a row that would be quarantined it adds the reason, as in Quarantine.
func rowAfter(l models.LoggedChange) models.JSON {
	entry, ok := l.Unfit()
	if !ok {
		return encodable(l.After)
	}
	document, err := json.Marshal(struct {
		Reason       string      `json:"reason"`
		ReasonDetail models.Text `json:"reason_detail"`
		Row          models.JSON `json:"row"`
	}{entry.Reason().String(), entry.Reason().Text(), encodable(entry.Row)})
	if err != nil {
		return encodable(l.After)
	}
	return document
}

// rowChange is a change with its run.
type rowChange struct {
	change
	Run       int64          `json:"run"`
	Mode      string         `json:"mode"`
	StartedAt models.Instant `json:"started_at"`
}

// RowChanges serves a page of a row's changes.
func (h *Sync) RowChanges(c *fiber.Ctx) error {
	q := request.ParseQuery(c, "table", "id", "page", "limit")
	query := runs.RowQuery{Paging: request.Paging(q), Table: q.Text("table"), ID: q.ID("id")}
	if err := q.Err(); err != nil {
		return err
	}
	changes, pagination, err := h.Journal.RowChanges(c.UserContext(), query)
	if err != nil {
		return err
	}
	return sendPage(c, changes, pagination, func(r models.RowChange) rowChange {
		return rowChange{change: changeOf(r.LoggedChange), Run: r.RunID, Mode: r.Mode, StartedAt: r.StartedAt}
	})
}

type quarantinedRow struct {
	Table   string         `json:"table"`
	ID      int64          `json:"id"`
	Reason  string         `json:"reason"`
	Detail  models.Text    `json:"reason_detail"`
	Payload models.JSON    `json:"payload"`
	Run     int64          `json:"run"`
	Since   models.Instant `json:"since"`
}

// Quarantine serves a page of the source rows that cannot be mirrored.
func (h *Sync) Quarantine(c *fiber.Ctx) error {
	return list(c, h.Journal.Quarantine, func(q models.Quarantined) quarantinedRow {
		return quarantinedRow{
			Table: models.SourceName(q.Table), ID: q.RowID, Reason: q.Reason.String(), Detail: q.Reason.Text(),
			Payload: encodable(q.Payload), Run: q.RunID, Since: models.InstantOf(q.Since),
		}
	})
}

// list serves a page of rows without caching.
func list[From, To any](
	c *fiber.Ctx, readPage func(context.Context, models.Paging) ([]From, models.Pagination, error), convert func(From) To,
) error {
	p, err := request.ReadPaging(c)
	if err != nil {
		return err
	}
	rows, pagination, err := readPage(c.UserContext(), p)
	if err != nil {
		return err
	}
	return sendPage(c, rows, pagination, convert)
}

// sendPage sends a page of rows.
func sendPage[From, To any](c *fiber.Ctx, rows []From, pagination models.Pagination, convert func(From) To) error {
	c.Set(fiber.HeaderLink, pageLinks(strings.Clone(c.OriginalURL()), pagination))
	return c.JSON(success{Success: true, Data: convertAll(rows, convert), Pagination: &pagination})
}

// encodable returns a stored document for a response: an empty object if it is nested too deeply for encoding/json, which
// the databases allow.
func encodable(stored models.JSON) models.JSON {
	if stored == nil || json.Valid(stored) {
		return stored
	}
	return models.JSON("{}")
}
