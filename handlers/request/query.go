package request

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"

	"lifecycle-sync/models"
	"lifecycle-sync/services/products"
	"lifecycle-sync/services/stages"
)

// maxProblems is the maximum number of errors reported for a query string.
const maxProblems = 10

// Query parses and validates a query string as it is read. Err returns all errors.
type Query struct {
	values   map[string]string
	problems []models.FieldError
}

// ParseQuery parses a query string. Only the allowed parameters may occur, each once.
func ParseQuery(c *fiber.Ctx, allowed ...string) *Query {
	return parseArgs(c.Context().QueryArgs(), allowed)
}

// parseText parses the text of a query string.
func parseText(text string, allowed []string) *Query {
	var args fasthttp.Args
	args.Parse(text)
	return parseArgs(&args, allowed)
}

func parseArgs(args *fasthttp.Args, allowed []string) *Query {
	q := &Query{values: map[string]string{}}
	for k, v := range args.All() {
		name, value := string(k), string(v)
		_, isDuplicate := q.values[name]
		switch {
		case !slices.Contains(allowed, name):
			q.add(models.NewFieldError(name, "unknown", "request.unknown_parameter", models.Params{"field": name, "known": allowed}))
		case isDuplicate:
			q.add(models.NewFieldError(name, "duplicate", "request.duplicate", nil))
		case !isText(value):
			q.add(models.NewFieldError(name, "encoding", "request.encoding", nil))
		}
		q.values[name] = value
	}
	return q
}

// PageAddress returns an address with another page number. It parses the query as ParseQuery does; net/url would drop
// parameters that contain a semicolon.
func PageAddress(address string, page int64) string {
	path, rawQuery, _ := strings.Cut(address, "?")
	var query fasthttp.Args
	query.Parse(rawQuery)
	query.Set("page", strconv.FormatInt(page, 10))
	return path + "?" + query.String()
}

// Text returns a parameter, "" if absent.
func (q *Query) Text(name string) string { return q.values[name] }

// Number returns a parameter that is a whole number from 1 to highest, 0 if absent.
func (q *Query) Number(name string, highest int64) int64 {
	value, ok := q.values[name]
	if !ok {
		return 0
	}
	n, valid := positiveNumber(value, highest)
	if !valid {
		q.add(notWholeNumberError(name, highest))
		return 0
	}
	return n
}

// positiveNumber parses a whole number from 1 to highest.
func positiveNumber(text string, highest int64) (int64, bool) {
	n, err := strconv.ParseUint(text, 10, 63)
	return int64(n), err == nil && n > 0 && int64(n) <= highest
}

func notWholeNumberError(field string, highest int64) models.FieldError {
	return models.NewFieldError(field, "integer", "request.whole_number", models.Params{"min": 1, "max": highest})
}

// FormNumber returns a parameter that is a whole number from 1 to highest, 0 if absent or empty: forms send empty fields.
func (q *Query) FormNumber(name string, highest int64) int64 {
	if q.values[name] == "" {
		return 0
	}
	return q.Number(name, highest)
}

// ID returns a parameter that is a row's id, 0 if absent or empty.
func (q *Query) ID(name string) int64 { return q.FormNumber(name, math.MaxInt32) }

// maxIDs is the maximum number of ids in one parameter.
const maxIDs = 50

// IDs returns a parameter that is ids of rows, separated by commas; nil if absent or empty.
func (q *Query) IDs(name string) (ids []int64) {
	if q.values[name] == "" {
		return nil
	}
	texts := strings.Split(q.values[name], ",")
	if len(texts) > maxIDs {
		q.add(models.NewFieldError(name, "too_many", "request.too_many_values", models.Params{"max": maxIDs}))
		return nil
	}
	for _, text := range texts {
		id, valid := positiveNumber(text, math.MaxInt32)
		if !valid {
			q.add(models.NewFieldError(name, "integer", "request.whole_numbers", models.Params{"max": math.MaxInt32}))
			return nil
		}
		ids = append(ids, id)
	}
	return ids
}

// Rupiah returns a parameter that is a price, nil if absent or empty.
func (q *Query) Rupiah(name string) *int64 {
	if q.values[name] == "" {
		return nil
	}
	price, err := models.ParseRupiah(q.values[name])
	if err != nil {
		q.add(models.NewFieldError(name, "integer", "request.rupiah", nil))
		return nil
	}
	return &price
}

// DayOrTime returns a parameter that is a date or an RFC 3339 timestamp. Both are nil if it is absent or empty.
func (q *Query) DayOrTime(name string) (*models.Date, *time.Time) {
	value := q.values[name]
	if value == "" {
		return nil, nil
	}
	if day, err := models.ParseDate(value); err == nil && day.Time().Year() > 0 {
		return &day, nil
	}
	at, err := parseInstant(value)
	if err != nil {
		q.add(models.NewFieldError(name, "timestamp", "request.date_or_timestamp", nil))
		return nil, nil
	}
	return nil, &at
}

// Flag reports whether a parameter is "true". Absent or empty is false; other values are errors.
func (q *Query) Flag(name string) bool {
	value := q.values[name]
	if value != "" && value != "true" {
		q.add(models.NewFieldError(name, "unknown", "request.flag", nil))
	}
	return value == "true"
}

// Day returns a parameter that is a date, nil if absent or empty.
func (q *Query) Day(name string) *models.Date {
	value := q.values[name]
	if value == "" {
		return nil
	}
	day, ok := parseDay(value)
	if !ok {
		q.add(models.NewFieldError(name, "date", "request.date", nil))
		return nil
	}
	return &day
}

