package pages

import (
	"slices"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"lifecycle-sync/models"
	"lifecycle-sync/services/outbox"
)

// Notice is a message on the page after a form: a code of the catalogue's topic console_notices. A cookie carries the
// code; unknown codes are ignored.
type Notice string

// The notices.
const (
	NoNotice             Notice = ""
	SignedOut            Notice = "signed_out"
	ProductCreated       Notice = "product_created"
	ProductChanged       Notice = "product_changed"
	ProductUnchanged     Notice = "product_unchanged"
	ProductDeleted       Notice = "product_deleted"
	ProductMoved         Notice = "product_moved"
	StageRecordChanged   Notice = "stage_record_changed"
	StageRecordUnchanged Notice = "stage_record_unchanged"
	StageRecordDeleted   Notice = "stage_record_deleted"
	FilesAdded           Notice = "files_added"
	FileDeleted          Notice = "file_deleted"
	RunStopping          Notice = "run_stopping"
)

const (
	noticeCookie  = "lifecycle_notice"
	noticeTTL     = time.Minute // until the next page is requested
	pendingSuffix = "-pending"  // marks a write that the mirror does not show yet
)

// NoticeOf returns the notice of a write, marked as pending if the mirror does not show the write yet.
func NoticeOf(n Notice, w outbox.Result) Notice {
	if !w.MirrorUpToDate {
		return n + pendingSuffix
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

// takeNotice returns and clears the notice.
func takeNotice(c *fiber.Ctx) models.Texts {
	value := strings.Clone(c.Cookies(noticeCookie))
	if value == "" {
		return nil
	}
	c.Cookie(&fiber.Cookie{Name: noticeCookie, Path: "/", MaxAge: -1, Expires: time.Unix(1, 0), HTTPOnly: true, SameSite: fiber.CookieSameSiteLaxMode})
	name, isPending := strings.CutSuffix(value, pendingSuffix)
	notices := []Notice{SignedOut, ProductCreated, ProductChanged, ProductUnchanged, ProductDeleted, ProductMoved, StageRecordChanged,
		StageRecordUnchanged, StageRecordDeleted, FilesAdded, FileDeleted, RunStopping}
	if !slices.Contains(notices, Notice(name)) {
		return nil
	}
	texts := models.Texts{models.NewText("console_notices."+name, nil)}
	if isPending {
		texts = append(texts, models.NewText("console_notices.pending", nil))
	}
	return texts
}
