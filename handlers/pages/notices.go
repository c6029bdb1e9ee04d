package pages

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"lifecycle-sync/models"
	"lifecycle-sync/services/cache"
	"lifecycle-sync/services/outbox"
	"lifecycle-sync/web/messages"
)

// Notice is a message on the page after a form: a code of the catalogue's topic console_notices, followed by numbers. A cookie
// carries it; an unknown one is ignored.
type Notice string

// The numbers of a notice.
const (
	NoticeStage   = "stage"   // the id of the stage to which products were moved
	NoticeCount   = "count"   // of products
	noticePending = "pending" // 1 if the mirror does not show the write yet
	noticeUndo    = "undo"    // the id of the activity that the page offers to undo
)

// With adds a number to a notice.
func (n Notice) With(name string, value int64) Notice {
	return n + Notice("."+name+"-"+strconv.FormatInt(value, 10))
}

// parse returns the code and the numbers of a notice; ok is false unless it is one of this program.
func (n Notice) parse() (code Notice, numbers map[string]int64, ok bool) {
	parts := strings.Split(string(n), ".")
	numbers = map[string]int64{}
	for _, part := range parts[1:] {
		name, value, _ := strings.Cut(part, "-")
		number, err := strconv.ParseInt(value, 10, 64)
		if err != nil || !slices.Contains([]string{NoticeStage, NoticeCount, noticePending, noticeUndo}, name) {
			return "", nil, false
		}
		numbers[name] = number
	}
	known := []Notice{SignedOut, ProductCreated, ProductChanged, ProductUnchanged, ProductDeleted, ProductMoved, ProductsChanged, ProductsMoved, ProductsImported,
		NothingSelected, StageRecordChanged, StageRecordUnchanged, StageRecordDeleted, FilesAdded, FileDeleted, RunStopping, ViewSaved, ViewDeleted, Undone, Restored}
	return Notice(parts[0]), numbers, slices.Contains(known, Notice(parts[0]))
}

// The notices.
const (
	NoNotice             Notice = ""
	SignedOut            Notice = "signed_out"
	ProductCreated       Notice = "product_created"
	ProductChanged       Notice = "product_changed"
	ProductUnchanged     Notice = "product_unchanged"
	ProductDeleted       Notice = "product_deleted"
	ProductMoved         Notice = "product_moved"
	ProductsChanged      Notice = "products_changed"
	ProductsMoved        Notice = "products_moved"
	ProductsImported     Notice = "products_imported"
	NothingSelected      Notice = "nothing_selected"
	StageRecordChanged   Notice = "stage_record_changed"
	StageRecordUnchanged Notice = "stage_record_unchanged"
	StageRecordDeleted   Notice = "stage_record_deleted"
	FilesAdded           Notice = "files_added"
	FileDeleted          Notice = "file_deleted"
	RunStopping          Notice = "run_stopping"
	ViewSaved            Notice = "view_saved"
	ViewDeleted          Notice = "view_deleted"
	Undone               Notice = "undone"
	Restored             Notice = "restored"
)

const (
	noticeCookie = "lifecycle_notice"
	noticeTTL    = time.Minute // until the next page is requested
)

// NoticeOf returns the notice of a write, marked as pending if the mirror does not show the write yet, with its undo.
func NoticeOf(n Notice, w outbox.Result) Notice {
	if w.Activity.ID != 0 {
		n = n.With(noticeUndo, w.Activity.ID)
	}
	if !w.MirrorUpToDate {
		return n.With(noticePending, 1)
	}
	return n
}

// SetNotice sets the notice for the next page.
func SetNotice(c *fiber.Ctx, n Notice) {
	if n == NoNotice {
		return
	}
	c.Cookie(&fiber.Cookie{Name: noticeCookie, Value: string(n), Path: "/", MaxAge: int(noticeTTL.Seconds()), HTTPOnly: true, SameSite: fiber.CookieSameSiteLaxMode})
}

// SeeOther redirects the browser after a form, with a notice for the next page.
func SeeOther(c *fiber.Ctx, address string, n Notice) error {
	SetNotice(c, n)
	return c.Redirect(address, fiber.StatusSeeOther)
}

// takeNotice returns and clears the notice, and the activity that can be undone, 0 for none.
func (s *Site) takeNotice(c *fiber.Ctx) (texts models.Texts, undo int64) {
	value := strings.Clone(c.Cookies(noticeCookie))
	if value == "" {
		return nil, 0
	}
	c.Cookie(&fiber.Cookie{Name: noticeCookie, Path: "/", MaxAge: -1, Expires: time.Unix(1, 0), HTTPOnly: true, SameSite: fiber.CookieSameSiteLaxMode})
	code, numbers, ok := Notice(value).parse()
	if !ok {
		return nil, 0
	}
	texts = models.Texts{s.noticeText(c.UserContext(), code, numbers)}
	if numbers[noticePending] == 1 {
		texts = append(texts, models.NewText("console_notices.pending", nil))
	}
	return texts, numbers[noticeUndo]
}

// noticeText returns the text of a notice, with the name of its stage if the mirror has one.
func (s *Site) noticeText(ctx context.Context, code Notice, numbers map[string]int64) models.Text {
	params := models.Params{"count": numbers[NoticeCount], "retention": s.retention}
	stage, ok := numbers[NoticeStage]
	if !ok {
		return models.NewText("console_notices."+string(code), params)
	}
	name := ""
	err := s.responses.Read(ctx, func(ctx context.Context, v cache.View) error {
		list, err := v.Stages(ctx)
		for _, candidate := range list {
			if candidate.ID == stage {
				name = messages.ShortName(candidate.Name, stage)
			}
		}
		return err
	})
	if err != nil || name == "" {
		return models.NewText("console_notices."+string(code), params)
	}
	params["stage"] = name
	return models.NewText("console_notices."+string(code)+"_to", params)
}
