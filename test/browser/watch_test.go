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

// watch collects what goes wrong in a window without anybody seeing it.
type watch struct {
	mu       sync.Mutex
	problems []string
	requests map[string]string // by id: the URLs under way
	expected []int64           // statuses of refusals that are to come
	streams  int               // of server-sent events that the page has opened
}

// see is told of every event of the window, in order, and must be quick.
func (w *watch) see(event any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch e := event.(type) {
	case *runtime.EventExceptionThrown:
		w.add("uncaught exception: %s", thrown(e.ExceptionDetails))
	case *runtime.EventConsoleAPICalled:
		if e.Type == runtime.ConsoleAPICalledTypeError || e.Type == runtime.ConsoleAPICalledTypeAssert {
			w.add("console error: %s", said(e.Args))
		}
	case *log.EventEntryAdded:
		// Of the network the events below say more.
		if e.Entry.Level == log.EntryLevelError && e.Entry.Source != log.EntrySourceNetwork {
			w.add("%s: %s (%s line %d)", e.Entry.Source, e.Entry.Text, e.Entry.URL, e.Entry.LineNumber+1)
		}
	case *dialogs.EventJavascriptDialogOpening:
		w.add("a dialog nobody answers: %s", e.Message)
	case *network.EventRequestWillBeSent:
		if w.requests == nil {
			w.requests = map[string]string{}
		}
		w.requests[string(e.RequestID)] = e.Request.Method + " " + e.Request.URL
	case *network.EventResponseReceived:
		if e.Type == network.ResourceTypeEventSource {
			w.streams++
		}
		w.answered(e)
	case *dialogs.EventFrameNavigated:
		w.streams = 0 // it is another page
	case *network.EventLoadingFailed:
		// What was given up on purpose: a download in place of a page, a stream of a page that is left.
		if e.ErrorText != "net::ERR_ABORTED" {
			w.add("%s failed: %s %s", w.requests[string(e.RequestID)], e.ErrorText, e.BlockedReason)
		}
	}
}

// answered notes what a request has brought: a refusal is a problem, unless it is expected, once.
func (w *watch) answered(e *network.EventResponseReceived) {
	status := e.Response.Status
	if status < 400 {
		return
	}
	if i := slices.Index(w.expected, status); i >= 0 {
		w.expected = slices.Delete(w.expected, i, i+1)
		return
	}
	w.add("%s answered %d", w.requests[string(e.RequestID)], status)
}

func (w *watch) add(format string, args ...any) {
	w.problems = append(w.problems, fmt.Sprintf(format, args...))
}

// take hands out the problems since it was last asked.
func (w *watch) take() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	problems := w.problems
	w.problems = nil
	return problems
}

// expect lets the next refusal of a status pass.
func (w *watch) expect(status int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.expected = append(w.expected, status)
}

// listens reports whether the page is told what happens.
func (w *watch) listens() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.streams > 0
}

// missed are expected refusals that have not come.
func (w *watch) missed() []int64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.expected
}

func thrown(e *runtime.ExceptionDetails) string {
	if e.Exception != nil && e.Exception.Description != "" {
		return e.Text + " " + e.Exception.Description
	}
	return fmt.Sprintf("%s (%s line %d)", e.Text, e.URL, e.LineNumber+1)
}

func said(args []*runtime.RemoteObject) (text string) {
	for _, arg := range args {
		if arg.Description != "" {
			text += arg.Description + " "
		} else {
			text += string(arg.Value) + " "
		}
	}
	return text
}
