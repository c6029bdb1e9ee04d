package api_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"

	"lifecycle-sync/openapi"
)

// contract is openapi.yaml, with which every request and response is compared.
type contract struct {
	document   *openapi3.T
	operations []operation
}

type operation struct {
	*routers.Route
	template string // with the server's part, as "/api/product-lifecycle/products/{id}"
	path     *regexp.Regexp
	names    []string // of the path's parameters
}

// theContract reads the document once.
var theContract = sync.OnceValues(func() (*contract, error) {
	document, err := openapi3.NewLoader().LoadFromData(openapi.File("openapi.yaml"))
	if err != nil {
		return nil, err
	}
	c := &contract{document: document}
	for path, item := range document.Paths.Map() {
		servers := document.Servers
		if item.Servers != nil {
			servers = item.Servers
		}
		template := strings.TrimSuffix(servers[0].URL, "/") + path
		o := operation{template: template}
		for _, name := range regexp.MustCompile(`\{(\w+)\}`).FindAllStringSubmatch(template, -1) {
			o.names = append(o.names, name[1])
		}
		o.path = regexp.MustCompile("^" + regexp.MustCompile(`\\\{\w+\\\}`).ReplaceAllString(regexp.QuoteMeta(template), "([^/]+)") + "/?$")
		for method, op := range item.Operations() {
			o.Route = &routers.Route{Spec: document, Server: servers[0], Path: path, PathItem: item, Method: method, Operation: op}
			c.operations = append(c.operations, o)
		}
	}
	// "/products/export.csv" is tried before "/products/{id}".
	slices.SortFunc(c.operations, func(a, b operation) int { return len(a.names) - len(b.names) })
	return c, nil
})

// generalStatuses returns the statuses that any request may have, as the document says at its top.
func generalStatuses() []int {
	return []int{http.StatusBadRequest, http.StatusRequestTimeout, http.StatusRequestHeaderFieldsTooLarge}
}

// check compares an exchange with the document: the response, and the request if it was accepted. sent is nil if the
// request's body is unknown.
func (c *contract) check(r *http.Request, sent []byte, response *http.Response, body []byte) error {
	if r.Method == http.MethodOptions { // a preflight
		return nil
	}
	o, params, methods := c.find(r)
	switch {
	case o == nil && methods != nil && response.StatusCode == http.StatusMethodNotAllowed && response.Header.Get("Allow") == "":
		return errors.New("405 without Allow")
	case o == nil && response.StatusCode < http.StatusBadRequest:
		return fmt.Errorf("%s %s is not in the document, but its response is %d", r.Method, r.URL.Path, response.StatusCode)
	case o == nil || slices.Contains(generalStatuses(), response.StatusCode) && o.Operation.Responses.Status(response.StatusCode) == nil:
		return c.checkFailure(r, response, body)
	}
	input := &openapi3filter.RequestValidationInput{
		Request: r.Clone(r.Context()), PathParams: params, Route: o.Route,
		Options: &openapi3filter.Options{
			AuthenticationFunc: openapi3filter.NoopAuthenticationFunc, SkipSettingDefaults: true,
			ExcludeRequestBody: true, IncludeResponseStatus: true, ExcludeResponseBody: true,
		},
	}
	if err := c.response(input, response, body); err != nil {
		return fmt.Errorf("the response %d to %s %s: %w\n%.2000s", response.StatusCode, r.Method, o.template, err, body)
	}
	if response.StatusCode >= http.StatusBadRequest {
		return nil
	}
	if err := c.checkRequest(input, o, sent); err != nil {
		return fmt.Errorf("the request %s %s was accepted with %d: %w\n%.2000s", r.Method, r.URL, response.StatusCode, err, sent)
	}
	return nil
}

// find returns the operation that a request means, with the path's parameters, and the methods that the
// path has.
func (c *contract) find(r *http.Request) (match *operation, params map[string]string, methods []string) {
	template := ""
	for i, o := range c.operations {
		groups := o.path.FindStringSubmatch(r.URL.EscapedPath())
		if groups == nil || template != "" && template != o.template {
			continue
		}
		template = o.template
		methods = append(methods, o.Method)
		if o.Method == r.Method || o.Method == http.MethodGet && r.Method == http.MethodHead {
			match, params = &c.operations[i], map[string]string{}
			for n, name := range o.names {
				params[name], _ = url.PathUnescape(groups[n+1])
			}
		}
	}
	return match, params, methods
}

// checkFailure compares a response that no operation describes with the error envelope.
func (c *contract) checkFailure(r *http.Request, response *http.Response, body []byte) error {
	if response.Header.Get("X-Request-ID") == "" {
		return errors.New("there is no X-Request-Id")
	}
	if r.Method == http.MethodHead {
		return nil
	}
	if err := matches(c.document.Components.Schemas["Failure"], response.Header, body); err != nil {
		return fmt.Errorf("the failure %d: %w\n%.2000s", response.StatusCode, err, body)
	}
	return nil
}

