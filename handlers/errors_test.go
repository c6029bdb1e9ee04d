package handlers_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"

	"lifecycle-sync/handlers"
	"lifecycle-sync/models"
	"lifecycle-sync/web/messages"
)

func TestErrors_MapsEveryClassToAStatusWithoutDatabaseOutput(t *testing.T) {
	t.Parallel()
	const databaseOutput = "duplicate key (password)=(hunter2)"
	for class, want := range map[models.Class]int{
		models.Connection: 503, models.Timeout: 503, models.Canceled: 503,
		models.Permission: 500, models.Schema: 500, models.Config: 500, models.Internal: 500, "unheard of": 500,
		models.DataType: 400, models.Invalid: 400, models.Constraint: 409, models.MassDelete: 409, models.Busy: 409,
		models.Forbidden: 403, models.NotFound: 404,
	} {
		e := models.NewError(class, models.LegacyText, models.Params{"text": "own words"}).WithCause(errors.New(databaseOutput))
		switch class {
		case models.Invalid, models.MassDelete, models.Busy, models.Forbidden, models.NotFound:
		default:
			e.Text.Params["text"] = databaseOutput
		}
		status, body, log := respondWith(t, fmt.Errorf("while listing: %w", e))
		var envelope map[string]any
		if err := json.Unmarshal(body, &envelope); err != nil {
			t.Fatal(err)
		}
		if status != want || envelope["success"] != false || envelope["code"] != string(class) || envelope["message"] == "" || envelope["requestId"] != "r1" {
			t.Errorf("%s: %d %s", class, status, body)
		}
		if bytes.Contains(body, []byte("hunter2")) {
			t.Errorf("%s: the response contains database output: %s", class, body)
		}
		if logged := strings.Contains(log, "hunter2"); logged != (want >= 500) {
			t.Errorf("%s: logged: %t", class, logged)
		}
	}
	if status, body, _ := respondWith(t, errors.New(databaseOutput)); status != 500 || bytes.Contains(body, []byte("hunter2")) {
		t.Errorf("an error without a class: %d %s", status, body)
	}
}

func TestErrors_WarnOfWhatCallersAndLoadCause(t *testing.T) {
	t.Parallel()
	newError := func(class models.Class) *models.Error { return models.NewError(class, "http.internal", nil) }
	for want, all := range map[string][]error{
		"level=WARN":  {newError(models.Timeout), newError(models.Canceled), newError(models.Unavailable).AsExpected(), context.Canceled, context.DeadlineExceeded},
		"level=ERROR": {newError(models.Connection), newError(models.Unavailable), newError(models.Internal), newError(models.Schema), errors.New("no class")},
		"":            {newError(models.Invalid), newError(models.RateLimited), newError(models.Conflict).AsExpected(), fiber.ErrNotFound},
	} {
		for _, err := range all {
			if _, _, log := respondWith(t, err); !strings.Contains(log, want) || want == "" && log != "" {
				t.Errorf("%v: %q, want %s", err, log, want)
			}
		}
	}
}

func respondWith(t *testing.T, err error) (status int, body []byte, log string) {
	t.Helper()
	var out bytes.Buffer
	app := fiber.New(fiber.Config{ErrorHandler: handlers.Errors(slog.New(slog.NewTextHandler(&out, nil)), messages.New().Printers(messages.English, time.UTC), nil)})
	app.Get("/", func(c *fiber.Ctx) error {
		c.Set(fiber.HeaderXRequestID, "r1")
		return err
	})
	response, testErr := app.Test(httptest.NewRequest(http.MethodGet, "/", nil), -1)
	if testErr != nil {
		t.Fatal(testErr)
	}
	defer func() { _ = response.Body.Close() }()
	var content bytes.Buffer
	if _, err := content.ReadFrom(response.Body); err != nil {
		t.Fatal(err)
	}
	if (response.StatusCode == http.StatusServiceUnavailable) != (response.Header.Get("Retry-After") != "") {
		t.Errorf("%d with Retry-After %q", response.StatusCode, response.Header.Get("Retry-After"))
	}
	return response.StatusCode, content.Bytes(), out.String()
}

func TestErrors_RenderTextsAndKeepTheirCodes(t *testing.T) {
	t.Parallel()
	for want, err := range map[string]error{
		`{"success":false,"message":"Customer may have at most 1,000 characters.","messageDetail":{"code":"request.too_long","params":{"field":"pelanggan","max":1000}},` +
			`"code":"validation_failed","errors":[{"field":"pelanggan","code":"too_long","message":"Customer may have at most 1,000 characters.",` +
			`"messageDetail":{"code":"request.too_long","params":{"field":"pelanggan","max":1000}}}],"requestId":"r1"}`: models.NewInvalid(models.NewFieldError("pelanggan", "too_long", "request.too_long", models.Params{"max": 1000})),
		`{"success":false,"message":"own words own words DROP TABLE x","messageDetail":{"code":"legacy","params":{"text":"own words"}},` +
			`"remedyDetail":{"code":"legacy","params":{"text":"own words"},"command":"DROP TABLE x"},"code":"conflict","requestId":"r1"}`: models.NewError(models.Conflict, models.LegacyText, models.Params{"text": "own words"}).
			WithCommand(models.LegacyText, models.Params{"text": "own words"}, "DROP TABLE x"),
	} {
		if _, body, _ := respondWith(t, err); string(body) != want {
			t.Errorf("got  %s\nwant %s", body, want)
		}
	}
}
