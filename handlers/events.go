package handlers

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"lifecycle-sync/handlers/request"
	"lifecycle-sync/models"
	"lifecycle-sync/services/cache"
	"lifecycle-sync/services/changes"
	"lifecycle-sync/services/runs"
)

// Timings of an event stream. It ends after streamTimeout, so that clients authenticate again and resume by the last id.
const (
	heartbeat      = 15 * time.Second
	streamTimeout  = 30 * time.Minute
	reconnectDelay = 2 * time.Second
	firstTimeout   = 10 * time.Second // for reading the first event
)

// sentEvent is a server-sent event.
type sentEvent struct {
	id, name string
	data     any
}

// nextEvents returns new events, none if there are none within a heartbeat. open is false when the stream or ctx has ended.
type nextEvents func(ctx context.Context) (batch []sentEvent, open bool)

// serveEvents streams server-sent events until the stream ends, the client is gone or its token expires. done is called at the end.
func serveEvents(c *fiber.Ctx, next nextEvents, done func()) error {
	end := time.Now().Add(streamTimeout)
	if expires := request.Caller(c).Expires; !expires.IsZero() && expires.Before(end) {
		end = expires
	}
	c.Set(fiber.HeaderContentType, "text/event-stream")
	c.Set(fiber.HeaderCacheControl, "no-store")
	c.Set("X-Accel-Buffering", "no") // otherwise nginx buffers the events
	c.Context().SetConnectionClose()
	conn := c.Context().Conn()
	c.Context().SetBodyStreamWriter(func(w *bufio.Writer) {
		defer done()
		ctx, cancel := untilClosed(conn, end)
		defer cancel()
		stream(ctx, w, next)
	})
	return nil
}

// untilClosed returns a context that ends at a time, or when the client closes its side of a connection, on which nothing else is
// read. Writes fail only some time later. What the client sends is ignored.
func untilClosed(conn net.Conn, end time.Time) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithDeadline(context.Background(), end)
	if conn.SetReadDeadline(time.Time{}) == nil {
		go func() {
			defer cancel()
			_, _ = io.Copy(io.Discard, conn) // ends at the latest when the server closes the connection
		}()
	}
	return ctx, cancel
}

// stream writes events until the stream or ctx ends, or a write fails.
func stream(ctx context.Context, w *bufio.Writer, next nextEvents) {
	if _, err := fmt.Fprintf(w, "retry: %d\n\n", reconnectDelay.Milliseconds()); err != nil {
		return
	}
	for open := true; open; {
		var batch []sentEvent
		if w.Flush() != nil {
			return
		}
		if batch, open = next(ctx); len(batch) == 0 && open {
			_, _ = w.WriteString(": heartbeat\n\n") // the flush fails if the client has vanished
		}
		for _, e := range batch {
			data, err := json.Marshal(e.data)
			if err != nil { // plain values always marshal
				return
			}
			_, _ = fmt.Fprintf(w, "id: %s\nevent: %s\ndata: %s\n\n", e.id, e.name, data)
		}
	}
}

// Events streams the sync events.
func (h *Sync) Events(c *fiber.Ctx) error {
	reader, err := h.Service.Follow(c.UserContext(), strings.Clone(c.Get("Last-Event-ID")))
	if err != nil {
		return err
	}
	printer := runPrinterOf(c)
	return serveEvents(c, func(ctx context.Context) (batch []sentEvent, open bool) {
		events, open := reader.Next(ctx, heartbeat)
		for _, e := range events {
			batch = append(batch, sentEvent{e.ID, string(e.Name), printer.event(e.Data)})
		}
		return batch, open
	}, reader.Close)
}

type tableEvent struct {
	Run int64 `json:"run"`
	models.TableCount
}

// event returns the data of an event in the shapes of the other responses.
func (p runPrinter) event(data any) any {
	switch d := data.(type) {
	case runs.Status:
		return p.status(d)
	case runs.TableDone:
		d.Count.Table = models.SourceName(d.Count.Table)
		return tableEvent{Run: d.Run, TableCount: d.Count}
	case runs.Outcome:
		return runDetail{run: p.run(d.Run), Tables: withSourceNames(d.Tables)}
	default: // runs.Progress
		return d
	}
}

// Changes serves /events.
type Changes struct {
	Responses *cache.Responses
	Ended     <-chan struct{} // closed when the server stops
}

// Stream streams the versions of the mirror, each with the products that have changed. It resumes after Last-Event-ID; without one it
// begins with the current version.
func (h *Changes) Stream(c *fiber.Ctx) error {
	read, version := changes.Current, noVersion
	if id := c.Get("Last-Event-ID"); id != "" {
		version = parseVersion(id)
		read = func(ctx context.Context, from changes.Reader) (changes.Change, error) {
			return changes.Since(ctx, from, version)
		}
	}
	ctx, cancel := context.WithTimeout(c.UserContext(), firstTimeout)
	defer cancel()
	var change changes.Change
	err := h.Responses.Read(ctx, func(ctx context.Context, v cache.View) (err error) {
		change, err = read(ctx, v)
		return err
	})
	if err != nil {
		return err
	}
	open := true
	return serveEvents(c, func(ctx context.Context) (batch []sentEvent, _ bool) {
		if change.Version == version {
			change, open = h.wait(ctx, version)
		}
		if open && change.Version != version {
			version = change.Version
			batch = []sentEvent{{strconv.FormatInt(version, 10), "change", change}}
		}
		return batch, open
	}, func() {})
}

// noVersion is not the version of any mirror.
const noVersion int64 = -1

// parseVersion reads the id of an event. One that is invalid is noVersion.
func parseVersion(id string) int64 {
	if version, err := strconv.ParseInt(id, 10, 64); err == nil && version >= 0 {
		return version
	}
	return noVersion
}

// wait waits for a change after a version, at most for a heartbeat. The change has the same version if there is none. Streams that wait
// for the same change share its query. open is false when ctx or the server ends, or pmo_db does not answer.
func (h *Changes) wait(ctx context.Context, version int64) (change changes.Change, open bool) {
	timer := time.NewTimer(heartbeat)
	defer timer.Stop()
	for {
		changed := h.Responses.Changed()
		change, err := cache.Get(ctx, h.Responses, "changes after "+strconv.FormatInt(version, 10), func(ctx context.Context, v cache.View) (changes.Change, error) {
			return changes.Since(ctx, v, version)
		})
		if err != nil || change.Version != version {
			return change, err == nil
		}
		select {
		case <-changed:
		case <-timer.C:
			return change, true
		case <-ctx.Done():
			return change, false
		case <-h.Ended:
			return change, false
		}
	}
}
