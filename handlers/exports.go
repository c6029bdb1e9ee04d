package handlers

import (
	"context"
	"io"
	"net"
	"time"

	"github.com/gofiber/fiber/v2"

	"lifecycle-sync/handlers/request"
	"lifecycle-sync/services/export"
	"lifecycle-sync/services/products"
)

// exportTime bounds an export, and exportPause how long a client may take nothing of it.
const (
	exportTime  = 30 * time.Minute
	exportPause = time.Minute
)

// Exports answers requests for the list as a file.
type Exports struct {
	exports *export.Exports
	now     func() time.Time // in the zone whose day counts, and is in the file's name
}

// NewExports returns the handlers.
func NewExports(exports *export.Exports, now func() time.Time) *Exports {
	return &Exports{exports, now}
}

// CSV answers the filtered list as comma-separated values.
func (h *Exports) CSV(c *fiber.Ctx) error {
	return h.send(c, h.exports.CSV, "csv", "text/csv; charset=utf-8")
}

// Workbook answers the filtered list as an Excel workbook.
func (h *Exports) Workbook(c *fiber.Ctx) error {
	return h.send(c, h.exports.Workbook, "xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet")
}

func (h *Exports) send(c *fiber.Ctx, export func(context.Context, products.Query, time.Time) (io.ReadCloser, error), extension, kind string) error {
	q := request.ParseQuery(c, append(request.ProductFilters(), "sort")...)
	asked := products.Query{Filter: request.ProductFilter(q), Sort: q.Text("sort")}
	if err := q.Err(); err != nil {
		return err
	}
	c.Set(fiber.HeaderContentType, kind)
	c.Set(fiber.HeaderContentDisposition, `attachment; filename="products-`+h.now().Format(time.DateOnly)+"."+extension+`"`)
	if c.Method() == fiber.MethodHead {
		return nil
	}
	// The file is read after this handler has returned.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c.UserContext()), exportTime)
	file, err := export(ctx, asked, h.now())
	if err != nil {
		cancel()
		c.Response().Header.Del(fiber.HeaderContentDisposition)
		return err
	}
	c.Context().SetConnectionClose() // else the last part's deadline would be the next answer's
	c.Context().SetBodyStream(&sent{file, c.Context().Conn(), cancel}, -1)
	return nil
}

// sent is a file on its way to a client. The server closes it, and breaks the connection off when it
// ends in an error, so that no part passes for the whole.
type sent struct {
	io.ReadCloser

	conn net.Conn
	end  func()
}

// Read reads, and gives the client time to take what was read.
func (s *sent) Read(p []byte) (int, error) {
	n, err := s.ReadCloser.Read(p)                           // may take its time
	_ = s.conn.SetWriteDeadline(time.Now().Add(exportPause)) // fails where the client is gone, as writing does
	return n, err
}

// Close ends the export.
func (s *sent) Close() error {
	s.end()
	return s.ReadCloser.Close()
}
