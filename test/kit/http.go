package kit

import (
	"io"
	"net/http"
	"strings"
)

// NewRequest makes a request. headers are pairs of name and value; "Host" sets the host.
func NewRequest(method, url string, body io.Reader, headers ...string) (*http.Request, error) {
	r, err := http.NewRequest(method, url, body)
	if err != nil {
		return nil, err
	}
	for i := 0; i < len(headers); i += 2 {
		if headers[i] == "Host" {
			r.Host = headers[i+1]
		} else {
			r.Header.Set(headers[i], headers[i+1])
		}
	}
	return r, nil
}

// Send sends a request and reads the whole response, except the endless one of an event stream. It follows no redirect,
// and gives up after Patience.
func Send(r *http.Request) (response *http.Response, body []byte, err error) {
	client := http.Client{
		Timeout:       Patience,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	if response, err = client.Do(r); err != nil {
		return nil, nil, err
	}
	defer func() { _ = response.Body.Close() }()
	if strings.HasPrefix(response.Header.Get("Content-Type"), "text/event-stream") {
		return response, nil, nil
	}
	body, err = io.ReadAll(response.Body)
	return response, body, err
}

// Status sends a request and returns the status of the response.
func Status(method, url string, body io.Reader, headers ...string) (int, error) {
	r, err := NewRequest(method, url, body, headers...)
	if err != nil {
		return 0, err
	}
	response, _, err := Send(r) //nolint:bodyclose // Send has closed it
	if err != nil {
		return 0, err
	}
	return response.StatusCode, nil
}
