package api_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"strings"
	"sync"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"

	"lifecycle-sync/openapi"
)

// contract is openapi.yaml, with which every request and response is compared.
type contract struct {
	routers.Router

	failure *openapi3.ResponseRef // of requests that no operation describes
}

// theContract reads the document once.
var theContract = sync.OnceValues(func() (*contract, error) {
	for kind, decode := range map[string]openapi3filter.BodyDecoder{
		"application/json": decodeJSON, "multipart/form-data": decodeForm,
		"text/csv": openapi3filter.FileBodyDecoder, "application/yaml": openapi3filter.FileBodyDecoder, "*/*": openapi3filter.FileBodyDecoder,
	} {
		openapi3filter.RegisterBodyDecoder(kind, decode)
	}
	document, err := openapi3.NewLoader().LoadFromData(openapi.File("openapi.yaml"))
	if err != nil {
		return nil, err
	}
	router, err := gorillamux.NewRouter(document)
	return &contract{router, document.Components.Responses["BadRequest"]}, err
})

// check compares an exchange with the document: the response, and the request if it was accepted.
func (c *contract) check(r *http.Request, response *http.Response, body []byte) error {
	if r.Method == http.MethodOptions { // a preflight
		return nil
	}
	asked := r.Clone(r.Context())
	asked.URL.Path = strings.TrimSuffix(asked.URL.Path, "/")
	if r.Method == http.MethodHead {
		asked.Method = http.MethodGet
	}
	route, params, err := c.FindRoute(asked)
	switch {
	case err != nil && response.StatusCode < http.StatusBadRequest:
		return fmt.Errorf("%s %s is not in the document, but its response is %d", r.Method, r.URL.Path, response.StatusCode)
	case errors.Is(err, routers.ErrMethodNotAllowed) && response.StatusCode == http.StatusMethodNotAllowed && response.Header.Get("Allow") == "":
		return errors.New("405 without Allow")
	}
	if err != nil || isGeneral(response.StatusCode) && route.Operation.Responses.Status(response.StatusCode) == nil {
		failure := openapi3.NewResponses(openapi3.WithStatus(response.StatusCode, c.failure))
		route = &routers.Route{Spec: &openapi3.T{OpenAPI: "3.1.0"}, Operation: &openapi3.Operation{Responses: failure}}
	}
	input := &openapi3filter.RequestValidationInput{
		Request: asked, PathParams: params, Route: route,
		Options: &openapi3filter.Options{
			AuthenticationFunc: openapi3filter.NoopAuthenticationFunc, SkipSettingDefaults: true, MultiError: true,
			RejectWhenRequestBodyNotSpecified: true, ExcludeResponseBody: r.Method == http.MethodHead,
		},
	}
	if err := checkResponse(input, response, body); err != nil {
		return fmt.Errorf("the response %d to %s %s: %w\n%.2000s", response.StatusCode, r.Method, r.URL, err, body)
	}
	if response.StatusCode >= http.StatusBadRequest {
		return nil
	}
	if err := checkRequest(input); err != nil {
		return fmt.Errorf("the request %s %s was accepted with %d: %w", r.Method, r.URL, response.StatusCode, err)
	}
	return nil
}

// isGeneral reports whether any request may have a status, as the document says at its top.
func isGeneral(status int) bool {
	return status == http.StatusBadRequest || status == http.StatusRequestTimeout || status == http.StatusRequestHeaderFieldsTooLarge
}

// checkResponse checks status, headers and body.
func checkResponse(input *openapi3filter.RequestValidationInput, response *http.Response, body []byte) error {
	documented := input.Route.Operation.Responses.Status(response.StatusCode)
	if documented == nil {
		return errors.New("the status is not documented")
	}
	for name, header := range documented.Value.Headers { // kin-openapi does not look at those of 304
		if header.Value.Required && response.Header.Get(name) == "" {
			return fmt.Errorf("there is no %s", name)
		}
	}
	if len(documented.Value.Content) == 0 && len(body) > 0 {
		return errors.New("there is a body")
	}
	output := &openapi3filter.ResponseValidationInput{RequestValidationInput: input, Status: response.StatusCode, Header: response.Header, Options: input.Options}
	return openapi3filter.ValidateResponse(input.Request.Context(), output.SetBodyBytes(body))
}

// checkRequest checks parameters and body.
func checkRequest(input *openapi3filter.RequestValidationInput) (err error) {
	for name, values := range input.Request.URL.Query() {
		if input.Route.PathItem.Parameters.GetByInAndName("query", name) == nil && input.Route.Operation.Parameters.GetByInAndName("query", name) == nil {
			return fmt.Errorf("the parameter %q is not documented", name)
		}
		if len(values) > 1 {
			return fmt.Errorf("the parameter %q is there %d times", name, len(values))
		}
	}
	if input.Request.GetBody != nil { // Body was sent
		if input.Request.Body, err = input.Request.GetBody(); err != nil {
			return err
		}
	}
	return openapi3filter.ValidateRequest(input.Request.Context(), input)
}

// decodeForm reads a form as the document describes it: fields are strings, files a list of them; the field "file" is one.
func decodeForm(body io.Reader, header http.Header, _ *openapi3.SchemaRef, _ openapi3filter.EncodingFn) (any, error) {
	_, params, err := mime.ParseMediaType(header.Get("Content-Type"))
	if err != nil {
		return nil, err
	}
	form := map[string]any{}
	for reader := multipart.NewReader(body, params["boundary"]); ; {
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
		if part.FileName() != "" && part.FormName() != "file" {
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
func decodeJSON(body io.Reader, _ http.Header, _ *openapi3.SchemaRef, _ openapi3filter.EncodingFn) (value any, err error) {
	decoder := json.NewDecoder(body)
	decoder.UseNumber()
	if err := decoder.Decode(&value); err != nil {
		return nil, err
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("data behind the JSON value")
	}
	return value, nil
}
