package pages

import (
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"lifecycle-sync/services/outbox"
)

// Notice is something to be said on the page that follows a form. Only its name travels, in a cookie, so
// that nobody can put other words on a page.
type Notice string

const noticeCookie = "lifecycle_notice"

// noticeTime is how long the next page may take to be asked for.
const noticeTime = time.Minute

// behind is added to the name of a notice about a write that the mirror does not show yet.
const behind = "-behind"

func notices() map[Notice]string {
	return map[Notice]string{
		"signed-out": "You are signed out.",

		"product-created":     "The product was created.",
		"product-changed":     "The product was changed.",
		"product-unchanged":   "There was nothing to change.",
		"product-deleted":     "The product was deleted, with its stage history and files.",
		"transition-recorded": "The transition was recorded.",

		"transition-corrected": "The transition was corrected.",
		"transition-unchanged": "There was nothing to correct.",
		"transition-deleted":   "The transition was deleted; the product stays in its stage.",

		"files-added":  "The files were added.",
		"file-deleted": "The file was deleted.",

		"run-stopping": "The run was asked to stop.",
	}
}

// NoticeOf is the notice about a write that was done.
func NoticeOf(say Notice, w outbox.Result) Notice {
	if !w.Followed {
		return say + behind
	}
	return say
}

// LeaveNotice leaves a notice for the next page.
func LeaveNotice(c *fiber.Ctx, say Notice) {
	if say == "" {
		return
	}
	c.Cookie(&fiber.Cookie{Name: noticeCookie, Value: string(say), Path: "/", MaxAge: int(noticeTime.Seconds()), HTTPOnly: true, SameSite: fiber.CookieSameSiteLaxMode})
}

// takeNotice is what is to be said, once.
func takeNotice(c *fiber.Ctx) string {
	name := c.Cookies(noticeCookie)
	if name == "" {
		return ""
	}
	c.Cookie(&fiber.Cookie{Name: noticeCookie, Path: "/", MaxAge: -1, Expires: time.Unix(1, 0), HTTPOnly: true, SameSite: fiber.CookieSameSiteLaxMode})
	plain, isBehind := strings.CutSuffix(name, behind)
	text := notices()[Notice(plain)]
	if text != "" && isBehind {
		text += " What is shown here follows with the next synchronisation."
	}
	return text
}
