package models

import (
	"context"
	"errors"
)

// Class says what kind of thing went wrong, in one of the words that the troubleshooting section of
// the README explains.
type Class string

// The classes of error. Connection and Timeout may pass by themselves, and certainly do not where Transient
// is false; the others need somebody to do something, which the error's Remedy names.
const (
	Connection Class = "connection"
	Timeout    Class = "timeout"
	Permission Class = "permission"
	Schema     Class = "schema"
	DataType   Class = "data_type"
	Constraint Class = "constraint"
	MassDelete Class = "mass_delete"
	Busy       Class = "busy"
	Canceled   Class = "canceled"
	Config     Class = "configuration"
	Invalid    Class = "validation_failed"
	Internal   Class = "internal"
)

// The classes of error that only a request can have.
const (
	Unauthenticated    Class = "unauthenticated" // no token, or one that is not valid
	Forbidden          Class = "forbidden"
	NotFound           Class = "not_found"
	Conflict           Class = "conflict"
	PreconditionFailed Class = "precondition_failed" // If-Match names another state
	TooLarge           Class = "too_large"
	UnsupportedType    Class = "unsupported_type"
	RateLimited        Class = "rate_limited"
	Unavailable        Class = "unavailable" // for the moment, such as a full disk
)

// Error is an error fit to be shown: a class, a sentence without secrets or database text, and what
// to do about it. Cause is for the log only.
type Error struct {
	Class     Class
	Message   string
	Remedy    string
	Transient bool         // it passes by itself, mostly: the same again may succeed in a moment
	Fields    []FieldError // the fields of a request that are wrong, when Class is Invalid
	Data      any          // what stands in the way, for the client to see: the product as it is now, the run under way
	Cause     error
}

// FieldError names one wrong field of a request, as the client sent it.
type FieldError struct {
	Field   string `json:"field"`
	Code    string `json:"code"`
	Message string `json:"message"`
}

// Error returns the sentence and, behind it, the remedy.
func (e *Error) Error() string {
	if e.Remedy == "" {
		return e.Message
	}
	return e.Message + ". " + e.Remedy
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Cause }

// AsError finds the Error in err's chain. Whatever carries none is Internal, or Canceled or Timeout
// when a context ended; its text stays in Cause. AsError(nil) is nil.
func AsError(err error) *Error {
	var e *Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &e):
		return e
	case errors.Is(err, context.Canceled):
		return &Error{Class: Canceled, Message: "this was canceled", Cause: err}
	case errors.Is(err, context.DeadlineExceeded):
		return &Error{Class: Timeout, Message: "the time allowed for this ran out", Cause: err,
			Remedy: "Raise SYNC_TIMEOUT, or look at what slows the databases down."}
	default:
		return &Error{Class: Internal, Message: "something unexpected went wrong", Cause: err,
			Remedy: "The log has the details."}
	}
}

// NewInvalid is the error for a request that is wrong in the given fields, of which there is at least
// one. Its message is the first field's, as a sentence.
func NewInvalid(fields ...FieldError) *Error {
	return &Error{Class: Invalid, Message: fields[0].Message, Fields: fields}
}
