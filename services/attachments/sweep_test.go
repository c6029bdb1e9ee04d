package attachments_test

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"lifecycle-sync/services/attachments"
)

// rows are the keys that rows refer to.
type rows struct {
	keys map[string]bool
	err  error
}

func (r *rows) Referenced(_ context.Context, keys []string) ([]string, error) {
	var found []string
	for _, key := range keys {
		if r.keys[key] {
			found = append(found, key)
		}
	}
	return found, r.err
}

func TestSweep_DeletesOnlyOldOrphans(t *testing.T) {
	t.Parallel()
	_, f := newUploads(t)
	references, now := &rows{keys: map[string]bool{}}, time.Now()
	put := func() string {
		key := strings.ToLower(rand.Text())
		if err := f.Put(t.Context(), key, strings.NewReader("x")); err != nil {
			t.Fatal(err)
		}
		return key
	}
	for range 520 { // more than one batch
		references.keys[put()] = true
	}
	for range 3 {
		put()
	}
	sweeper := attachments.NewSweeper(f, references, func() time.Time { return now }, slog.New(slog.DiscardHandler))
	sweep := func(want int) {
		t.Helper()
		if err := sweeper.Sweep(t.Context()); !errors.Is(err, references.err) {
			t.Error(err)
		}
		if got := len(stored(t, f)); got != want {
			t.Errorf("%d files are stored, want %d", got, want)
		}
	}
	sweep(523) // too young
	now = now.Add(59 * time.Minute)
	sweep(523)
	now = now.Add(4 * time.Hour)
	references.err = errors.New("pmo_db is unavailable")
	sweep(523)
	references.err = nil
	sweep(520) // a retry does not wait for the interval
	put()
	sweep(521)
	now = now.Add(4 * time.Hour)
	sweep(520)
	if !slices.Equal(slices.Sorted(slices.Values(stored(t, f))), slices.Sorted(maps.Keys(references.keys))) {
		t.Error("the stored files are not those with rows")
	}
}