// Choice returns a parameter that is one of the choices, "" if absent.
func (q *Query) Choice(name string, choices ...string) string {
	value := q.values[name]
	if value != "" && !slices.Contains(choices, value) {
		q.add(models.NewFieldError(name, "unknown", "request.one_of", models.Params{"choices": choices}))
	}
	return value
}

func (q *Query) add(e models.FieldError) {
	if len(q.problems) < maxProblems {
		q.problems = append(q.problems, e)
	}
}

// Err returns all errors of the parameters that were read or, if there are none, the first error of the checks. Errors:
// validation_failed, those of the checks.
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

// ProductFilters returns the parameter names of ProductFilter.
func ProductFilters() []string {
	return []string{
		"search", "stageId", "segmentId", "categoryId", "stage", "segmen", "kategori", "missing", "implausible", "overdue", "dueWithin", "stageEndFrom", "stageEndTo",
		"launchWithin", "launchFrom", "launchTo", "priceFrom", "priceTo", "updatedSince",
	}
}

// maxDays is the maximum of dueWithin.
const maxDays = 3650

// Paging reads the parameters page and limit.
func Paging(q *Query) models.Paging {
	return models.Paging{Page: q.Number("page", math.MaxInt32), Limit: q.Number("limit", math.MaxInt64)}
}

// ReadPaging reads page and limit, the only parameters of a request. Errors: validation_failed.
func ReadPaging(c *fiber.Ctx) (models.Paging, error) {
	q := ParseQuery(c, "page", "limit")
	return Paging(q), q.Err()
}

// ProductFilter reads the filter of the product list.
func ProductFilter(q *Query) products.Filter {
	f := products.Filter{
		Search:   q.Text("search"),
		StageIDs: q.IDs("stageId"), SegmentIDs: q.IDs("segmentId"), CategoryIDs: q.IDs("categoryId"),
		Stage: q.Text("stage"), Segment: q.Text("segmen"), Category: q.Text("kategori"),
		Missing: q.Text("missing"), Implausible: q.Text("implausible"), Overdue: q.Flag("overdue"), DueWithin: q.FormNumber("dueWithin", maxDays),
		StageEndFrom: q.Day("stageEndFrom"), StageEndTo: q.Day("stageEndTo"),
		LaunchWithin: q.Text("launchWithin"), LaunchFrom: q.Day("launchFrom"), LaunchTo: q.Day("launchTo"),
		PriceFrom: q.Rupiah("priceFrom"), PriceTo: q.Rupiah("priceTo"),
	}
	f.UpdatedSinceDay, f.UpdatedSince = q.DayOrTime("updatedSince")
	return f
}

// MoveFilters returns the parameter names of MoveQuery, without page and limit.
func MoveFilters() []string {
	return []string{"productId", "fromStageId", "toStageId", "since", "until", "search"}
}

// MoveQuery reads the query of the stage history.
func MoveQuery(q *Query) stages.Query {
	return stages.Query{
		Paging:    Paging(q),
		ProductID: q.ID("productId"), FromStageID: q.ID("fromStageId"), ToStageID: q.ID("toStageId"),
		Since: q.Day("since"), Until: q.Day("until"), Search: q.Text("search"),
	}
}

// ID reads the id of a product or stage history record from the path. Errors: validation_failed.
func ID(c *fiber.Ctx) (int64, error) { return pathID(c, "id", math.MaxInt32) }

// BigID reads an id of pmo_db from the path: of a run, an activity, a change or a view. Errors: validation_failed.
func BigID(c *fiber.Ctx) (int64, error) { return pathID(c, "id", math.MaxInt64) }

func pathID(c *fiber.Ctx, name string, highest int64) (int64, error) {
	id, ok := positiveNumber(c.Params(name), highest)
	if !ok {
		return 0, models.NewInvalid(notWholeNumberError(name, highest))
	}
	return id, nil
}

// AttachmentID reads the ids of a product and its attachment from the path. Errors: validation_failed.
func AttachmentID(c *fiber.Ctx) (product, id int64, err error) {
	if product, err = ID(c); err == nil {
		id, err = pathID(c, "attachmentId", math.MaxInt64)
	}
	return product, id, err
}

const attachmentPath = "/api/product-lifecycle/products/%d/attachments/%d"

// AttachmentPath returns an attachment's API address.
func AttachmentPath(productID, id int64) string { return fmt.Sprintf(attachmentPath, productID, id) }

// SignatureParameter is the query parameter of a signed download link: "EXPIRES.SIGNATURE". One parameter, because JSON would
// escape the & between two.
const SignatureParameter = "signature"

// DownloadAddress returns the address of a signed download link.
func DownloadAddress(link models.DownloadLink) string {
	return fmt.Sprintf("%s?%s=%d.%s", AttachmentPath(link.ProductID, link.ID), SignatureParameter, link.Expires, link.Signature)
}

// DownloadLink reads a signed download link, before routing. signed is false for any other request. The signature is not
// checked.
func DownloadLink(c *fiber.Ctx) (link models.DownloadLink, signed bool) {
	query := c.Context().QueryArgs()
	if !query.Has(SignatureParameter) || c.Method() != fiber.MethodGet && c.Method() != fiber.MethodHead {
		return link, false
	}
	// The exact path, so that no other spelling leads to another route.
	if _, err := fmt.Sscanf(c.Path(), attachmentPath, &link.ProductID, &link.ID); err != nil || c.Path() != AttachmentPath(link.ProductID, link.ID) {
		return link, false
	}
	expires, signature, _ := strings.Cut(string(query.Peek(SignatureParameter)), ".")
	link.Expires, _ = strconv.ParseInt(expires, 10, 64) // 0 has expired
	link.Signature = signature
	return link, true
}
