package browser_test

import (
	"fmt"
	"slices"
	"sync"

	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	dialogs "github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
)

// watch collects a window's console errors, failed requests and unexpected statuses.
type watch struct {
	mu               sync.Mutex
	problems         []string
	requests         map[string]string // by id: the URLs being requested
	expectedStatuses []int64           // statuses from 400 on that must come
	streams          int               // of server-sent events that the page has opened
}

// handle receives every event of the window, in order, and must be quick.
func (w *watch) handle(event any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch e := event.(type) {
	case *runtime.EventExceptionThrown:
		w.add("uncaught exception: %s", exceptionText(e.ExceptionDetails))
	case *runtime.EventConsoleAPICalled:
		if e.Type == runtime.ConsoleAPICalledTypeError || e.Type == runtime.ConsoleAPICalledTypeAssert {
			w.add("console error: %s", consoleText(e.Args))
		}
	case *log.EventEntryAdded:
		// The events below say more about the network.
		if e.Entry.Level == log.EntryLevelError && e.Entry.Source != log.EntrySourceNetwork {
			w.add("%s: %s (%s line %d)", e.Entry.Source, e.Entry.Text, e.Entry.URL, e.Entry.LineNumber+1)
		}
	case *dialogs.EventJavascriptDialogOpening:
		w.add("an unanswered dialog: %s", e.Message)
	case *network.EventRequestWillBeSent:
		if w.requests == nil {
			w.requests = map[string]string{}
		}
		w.requests[string(e.RequestID)] = e.Request.Method + " " + e.Request.URL
	case *network.EventResponseReceived:
		if e.Type == network.ResourceTypeEventSource {
			w.streams++
		}
		w.recordResponse(e)
	case *dialogs.EventFrameNavigated:
		w.streams = 0 // it is another page
	case *network.EventLoadingFailed:
		// Aborted on purpose: a download in place of a page, the stream of a page that was left.
		if e.ErrorText != "net::ERR_ABORTED" {
			w.add("%s failed: %s %s", w.requests[string(e.RequestID)], e.ErrorText, e.BlockedReason)
		}
	}
}

// recordResponse records a response: a status from 400 on is a problem, unless it is expected, once.
func (w *watch) recordResponse(e *network.EventResponseReceived) {
	status := e.Response.Status
	if status < 400 {
		return
	}
	if i := slices.Index(w.expectedStatuses, status); i >= 0 {
		w.expectedStatuses = slices.Delete(w.expectedStatuses, i, i+1)
		return
	}
	w.add("%s: unexpected status %d", w.requests[string(e.RequestID)], status)
}

func (w *watch) add(format string, args ...any) {
	w.problems = append(w.problems, fmt.Sprintf(format, args...))
}

// drain returns the problems since the last call.
func (w *watch) drain() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	problems := w.problems
	w.problems = nil
	return problems
}

// expect accepts the next response with a status.
func (w *watch) expect(status int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.expectedStatuses = append(w.expectedStatuses, status)
}

// hasStream reports whether the page receives the server's events.
func (w *watch) hasStream() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.streams > 0
}

// unmet are the expected statuses that have not come.
func (w *watch) unmet() []int64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.expectedStatuses
}

func exceptionText(e *runtime.ExceptionDetails) string {
	if e.Exception != nil && e.Exception.Description != "" {
		return e.Text + " " + e.Exception.Description
	}
	return fmt.Sprintf("%s (%s line %d)", e.Text, e.URL, e.LineNumber+1)
}

func consoleText(args []*runtime.RemoteObject) (text string) {
	for _, arg := range args {
		if arg.Description != "" {
			text += arg.Description + " "
		} else {
			text += string(arg.Value) + " "
		}
	}
	return text
}
