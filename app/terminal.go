package app

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
	"golang.org/x/term"

	"lifecycle-sync/models"
	"lifecycle-sync/web/messages"
)

// terminal prints progress for people: one line per step and, on a terminal, a bar for the current table. It is the
// engine's Progress.
type terminal struct {
	out     io.Writer
	printer *messages.Printer
	bars    *mpb.Progress // nil if out is not a terminal
	bar     *mpb.Bar
	quiet   bool // neither lines nor bars per table: the differences are the lines
	total   int64
}

func newTerminal(out io.Writer, printer *messages.Printer) *terminal {
	c := &terminal{out: out, printer: printer}
	if f, ok := out.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		c.bars = mpb.New(mpb.WithOutput(out), mpb.WithWidth(40))
		c.out = c.bars // lines go above the bar
	}
	return c
}

func (c *terminal) line(format string, args ...any) {
	_, _ = fmt.Fprintf(c.out, format+"\n", args...) // an error here cannot be reported
}

// retrying announces a retry.
func (c *terminal) retrying(attempt int, pause time.Duration, err error) {
	c.finishBar()
	c.line("⏳ %s Retrying in %.1f s (attempt %d)", c.printer.Message(err), pause.Seconds(), attempt)
}

// Begin announces a table.
func (c *terminal) Begin(t *models.Table, rows int64) {
	if !c.quiet {
		c.line("🔄 Syncing %s...", t.Label)
		c.startBar(t.Label, rows)
	}
}

func (c *terminal) startBar(label string, total int64) {
	if c.bars == nil {
		return
	}
	c.finishBar() // of a table that ends later
	c.total = total
	c.bar = c.bars.New(total, mpb.BarStyle(), mpb.BarRemoveOnComplete(), mpb.PrependDecorators(decor.Name(label+" ")),
		mpb.AppendDecorators(decor.CountersNoUnit("%d / %d rows "), decor.Elapsed(decor.ET_STYLE_GO)))
}

// at sets the bar to a number of rows of a total.
func (c *terminal) at(done, total int64) {
	if c.bar != nil {
		c.bar.SetTotal(total, false)
		c.bar.SetCurrent(done)
	}
}

// Expect lengthens the bar.
func (c *terminal) Expect(rows int64) {
	if c.bar != nil {
		c.total += rows
		c.bar.SetTotal(c.total, false)
	}
}

// Advance moves the bar.
func (c *terminal) Advance(rows int64) {
	if c.bar != nil {
		c.bar.IncrInt64(rows)
	}
}

// End prints what was done to a table.
func (c *terminal) End(t *models.Table, count models.TableCount) {
	c.finishBar()
	if !c.quiet {
		c.line("✅ Synced %d %s%s", count.Mirrored(), t.Noun, details(count))
	}
}

func (c *terminal) finishBar() {
	if c.bar != nil {
		c.bar.Abort(true)
		c.bar.Wait()
		c.bar = nil
	}
}

// close removes an unfinished bar and waits until everything is printed.
func (c *terminal) close() {
	c.finishBar()
	if c.bars != nil {
		c.bars.Wait()
	}
}

// details lists the counts that are not zero.
func details(c models.TableCount) string {
	var parts []string
	for _, part := range []struct {
		n    int64
		word string
	}{
		{c.Inserted, "inserted"}, {c.Updated, "updated"}, {c.Unchanged, "unchanged"}, {c.Deleted, "deleted"},
		{c.Quarantined, "quarantined"}, {c.Released, "released"},
	} {
		if part.n != 0 {
			parts = append(parts, fmt.Sprintf("%d %s", part.n, part.word))
		}
	}
	if parts == nil {
		return ""
	}
	return " (" + strings.Join(parts, ", ") + ")"
}
