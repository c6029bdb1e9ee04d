package pages

import (
	"slices"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"lifecycle-sync/models"
	"lifecycle-sync/services/outbox"
)

// Notice is a message on the page that follows a form: a code of the catalogue's topic console_notices. Only the
// code travels, in a cookie, and only the known ones are shown.
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
	noticeCookie = "lifecycle_notice"
	noticeTTL    = time.Minute // until the next page is requested
	pending      = "-pending"  // follows the notice of a write that the mirror does not show yet
)

// NoticeOf returns the notice of a write, which says so if the mirror does not show it yet.
func NoticeOf(n Notice, w outbox.Result) Notice {
	if !w.MirrorUpToDate {
		return n + pending
	}
	return n
}

// LeaveNotice leaves a notice for the next page.
func LeaveNotice(c *fiber.Ctx, n Notice) {
	if n == NoNotice {
		return
	}
	c.Cookie(&fiber.Cookie{Name: noticeCookie, Value: string(n), Path: "/", MaxAge: int(noticeTTL.Seconds()), HTTPOnly: true, SameSite: fiber.CookieSameSiteLaxMode})
}

// SeeOther redirects the browser after a form, with a notice for the next page.
func SeeOther(c *fiber.Ctx, address string, n Notice) error {
	LeaveNotice(c, n)
	return c.Redirect(address, fiber.StatusSeeOther)
}

// takeNotice returns the notice that was left, once.
func takeNotice(c *fiber.Ctx) models.Texts {
	left := strings.Clone(c.Cookies(noticeCookie))
	if left == "" {
		return nil
	}
	c.Cookie(&fiber.Cookie{Name: noticeCookie, Path: "/", MaxAge: -1, Expires: time.Unix(1, 0), HTTPOnly: true, SameSite: fiber.CookieSameSiteLaxMode})
	name, isPending := strings.CutSuffix(left, pending)
	known := []Notice{SignedOut, ProductCreated, ProductChanged, ProductUnchanged, ProductDeleted, ProductMoved, StageRecordChanged,
		StageRecordUnchanged, StageRecordDeleted, FilesAdded, FileDeleted, RunStopping}
	if !slices.Contains(known, Notice(name)) {
		return nil
	}
	texts := models.Texts{models.NewText("console_notices."+name, nil)}
	if isPending {
		texts = append(texts, models.NewText("console_notices.pending", nil))
	}
	return texts
}
