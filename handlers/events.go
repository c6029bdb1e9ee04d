package handlers

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"lifecycle-sync/models"
	"lifecycle-sync/services/runs"
)

// Timings of an event stream. It ends after streamTimeout, so that clients authenticate again and resume by the last id.
const (
	heartbeat      = 15 * time.Second
	streamTimeout  = 30 * time.Minute
	reconnectDelay = 2 * time.Second
)

type tableEvent struct {
	Run int64 `json:"run"`
	models.TableCount
}

// Events streams the sync events (server-sent events).
func (h *Sync) Events(c *fiber.Ctx) error {
	reader, err := h.Service.Follow(c.UserContext(), strings.Clone(c.Get("Last-Event-ID")))
	if err != nil {
		return err
	}
	c.Set(fiber.HeaderContentType, "text/event-stream")
	c.Set(fiber.HeaderCacheControl, "no-store")
	c.Set("X-Accel-Buffering", "no") // otherwise nginx buffers the events
	c.Context().SetConnectionClose()
	conn := c.Context().Conn()
	c.Context().SetBodyStreamWriter(func(w *bufio.Writer) {
		defer reader.Close()
		ctx, cancel := untilClosed(conn)
		defer cancel()
		h.stream(ctx, w, reader)
	})
	return nil
}

// untilClosed returns a context that ends when the client closes its side of a connection, on which nothing else is read. Writes fail
// only some time later. What the client sends is ignored.
func untilClosed(conn net.Conn) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(context.Background())
	if conn.SetReadDeadline(time.Time{}) == nil {
		go func() {
			defer cancel()
			_, _ = io.Copy(io.Discard, conn) // ends at the latest when the server closes the connection
		}()
	}
	return ctx, cancel
}

// stream writes events until the stream or ctx ends, or a write fails.
func (h *Sync) stream(ctx context.Context, w *bufio.Writer, reader *runs.Reader) {
	end := time.Now().Add(streamTimeout)
	if _, err := fmt.Fprintf(w, "retry: %d\n\n", reconnectDelay.Milliseconds()); err != nil {
		return
	}
	for open := true; open && time.Now().Before(end); {
		var batch []runs.Event
		if w.Flush() != nil {
			return
		}
		if batch, open = reader.Next(ctx, heartbeat); len(batch) == 0 && open {
			_, _ = w.WriteString(": heartbeat\n\n") // the flush fails if the client has vanished
		}
		for _, e := range batch {
			data, err := json.Marshal(h.eventData(e.Data))
			if err != nil { // plain values always marshal
				return
			}
			_, _ = fmt.Fprintf(w, "id: %s\nevent: %s\ndata: %s\n\n", e.ID, e.Name, data)
		}
	}
}

// eventData returns the data of an event in the shapes of the other responses.
func (h *Sync) eventData(data any) any {
	switch d := data.(type) {
	case runs.Status:
		return h.statusOf(d)
	case runs.TableDone:
		d.Count.Table = h.Journal.SourceName(d.Count.Table)
		return tableEvent{Run: d.Run, TableCount: d.Count}
	case runs.Outcome:
		return runDetail{run: h.runOf(d.Run), Tables: h.withSourceNames(d.Tables)}
	default: // runs.Progress
		return d
	}
}
