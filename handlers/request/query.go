package request

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/gofiber/fiber/v2"

	"lifecycle-sync/models"
)

// maxProblems bounds the answer to a query string that is wrong all over.
const maxProblems = 10

// Query is a request's query string, checked as it is read: every mistake is a problem, and err tells
// of all of them.
type Query struct {
	values   map[string]string
	problems []models.FieldError
}

// ParseQuery reads the query string, in which only known parameters may stand, each once.
func ParseQuery(c *fiber.Ctx, known ...string) *Query {
	q := &Query{values: map[string]string{}}
	for k, v := range c.Context().QueryArgs().All() {
		name, value := string(k), string(v)
		_, seen := q.values[name]
		switch {
		case !slices.Contains(known, name):
			q.problem(name, "unknown", "request.unknown_parameter", models.Params{"known": known})
		case seen:
			q.problem(name, "duplicate", "request.duplicate", nil)
		case !utf8.ValidString(value) || strings.ContainsRune(value, 0):
			q.problem(name, "encoding", "request.encoding", nil)
		}
		q.values[name] = value
	}
	return q
}

// Text returns a parameter's value, "" when it is not given.
func (q *Query) Text(name string) string { return q.values[name] }

// Number returns a parameter that is a whole number from 1 to highest, 0 when it is not given.
func (q *Query) Number(name string, highest int64) int64 {
	value, given := q.values[name]
	if !given {
		return 0
	}
	n, err := strconv.ParseUint(value, 10, 63)
	if err != nil || n == 0 || int64(n) > highest {
		q.problem(name, "integer", "request.whole_number", models.Params{"min": 1, "max": highest})
		return 0
	}
	return int64(n)
}

// ID returns a parameter that is the id of a row, 0 when it is not given or, as a form sends what was
// not chosen, empty.
func (q *Query) ID(name string) int64 {
	if q.values[name] == "" {
		return 0
	}
	return q.Number(name, math.MaxInt32)
}

// Flag returns whether a parameter is "true"; it is not when it is left out or empty, and can be nothing else.
func (q *Query) Flag(name string) bool {
	value := q.values[name]
	if value != "" && value != "true" {
		q.problem(name, "unknown", "request.flag", nil)
	}
	return value == "true"
}

// Day returns a parameter that is a day, nil when it is not given or empty.
func (q *Query) Day(name string) *models.Date {
	value := q.values[name]
	if value == "" {
		return nil
	}
	day, err := models.ParseDate(value)
	if err != nil || day.Time().Year() < 1 {
		q.problem(name, "date", "request.date", nil)
		return nil
	}
	return &day
}

// Choice returns a parameter that is one of the choices, "" when it is not given.
func (q *Query) Choice(name string, choices ...string) string {
	value := q.values[name]
	if value != "" && !slices.Contains(choices, value) {
		q.problem(name, "unknown", "request.one_of", models.Params{"choices": choices})
	}
	return value
}

func (q *Query) problem(field, code, text string, params models.Params) {
	if len(q.problems) < maxProblems {
		q.problems = append(q.problems, models.NewFieldError(field, code, text, params))
	}
}

// Err returns all that is wrong with the parameters that were read or, when they are valid, the first error of the
// checks. Errors: validation_failed, those of the checks.
func (q *Query) Err(checks ...func() error) error {
	if q.problems != nil {
		return models.NewInvalid(q.problems...)
	}
	for _, check := range checks {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}
