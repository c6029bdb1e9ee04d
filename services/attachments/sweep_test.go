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

	"lifecycle-sync/models"
	attachmentsdb "lifecycle-sync/repositories/pmo/attachments"
	"lifecycle-sync/services/attachments"
	"lifecycle-sync/test/kit/databases"
	"lifecycle-sync/test/kit/testdb"
)

// rows are the keys that rows refer to.
type rows struct {
	keys map[string]bool
	err  error
}

func (*rows) DeleteClosed(context.Context, time.Duration) ([]string, error) { return nil, nil }

func (r *rows) Referenced(_ context.Context, keys []string) ([]string, error) {
	var found []string
	for _, key := range keys {
		if r.keys[key] {
			found = append(found, key)
		}
	}
	return found, r.err
}

const retention = 90 * 24 * time.Hour

// TestSweep_DeletesFilesAfterTheRetention has files of an existing product, of one that was deleted a while ago, and of one that
// was deleted before the retention began.
func TestSweep_DeletesFilesAfterTheRetention(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, url func(testing.TB) string) {
		t.Parallel()
		db, store := databases.PMO(t, url(t))
		_, f := newUploads(t)
		var keys []string
		for _, closedAt := range []any{nil, time.Now().Add(-retention + time.Hour), time.Now().Add(-retention - time.Minute)} {
			key := strings.ToLower(rand.Text())
			if err := f.Put(t.Context(), key, strings.NewReader("x")); err != nil {
				t.Fatal(err)
			}
			keys = append(keys, key)
			if err := db.Table("lifecycle_attachments").Create(map[string]any{
				"id_produk": 1, "nama_file": "a.txt", "tipe_file": "text/plain", "ukuran_file": 1, "sha256": "", "object_key": key, "state": "stored", "created_at": time.Now(), "closed_at": closedAt,
			}).Error; err != nil {
				t.Fatal(err)
			}
		}
		repository := attachmentsdb.New(store.Session)
		if count, err := repository.Closed(t.Context(), retention); err != nil || count != (models.ClosedAttachments{Files: 2, Bytes: 2, Overdue: 1}) {
			t.Errorf("before: %+v, %v", count, err)
		}
		if err := attachments.NewSweeper(f, repository, retention, time.Now, slog.New(slog.DiscardHandler)).Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
		var left []string
		if err := db.Table("lifecycle_attachments").Order("id").Pluck("object_key", &left).Error; err != nil || !slices.Equal(left, keys[:2]) {
			t.Errorf("the rows %v are left of %v: %v", left, keys, err)
		}
		if contents := slices.Sorted(slices.Values(stored(t, f))); !slices.Equal(contents, slices.Sorted(slices.Values(keys[:2]))) {
			t.Errorf("the contents %v are left of %v", contents, keys)
		}
	})
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
		put()
	}
	for range 3 {
		references.keys[put()] = true
	}
	sweeper := attachments.NewSweeper(f, references, retention, func() time.Time { return now }, slog.New(slog.DiscardHandler))
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
	sweep(3) // a retry does not wait for the interval
	put()
	sweep(4)
	now = now.Add(4 * time.Hour)
	sweep(3)
	if !slices.Equal(slices.Sorted(slices.Values(stored(t, f))), slices.Sorted(maps.Keys(references.keys))) {
		t.Error("the stored files are not those with rows")
	}
}
