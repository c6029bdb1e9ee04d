package handlers

import (
	"errors"
	"log/slog"
	"net/http"
	"strings"

	"github.com/gofiber/fiber/v2"

	"lifecycle-sync/models"
	"lifecycle-sync/web/messages"
)

// retryAfter is how many seconds a client is asked to wait for a database that is away.
const retryAfter = "5"

// Failure is the envelope of every answer that is not a success.
type Failure struct {
	Success   bool                `json:"success"` // always false
	Message   string              `json:"message"`
	Code      string              `json:"code"`
	Errors    []models.FieldError `json:"errors,omitempty"`
	Data      any                 `json:"data,omitempty"`
	RequestID string              `json:"requestId"`
	Err       error               `json:"-"` // for pages of those who steer the synchronisation: what to do about it
}

// Errors answers every error that a handler returns or that Fiber itself comes upon, and logs those
// that are the server's fault with their cause, which the client never sees. People are answered with a
// page; show may be nil where there are none.
func Errors(log *slog.Logger, texts *messages.Printer, show func(c *fiber.Ctx, status int, f Failure) error) fiber.ErrorHandler {
	return func(c *fiber.Ctx, err error) error {
		status, answer := Failed(texts, err)
		answer.RequestID = strings.Clone(c.GetRespHeader(fiber.HeaderXRequestID))
		LogFault(log, c, status, err)
		if status == http.StatusServiceUnavailable {
			c.Set(fiber.HeaderRetryAfter, retryAfter)
		}
		if show != nil && strings.Contains(c.Get(fiber.HeaderAccept), fiber.MIMETextHTML) { // a browser goes there; programs do not ask for HTML
			return show(c, status, answer)
		}
		return c.Status(status).JSON(answer)
	}
}

// LogFault logs an error that is the server's fault, with its cause.
func LogFault(log *slog.Logger, c *fiber.Ctx, status int, err error) {
	if status >= http.StatusInternalServerError {
		log.Error("request failed", "request_id", strings.Clone(c.GetRespHeader(fiber.HeaderXRequestID)), "status", status, "error", err, "cause", models.AsError(err).Cause)
	}
}

// Failed says what an error is in HTTP, in words that may be shown.
func Failed(texts *messages.Printer, err error) (int, Failure) {
	var own *fiber.Error
	if errors.As(err, &own) && own.Code < http.StatusInternalServerError {
		code := strings.ReplaceAll(strings.ToLower(http.StatusText(own.Code)), " ", "_")
		return own.Code, Failure{Message: protocolMessage(own.Code), Code: code}
	}
	e := models.AsError(err)
	status, message := verdict(e.Class)
	if message == "" {
		message = texts.Error(e)
	}
	return status, Failure{Message: message, Code: string(e.Class), Errors: rendered(texts, e.Fields), Data: e.Data, Err: err}
}

// rendered fills in the messages of invalid fields.
func rendered(texts *messages.Printer, fields []models.FieldError) []models.FieldError {
	for i, f := range fields {
		if !f.Text.IsZero() {
			fields[i].LegacyMessage = texts.Text(f.Text)
		}
	}
	return fields
}

// verdict is the one map from a class of error to a status. Where the error's own message could hold
// what a database said, another message takes its place.
func verdict(class models.Class) (status int, message string) {
	switch class {
	case models.Invalid:
		return http.StatusBadRequest, ""
	case models.Unauthenticated:
		return http.StatusUnauthorized, ""
	case models.Forbidden:
		return http.StatusForbidden, ""
	case models.NotFound:
		return http.StatusNotFound, ""
	case models.Busy, models.MassDelete, models.Conflict:
		return http.StatusConflict, ""
	case models.PreconditionFailed:
		return http.StatusPreconditionFailed, ""
	case models.TooLarge:
		return http.StatusRequestEntityTooLarge, ""
	case models.UnsupportedType:
		return http.StatusUnsupportedMediaType, ""
	case models.RateLimited:
		return http.StatusTooManyRequests, ""
	case models.Unavailable:
		return http.StatusServiceUnavailable, ""
	case models.DataType:
		return http.StatusBadRequest, "A value is of a kind or size that cannot be kept."
	case models.Constraint:
		return http.StatusConflict, "This contradicts other data, so it was not done."
	case models.Connection, models.Timeout, models.Canceled:
		return http.StatusServiceUnavailable, "The database is not available at the moment. Please try again shortly."
	case models.Permission, models.Schema, models.Config, models.Internal:
	}
	return http.StatusInternalServerError, "Something went wrong on the server. Its log has the details under this request's id."
}

// protocolMessage is what to say to a request that reached no handler.
func protocolMessage(status int) string {
	switch status {
	case http.StatusNotFound:
		return "There is nothing at this address."
	case http.StatusMethodNotAllowed:
		return "This address does not take that method; the Allow header lists those it does."
	case http.StatusRequestTimeout:
		return "The request took too long to arrive."
	case http.StatusRequestEntityTooLarge:
		return "The request is too large."
	case http.StatusRequestHeaderFieldsTooLarge:
		return "The request's address or headers are too long."
	default:
		return "The request could not be understood."
	}
}
