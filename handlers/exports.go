package handlers

import (
	"context"
	"io"
	"net"
	"time"

	"github.com/gofiber/fiber/v2"

	"lifecycle-sync/handlers/request"
	"lifecycle-sync/services/products"
)

// The timeouts of an export: in total, and for the client to take the next part.
const (
	exportTimeout = 30 * time.Minute
	exportStall   = time.Minute
)

// CSV serves the filtered list as comma-separated values.
func (h *Products) CSV(c *fiber.Ctx) error {
	return h.export(c, h.Exports.CSV, "csv", "text/csv; charset=utf-8")
}

// Workbook serves the filtered list as an Excel workbook.
func (h *Products) Workbook(c *fiber.Ctx) error {
	return h.export(c, h.Exports.Workbook, "xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet")
}

func (h *Products) export(c *fiber.Ctx, start func(context.Context, products.Query, time.Time) (io.ReadCloser, error), extension, kind string) error {
	q := request.ParseQuery(c, append(request.ProductFilters(), "sort")...)
	query := products.Query{Filter: request.ProductFilter(q), Sort: q.Text("sort")}
	if err := q.Err(); err != nil {
		return err
	}
	c.Set(fiber.HeaderContentType, kind)
	c.Set(fiber.HeaderContentDisposition, `attachment; filename="products-`+h.Now().Format(time.DateOnly)+"."+extension+`"`)
	if c.Method() == fiber.MethodHead {
		return nil
	}
	// The server reads the file after this handler has returned.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c.UserContext()), exportTimeout)
	file, err := start(ctx, query, h.Now())
	if err != nil {
		cancel()
		c.Response().Header.Del(fiber.HeaderContentDisposition)
		return err
	}
	c.Context().SetConnectionClose() // otherwise the last part's deadline would hold for the next response
	c.Context().SetBodyStream(&exportBody{file, c.Context().Conn(), cancel}, -1)
	return nil
}

// exportBody is the body of an export. On an error the server closes the connection, so that no client takes a part for
// the whole.
type exportBody struct {
	io.ReadCloser

	conn   net.Conn
	cancel func()
}

// Read reads a part and gives the client time to take it.
func (s *exportBody) Read(p []byte) (int, error) {
	n, err := s.ReadCloser.Read(p)                           // may take long
	_ = s.conn.SetWriteDeadline(time.Now().Add(exportStall)) // fails if the client has disconnected, as writing then does
	return n, err
}

// Close stops the export.
func (s *exportBody) Close() error {
	s.cancel()
	return s.ReadCloser.Close()
}
