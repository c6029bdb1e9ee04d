package sync

import (
	"slices"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"lifecycle-sync/handlers/pages"
	"lifecycle-sync/handlers/request"
	"lifecycle-sync/models"
	"lifecycle-sync/web"
	"lifecycle-sync/web/messages"
)

// rowsOfRun is how many changes stand on a page of a run, and runs on a page of the list.
const rowsOfRun = 25

type runPage struct {
	models.Run

	ModeName string
	Reason   string // why the run is what it is
	Badge    badge
	Words    string
	Refused  bool // it would have changed something else than somebody had seen, so it shows that
	Took     *time.Duration
	Found    *models.Differences // of a verification
	Trouble  *trouble
	Next     *advice // of a run that was canceled, which is no trouble
	Apply    *advice // where the page shows what could be applied
	Tables   []models.TableCount
	Would    bool // Tables and Changes are what would be done
	Changes  []loggedRow
	Of       int64 // how many changes there are, where not all are kept; else 0
	Pager    pages.Pager
}

// loggedRow is a row that a run changed, with where to see what else happened to it.
type loggedRow struct {
	changedRow

	History string
}

// ShowRun shows what a run did, or a comparison found; of a dry run it is the preview that can be applied.
func (h *Pages) ShowRun(c *fiber.Ctx) error {
	q := request.ParseQuery(c, "page", "limit")
	paging := request.Paging(q)
	if err := q.Err(); err != nil {
		return err
	}
	id, err := request.RunID(c)
	if err != nil {
		return err
	}
	return h.show(c, fiber.StatusOK, id, paging, "")
}

// show shows a run; mistyped is what is wrong with the number of rows that somebody would let leave.
func (h *Pages) show(c *fiber.Ctx, status int, id int64, paging models.Paging, mistyped string) error {
	run, tables, err := h.runs.One(c.UserContext(), id)
	if err != nil {
		return err
	}
	if paging.Limit == 0 {
		paging.Limit = rowsOfRun
	}
	changes, pagination, err := h.runs.Changes(c.UserContext(), id, paging)
	if err != nil {
		return err
	}
	shown := runPageOf(h.site.Texts(), run, tables, pagination.TotalItems)
	shown.Pager = pages.NewPager(addressOf(c, id), pagination)
	words := changedRowOf
	if shown.Would {
		words = wouldBe
	}
	for _, change := range changes {
		table := h.runs.SourceName(change.Table)
		shown.Changes = append(shown.Changes, loggedRow{words(change, table), rowHistory(table, change.RowID)})
	}
	for i := range shown.Tables {
		shown.Tables[i].Table = h.runs.SourceName(shown.Tables[i].Table)
	}
	if shown.Trouble != nil && mistyped != "" {
		for i := range shown.Trouble.Next.Forms {
			shown.Trouble.Next.Forms[i].Problem = mistyped
		}
	}
	title := shown.ModeName + " " + web.Number(id)
	return h.site.Show(c, status, pages.Page{Template: "sync/run", Title: title, Section: "sync", Data: shown})
}

// addressOf is the address of a run's page with what was asked of it, also where a form was sent elsewhere.
func addressOf(c *fiber.Ctx, run int64) string {
	if c.Method() == fiber.MethodPost {
		return pages.RunAddress(run)
	}
	return strings.Clone(c.OriginalURL())
}

func runPageOf(texts *messages.Printer, r models.Run, tables []models.TableCount, changes int64) runPage {
	p := runPage{Run: r, Reason: texts.Texts(r.Reasons), ModeName: modeName(r.Mode), Badge: runBadge(r), Tables: tables, Words: runWords(r, tables, changes)}
	if r.Mode == models.VerifyRun {
		p.Found = r.Found()
	}
	if r.FinishedAt != nil {
		took := max(r.FinishedAt.Sub(r.StartedAt), 0)
		p.Took = &took
	}
	if r.ChangesFound != nil {
		p.Of = *r.ChangesFound
	}
	p.Refused, p.Would = refused(r), onlyFound(r)
	switch {
	case r.State == models.CanceledRun:
		next := adviceOf(r)
		p.Next = &next
	case r.State != models.Running && r.State != models.Succeeded && !p.Refused:
		t := troubleOf(texts, r)
		p.Trouble = &t
	}
	if (r.Mode == models.DryRun && r.State == models.Succeeded || p.Refused) && r.Digest != nil && changes > 0 {
		p.Apply = &advice{
			Words: onlyThese(r) + " When something else would be changed by then, nothing is done, and you see what has become of it.",
			Forms: []runForm{{Mode: models.FullRun, Digest: *r.Digest, Seen: r.ID, Button: "Apply exactly this", Primary: true}},
		}
	}
	return p
}

// onlyFound reports whether what is kept with a run is what it would have changed, and has not.
func onlyFound(r models.Run) bool {
	return r.Mode == models.DryRun || r.Mode == models.VerifyRun || refused(r)
}

// refused reports whether a run was asked with a digest and would have changed something else.
func refused(r models.Run) bool { return models.Class(pages.Deref(r.ErrorClass)) == models.Conflict }

// runWords says in a sentence what a run did, or how it stands. changes is how many it made or would make, as far
// as they are kept.
func runWords(r models.Run, tables []models.TableCount, changes int64) string {
	found := r.Found()
	switch {
	case r.State == models.Running && r.CancelRequested:
		return "It was asked to stop, and will undo what it has done so far."
	case r.State == models.Running:
		return "It is under way."
	case refused(r):
		return "Nothing was changed, because what the run would have changed is no longer what you had seen. This is what it would change now: " + done(tables) + "."
	case r.State == models.CanceledRun:
		return "It was canceled. Nothing was changed."
	case r.State == models.Interrupted, r.State == models.Failed:
		return "It did not succeed. Nothing was changed."
	case r.Mode == models.VerifyRun && found != nil && found.Total() > 0:
		return "The mirror differs from lifecycle_db in " + web.Plural(found.Total(), "row", "rows") + "; the next full run corrects it."
	case r.Mode == models.VerifyRun:
		return "The mirror equals lifecycle_db."
	case r.Mode == models.DryRun && changes == 0 && !slices.ContainsFunc(tables, models.TableCount.Wrote): // the kept changes of an old one are gone
		return "A full run would change nothing: the mirror equals lifecycle_db."
	case r.Mode == models.DryRun:
		return "A full run would do this: " + done(tables) + ". Nothing was written."
	default:
		return "It succeeded: " + done(tables) + "."
	}
}

// done is what was done to the rows of all tables, in words.
func done(tables []models.TableCount) string {
	var sum models.TableCount
	for _, t := range tables {
		sum.Inserted, sum.Updated, sum.Deleted, sum.Released = sum.Inserted+t.Inserted, sum.Updated+t.Updated, sum.Deleted+t.Deleted, sum.Released+t.Released
		sum.Quarantined += t.Quarantined
	}
	var parts []string
	for _, part := range []struct {
		n    int64
		what string
	}{{sum.Inserted, "inserted"}, {sum.Updated, "updated"}, {sum.Deleted, "deleted"}, {sum.Released, "released from quarantine"}} {
		if part.n > 0 {
			parts = append(parts, web.Plural(part.n, "row", "rows")+" "+part.what)
		}
	}
	if parts == nil {
		parts = []string{"no mirrored row differs"}
	}
	if sum.Quarantined > 0 {
		parts = append(parts, web.Plural(sum.Quarantined, "row", "rows")+" in quarantine")
	}
	return strings.Join(parts, ", ")
}