// response checks status, headers and body.
func (c *contract) response(input *openapi3filter.RequestValidationInput, response *http.Response, body []byte) error {
	documented := input.Route.Operation.Responses.Status(response.StatusCode)
	if documented == nil {
		return errors.New("the status is not documented")
	}
	for name, header := range documented.Value.Headers { // kin-openapi does not look at those of HEAD and 304
		if header.Value.Required && response.Header.Get(name) == "" {
			return fmt.Errorf("there is no %s", name)
		}
	}
	err := openapi3filter.ValidateResponse(input.Request.Context(), &openapi3filter.ResponseValidationInput{
		RequestValidationInput: input, Status: response.StatusCode, Header: response.Header, Options: input.Options,
	})
	if err != nil || input.Request.Method == http.MethodHead {
		return err
	}
	content := documented.Value.Content
	if len(content) == 0 {
		if len(body) > 0 {
			return errors.New("there is a body")
		}
		return nil
	}
	media := content.Get(response.Header.Get("Content-Type"))
	if media == nil {
		return fmt.Errorf("the type %q is not documented", response.Header.Get("Content-Type"))
	}
	if content["application/json"] != media {
		return nil
	}
	return matches(media.Schema, response.Header, body)
}

// matches checks a JSON body.
func matches(schema *openapi3.SchemaRef, header http.Header, body []byte) error {
	if kind, _, err := mime.ParseMediaType(header.Get("Content-Type")); err != nil || kind != "application/json" {
		return fmt.Errorf("the type is %q", header.Get("Content-Type"))
	}
	value, err := decodeJSON(body)
	if err != nil {
		return err
	}
	return schema.Value.VisitJSON(value, openapi3.EnableJSONSchema2020(), openapi3.MultiErrors())
}

// checkRequest checks parameters and body.
func (c *contract) checkRequest(input *openapi3filter.RequestValidationInput, o *operation, sent []byte) error {
	parameters := slices.Concat(o.PathItem.Parameters, o.Operation.Parameters)
	for name, values := range input.Request.URL.Query() {
		if parameters.GetByInAndName("query", name) == nil {
			return fmt.Errorf("the parameter %q is not documented", name)
		}
		if len(values) > 1 {
			return fmt.Errorf("the parameter %q is there %d times", name, len(values))
		}
	}
	if err := openapi3filter.ValidateRequest(input.Request.Context(), input); err != nil {
		return err
	}
	switch documented := o.Operation.RequestBody; {
	case sent == nil:
		return nil
	case documented == nil && len(sent) > 0:
		return errors.New("a body is not documented")
	case documented == nil || len(sent) == 0 && !documented.Value.Required:
		return nil
	default:
		return matchesBody(documented.Value.Content, input.Request.Header.Get("Content-Type"), sent)
	}
}

func matchesBody(content openapi3.Content, contentType string, sent []byte) error {
	media := content.Get(contentType)
	if media == nil {
		return fmt.Errorf("the type %q is not documented", contentType)
	}
	kind, params, err := mime.ParseMediaType(contentType)
	if err != nil {
		return err
	}
	var value any
	if kind == "multipart/form-data" {
		value, err = decodeForm(sent, params["boundary"])
	} else {
		value, err = decodeJSON(sent)
	}
	if err != nil {
		return err
	}
	return media.Schema.Value.VisitJSON(value, openapi3.EnableJSONSchema2020(), openapi3.MultiErrors())
}

// decodeForm reads a form as the document describes it: fields are strings, files a list of them.
func decodeForm(sent []byte, boundary string) (any, error) {
	form := map[string]any{}
	for reader := multipart.NewReader(bytes.NewReader(sent), boundary); ; {
		part, err := reader.NextPart()
		if errors.Is(err, io.EOF) {
			return form, nil
		}
		if err != nil {
			return nil, err
		}
		content, err := io.ReadAll(part)
		if err != nil {
			return nil, err
		}
		if part.FileName() != "" {
			files, _ := form[part.FormName()].([]any)
			form[part.FormName()] = append(files, part.FileName())
			continue
		}
		if _, twice := form[part.FormName()]; twice {
			return nil, fmt.Errorf("the field %q is there twice", part.FormName())
		}
		form[part.FormName()] = string(content)
	}
}

// decodeJSON reads one JSON value with all its digits.
func decodeJSON(body []byte) (value any, err error) {
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.UseNumber()
	if err := decoder.Decode(&value); err != nil {
		return nil, err
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("data behind the JSON value")
	}
	return value, nil
}
