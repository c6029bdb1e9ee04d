// Package kit contains helpers that the tests of all packages share: waiting, logs, SQL statements, locks and HTTP requests. It
// imports nothing of the project. Empty databases come from test/kit/testdb, storage for files from test/kit/testfiles,
// databases with repositories from test/kit/databases, and the running program from test/kit/program.
package kit

import (
	"bytes"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"
)

// Patience is the maximum time that a test waits for an expected event, on the slowest machine.
const Patience = time.Minute

// pollInterval is long enough that tests that wait leave the processors to others.
const pollInterval = 25 * time.Millisecond

// Eventually waits until holds returns true. After Patience it fails the test with what it waited for and with
// details, for example a log.
func Eventually(t testing.TB, what string, holds func() bool, details ...fmt.Stringer) {
	t.Helper()
	Within(t, Patience, what, holds, details...)
}

// Within is Eventually with another patience, for what other tests may delay.
func Within(t testing.TB, patience time.Duration, what string, holds func() bool, details ...fmt.Stringer) {
	t.Helper()
	tick := time.NewTicker(pollInterval)
	defer tick.Stop()
	for deadline := time.Now().Add(patience); !holds(); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within %s %v", what, patience, details)
		}
	}
}

// Text makes a detail of Eventually from a function, which is called on failure only.
type Text func() string

// String calls the function.
func (f Text) String() string { return f() }

// Now is the time as the databases store it: UTC, in microseconds.
func Now() time.Time { return time.Now().UTC().Truncate(time.Microsecond) }

// Buffer collects output. Several goroutines may write to it and read it.
type Buffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

// Write implements io.Writer.
func (b *Buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

// String is everything written so far.
func (b *Buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// Contains reports whether text was written.
func (b *Buffer) Contains(text string) bool { return strings.Contains(b.String(), text) }
