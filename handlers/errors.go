package handlers

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"

	"github.com/gofiber/fiber/v2"

	"lifecycle-sync/models"
	"lifecycle-sync/services/imports"
	"lifecycle-sync/services/products"
	"lifecycle-sync/web/messages"
)

// retryAfter is the Retry-After in seconds for an unavailable database.
const retryAfter = "5"

// Failure is the envelope of a failed request.
type Failure struct {
	Success       bool           `json:"success"` // always false
	Message       string         `json:"message"` // what happened and what to do
	MessageDetail *models.Text   `json:"messageDetail,omitempty"`
	RemedyDetail  *models.Remedy `json:"remedyDetail,omitempty"`
	Code          string         `json:"code"`
	Errors        []InvalidField `json:"errors,omitempty"`
	Data          any            `json:"data,omitempty"`
	RequestID     string         `json:"requestId"`
	Err           error          `json:"-"` // for the console's error page
}

// InvalidField is a rendered models.FieldError.
type InvalidField struct {
	Field         string       `json:"field"` // as the client sent it
	Code          string       `json:"code"`
	Message       string       `json:"message"`
	MessageDetail *models.Text `json:"messageDetail,omitempty"`
}

// Errors returns the error handler for errors of handlers and of Fiber. It logs server errors with their cause, which
// responses never contain. showPage responds to browsers that accept HTML, except below /api;
// nil means JSON for all.
func Errors(log *slog.Logger, printers *messages.Printers, showPage func(c *fiber.Ctx, status int, f Failure) error) fiber.ErrorHandler {
	return func(c *fiber.Ctx, err error) error {
		printer := PrinterOf(c)
		if printer == nil { // an unreadable request has passed no middleware
			printer = printers.Default()
			c.Locals(printerKey{}, printer)
		}
		status, failure := NewFailure(printer, err)
		failure.RequestID = strings.Clone(c.GetRespHeader(fiber.HeaderXRequestID))
		LogFault(log, c, status, err)
		c.Set(fiber.HeaderCacheControl, "no-store")
		if status == http.StatusServiceUnavailable {
			c.Set(fiber.HeaderRetryAfter, retryAfter)
		}
		if showPage != nil && !strings.HasPrefix(c.Path(), "/api/") && strings.Contains(c.Get(fiber.HeaderAccept), fiber.MIMETextHTML) {
			return showPage(c, status, failure)
		}
		return c.Status(status).JSON(failure)
	}
}

// LogFault logs a server error with its cause: as a warning if a client or the load caused it, else as an error.
func LogFault(log *slog.Logger, c *fiber.Ctx, status int, err error) {
	if status < http.StatusInternalServerError {
		return
	}
	e, level := models.AsError(err), slog.LevelError
	if e.Expected || e.Class == models.Timeout || e.Class == models.Canceled {
		level = slog.LevelWarn
	}
	log.Log(context.Background(), level, "request failed", "request_id", strings.Clone(c.GetRespHeader(fiber.HeaderXRequestID)), "status", status, "error", err, "cause", e.Cause)
}

// NewFailure returns the status and the rendered envelope of an error.
func NewFailure(printer *messages.Printer, err error) (int, Failure) {
	if fiberErr := new(fiber.Error); errors.As(err, &fiberErr) && fiberErr.Code < http.StatusInternalServerError {
		code := strings.ReplaceAll(strings.ToLower(http.StatusText(fiberErr.Code)), " ", "_")
		text := protocolText(fiberErr.Code)
		return fiberErr.Code, Failure{Message: printer.Text(text), MessageDetail: &text, Code: code}
	}
	e := models.AsError(err)
	status, public := httpStatus(e.Class)
	f := Failure{Code: string(e.Class), Data: e.Data, Err: err}
	if public.IsZero() {
		f.Message, f.MessageDetail, f.RemedyDetail = printer.Error(e), &e.Text, e.Remedy
	} else {
		f.Message, f.MessageDetail = printer.Text(public), &public
	}
	f.Errors = invalidFields(printer, e.Fields)
	if failures, ok := e.Data.(products.Failures); ok {
		f.Data = failedProducts(printer, failures)
	}
	if preview, ok := e.Data.(imports.Preview); ok {
		f.Data = newImportPreview(printer, preview)
	}
	return status, f
}

func invalidFields(printer *messages.Printer, fields []models.FieldError) (invalid []InvalidField) {
	for _, field := range fields {
		invalid = append(invalid, InvalidField{Field: field.Field, Code: field.Code, Message: printer.Text(field.Text), MessageDetail: &field.Text})
	}
	return invalid
}

// FailedProduct is a product that a bulk write could not change, and why.
type FailedProduct struct {
	ID      int64          `json:"id"`
	Name    *string        `json:"produk"`
	Version *string        `json:"version"` // the current one; nil if the product does not exist
	Code    string         `json:"code"`
	Message string         `json:"message"`
	Errors  []InvalidField `json:"errors,omitempty"`
}

func failedProducts(printer *messages.Printer, failures products.Failures) []FailedProduct {
	list := make([]FailedProduct, len(failures))
	for i, failure := range failures {
		list[i] = FailedProduct{
			ID: failure.ID, Name: failure.Name, Code: string(failure.Err.Class), Message: printer.Text(failure.Err.Text), Errors: invalidFields(printer, failure.Err.Fields),
		}
		if failure.Version != "" {
			list[i].Version = &failure.Version
		}
	}
	return list
}

// httpStatus returns the HTTP status of an error class, and a public text for classes whose own texts could contain
// database output.
func httpStatus(class models.Class) (status int, public models.Text) {
	status, ok := map[models.Class]int{
		models.Invalid: http.StatusBadRequest, models.Unauthenticated: http.StatusUnauthorized, models.Forbidden: http.StatusForbidden,
		models.NotFound: http.StatusNotFound, models.HeldBack: http.StatusNotFound,
		models.Busy: http.StatusConflict, models.MassDelete: http.StatusConflict, models.Conflict: http.StatusConflict,
		models.PreconditionFailed: http.StatusPreconditionFailed, models.TooLarge: http.StatusRequestEntityTooLarge,
		models.UnsupportedType: http.StatusUnsupportedMediaType, models.RateLimited: http.StatusTooManyRequests, models.Unavailable: http.StatusServiceUnavailable,
	}[class]
	switch {
	case ok:
		return status, public
	case class == models.DataType:
		return http.StatusBadRequest, models.NewText("http.data_type", nil)
	case class == models.Constraint:
		return http.StatusConflict, models.NewText("http.constraint", nil)
	case class == models.Connection, class == models.Timeout, class == models.Canceled:
		return http.StatusServiceUnavailable, models.NewText("http.database_unavailable", nil)
	default:
		return http.StatusInternalServerError, models.NewText("http.internal", nil)
	}
}

// protocolText returns the text of a Fiber error, before any handler ran.
func protocolText(status int) models.Text {
	code, ok := map[int]string{
		http.StatusNotFound:                    "http.not_found",
		http.StatusMethodNotAllowed:            "http.method_not_allowed",
		http.StatusRequestTimeout:              "http.request_timeout",
		http.StatusRequestEntityTooLarge:       "http.request_too_large",
		http.StatusRequestHeaderFieldsTooLarge: "http.headers_too_large",
	}[status]
	if !ok {
		code = "http.bad_request"
	}
	return models.NewText(code, nil)
}
