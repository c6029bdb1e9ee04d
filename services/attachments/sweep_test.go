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

	"lifecycle-sync/repositories/files"
	"lifecycle-sync/services/attachments"
	"lifecycle-sync/test/kit/testfiles"
)

// rows are the keys that are referred to.
type rows struct {
	keys map[string]bool
	err  error
}

func (r *rows) Referenced(_ context.Context, keys []string) ([]string, error) {
	var referred []string
	for _, key := range keys {
		if r.keys[key] {
			referred = append(referred, key)
		}
	}
	return referred, r.err
}

// TestSweep deletes what is old and belongs to nothing, and nothing else.
func TestSweep(t *testing.T) {
	t.Parallel()
	testfiles.Each(t, func(t *testing.T, url func(testing.TB) string) {
		t.Parallel()
		f, err := files.Open(url(t))
		if err != nil {
			t.Fatal(err)
		}
		referred := &rows{keys: map[string]bool{}}
		put := func() string {
			key := strings.ToLower(rand.Text())
			if err := f.Put(t.Context(), key, strings.NewReader("x")); err != nil {
				t.Fatal(err)
			}
			return key
		}
		for range 520 { // more than are looked up at once
			referred.keys[put()] = true
		}
		for range 3 {
			put()
		}
		held := func() (keys []string) {
			for key, err := range f.Old(t.Context(), time.Now().Add(time.Hour)) {
				if err != nil {
					t.Fatal(err)
				}
				keys = append(keys, key)
			}
			return keys
		}
		now := time.Now()
		sweeper := attachments.NewSweeper(f, referred, func() time.Time { return now }, slog.New(slog.DiscardHandler))
		sweep := func(want int) {
			t.Helper()
			if err := sweeper.Sweep(t.Context()); err != nil {
				t.Error(err)
			}
			if got := len(held()); got != want {
				t.Errorf("%d are left, want %d", got, want)
			}
		}
		sweep(523) // too young
		now = now.Add(59 * time.Minute)
		sweep(523)
		now = now.Add(4 * time.Hour)
		referred.err = errors.New("pmo_db is away")
		if err := sweeper.Sweep(t.Context()); !errors.Is(err, referred.err) || len(held()) != 523 {
			t.Errorf("without the rows: %v, %d left", err, len(held()))
		}
		referred.err = nil
		sweep(520) // the failure is no reason to wait
		put()
		sweep(521)
		now = now.Add(4 * time.Hour)
		sweep(520)
		if left := held(); !slices.Equal(slices.Sorted(slices.Values(left)), slices.Sorted(maps.Keys(referred.keys))) {
			t.Error("others are left than are referred to")
		}
	})
}
