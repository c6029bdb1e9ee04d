package models

import (
	"context"
	"errors"
	"maps"
)

// Class is the kind of an error. The documentation on troubleshooting explains each.
type Class string

// The classes of error. Connection and Timeout may pass by themselves if Transient is set; the others need the action that
// the error's Remedy names.
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
	HeldBack           Class = "quarantined" // lifecycle_db has the row, but it is in quarantine
	Conflict           Class = "conflict"
	PreconditionFailed Class = "precondition_failed" // If-Match names another state
	TooLarge           Class = "too_large"
	UnsupportedType    Class = "unsupported_type"
	RateLimited        Class = "rate_limited"
	Unavailable        Class = "unavailable" // for the moment, such as a full disk
)

// Error is an error that may be shown: a class, a text without secrets or database output, and a remedy.
// Cause is for the log only.
type Error struct {
	Class     Class
	Text      Text
	Remedy    *Remedy
	Problems  []Problem    // the single problems behind the error, if there are several
	Transient bool         // a retry may succeed
	Expected  bool         // callers, load or a shutdown cause it; nothing is broken
	Fields    []FieldError // the invalid fields of a request, if Class is Invalid
	Data      any          // the conflicting state, for the client: the current product, the active run
	Stale     []int64      // the products that the caller has seen in another state
	Cause     error
}

// FieldError describes one invalid field of a request. Code is part of the API; Text explains it.
type FieldError struct {
	Field string // as the client sent it
	Code  string
	Text  Text
}

// NewFieldError returns the error for one field. Its text gets the parameter "field", unless params have it.
func NewFieldError(field, code, text string, params Params) FieldError {
	all := Params{"field": FieldName(field)}
	maps.Copy(all, params)
	return FieldError{Field: field, Code: code, Text: NewText(text, all)}
}

// NewError returns an error whose text is a catalogue entry.
func NewError(class Class, code string, params Params) *Error {
	return &Error{Class: class, Text: NewText(code, params)}
}

// WithRemedy adds what to do.
func (e *Error) WithRemedy(code string, params Params) *Error {
	e.Remedy = NewRemedy(code, params)
	return e
}

// WithCommand adds what to do and the command that does it.
func (e *Error) WithCommand(code string, params Params, command string) *Error {
	e.Remedy = NewCommand(code, params, command)
	return e
}

// AsStale names products that the caller has seen in another state: the mirror may still show it.
func (e *Error) AsStale(products ...int64) *Error {
	e.Stale = append(e.Stale, products...)
	return e
}

// AsExpected marks an error that callers, load or a shutdown cause, for the log.
func (e *Error) AsExpected() *Error {
	e.Expected = true
	return e
}

// WithCause adds the underlying error, for the log.
func (e *Error) WithCause(err error) *Error {
	e.Cause = err
	return e
}

// Error returns the code and parameters, for logs. People read the catalogue's text.
func (e *Error) Error() string { return string(e.Class) + ": " + e.Text.String() }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Cause }

// AsError finds the Error in err's chain. Other errors become Internal, or Canceled or Timeout if a context ended, with err
// as the cause. AsError(nil) is nil.
func AsError(err error) *Error {
	var e *Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &e):
		return e
	case errors.Is(err, context.Canceled):
		return NewError(Canceled, "error.canceled", nil).WithCause(err)
	case errors.Is(err, context.DeadlineExceeded):
		return NewError(Timeout, "error.timeout", nil).WithCause(err)
	default:
		return NewError(Internal, "error.internal", nil).WithRemedy("error.internal_remedy", nil).WithCause(err)
	}
}

// NewInvalid returns the error for a request with at least one invalid field. Its text is the first field's.
func NewInvalid(fields ...FieldError) *Error {
	return &Error{Class: Invalid, Text: fields[0].Text, Fields: fields}
}

// Data returns the data of an error, if it has data of this type.
func Data[T any](err error) (data T, ok bool) { //nolint:ireturn // the caller names the type
	if e := AsError(err); e != nil {
		data, ok = e.Data.(T)
	}
	return data, ok
}
