package request

import (
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/gofiber/fiber/v2"

	"lifecycle-sync/models"
	"lifecycle-sync/services/products"
	"lifecycle-sync/services/views"
)

// viewLimit is the maximum size of the JSON of a view, in bytes.
const viewLimit = 64 << 10

// viewBody is a view as a client sends it.
type viewBody struct {
	Name    string   `json:"name"    validate:"required,max=100"`
	Query   string   `json:"query"   validate:"max=2000"`
	Columns []string `json:"columns"`
	Shared  bool     `json:"shared"`
}

// ReadView reads a view from JSON; with requireAll it must have a name. Errors: unsupported_type, too_large,
// validation_failed.
func (ch Checker) ReadView(c *fiber.Ctx, requireAll bool) (views.Input, error) {
	values, err := readObject(c, viewLimit, false, fieldNames(viewBody{}))
	if err != nil {
		return views.Input{}, err
	}
	var body viewBody
	parseErrors := bindJSON(values, &body)
	sent := slices.AppendSeq([]string{}, maps.Keys(values))
	if requireAll {
		sent = fieldNames(viewBody{})
	}
	return ch.view(body, parseErrors, sent)
}

// View checks a view of a console form. Errors: validation_failed.
func (ch Checker) View(name, query string, columns []string, shared bool) (views.Input, error) {
	return ch.view(viewBody{name, query, columns, shared}, nil, fieldNames(viewBody{}))
}

// view checks the fields of a view that were sent.
func (ch Checker) view(body viewBody, parseErrors []models.FieldError, sent []string) (in views.Input, err error) {
	body.Name = strings.TrimSpace(body.Name)
	if err := ch.check(&body, parseErrors, sent...); err != nil {
		return in, err
	}
	if body.Query, err = CanonicalViewQuery(body.Query); err != nil {
		return in, err
	}
	if err := checkColumns(body.Columns); err != nil {
		return in, err
	}
	if slices.Contains(sent, "name") {
		in.Name = &body.Name
	}
	if slices.Contains(sent, "query") {
		in.Query = &body.Query
	}
	if slices.Contains(sent, "columns") {
		columns := append([]string{}, body.Columns...) // [] in JSON
		in.Columns = &columns
	}
	if slices.Contains(sent, "shared") {
		in.Shared = &body.Shared
	}
	return in, nil
}

// viewParameters are the parameters of the product list that a view may have.
func viewParameters() []string { return append(ProductFilters(), "sort") }

// CanonicalViewQuery checks the query string of a view as the product list does, and returns it in a form that is equal for
// equal queries. Errors: validation_failed of the field query.
func CanonicalViewQuery(text string) (string, error) {
	q := parseText(text, viewParameters())
	query := products.Query{Filter: ProductFilter(q), Sort: q.Text("sort")}
	if err := q.Err(query.Check); err != nil {
		invalid := models.AsError(err).Fields
		for i, f := range invalid {
			invalid[i] = models.NewFieldError("query", f.Code, "views.invalid_query", models.Params{"problem": f.Text})
		}
		return "", models.NewInvalid(invalid...)
	}
	values := url.Values{}
	for name, value := range q.values {
		if value != "" {
			values.Set(name, value)
		}
	}
	return values.Encode(), nil
}

// checkColumns rejects unknown and repeated columns. Errors: validation_failed.
func checkColumns(columns []string) error {
	for i, column := range columns {
		if !slices.Contains(models.ViewColumns(), column) {
			return Invalid("columns", "unknown", "request.one_of", models.Params{"choices": models.ViewColumns()})
		}
		if slices.Contains(columns[:i], column) {
			return Invalid("columns", "duplicate", "request.duplicate", nil)
		}
	}
	return nil
}

// ViewID reads the id of a saved view from the query, 0 if absent or empty. Those of built-in views are negative.
func (q *Query) ViewID(name string) int64 {
	if q.values[name] == "" {
		return 0
	}
	id, err := strconv.ParseInt(q.values[name], 10, 64)
	if err != nil {
		q.add(models.NewFieldError(name, "integer", "request.view_id", nil))
	}
	return id
}

// Columns reads columns of the product list, separated by commas.
func (q *Query) Columns(name string) []string {
	if q.values[name] == "" {
		return nil
	}
	columns := strings.Split(q.values[name], ",")
	if err := checkColumns(columns); err != nil {
		q.add(models.AsError(err).Fields[0])
		return nil
	}
	return columns
}

// Apply adds the parameters of a saved view. A parameter of the query itself replaces that of the view.
func (q *Query) Apply(view models.View) {
	saved := parseText(view.Query, viewParameters())
	q.problems = append(q.problems, saved.problems...) // an earlier release may have accepted it
	if len(view.Columns) > 0 {
		saved.values["columns"], saved.values["view"] = strings.Join(view.Columns, ","), "table"
	}
	for name, value := range saved.values {
		if _, isGiven := q.values[name]; !isGiven {
			q.values[name] = value
		}
	}
}
