package mirror_test

import (
	"crypto/rand"
	"fmt"
	mathrand "math/rand/v2"
	"slices"
	"strings"
	"testing"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/database"
	"lifecycle-sync/repositories/pmo"
	attachmentsdb "lifecycle-sync/repositories/pmo/attachments"
	"lifecycle-sync/repositories/pmo/catalog"
	"lifecycle-sync/services/attachments"
	"lifecycle-sync/services/mirror"
	"lifecycle-sync/test/kit"
	"lifecycle-sync/test/kit/testdb"
)

// instants are the values of created_at, "" for NULL, and of the times of uploads. They differ by a microsecond and more.
var instants = []string{"", "2024-01-01T00:00:00.000001Z", "2024-01-01T00:00:00.000002Z", "2090-06-30T23:59:59.999999Z"}

// spellings are other forms of the same instants.
var spellings = map[string][]string{
	instants[1]: {"2024-01-01 00:00:00.000001+00:00", "2024-01-01 07:00:00.000001+07:00"},
	instants[2]: {"2023-12-31 12:00:00.000002-12:00"},
	instants[3]: {"2090-07-01 06:59:59.999999+07:00"},
}

// shelf is a model of which files belong to which products. It compares texts, and knows what each run has seen.
type shelf struct {
	*fixture
	*mathrand.Rand
	source   map[int64]product // the rows in lifecycle_db
	mirrored map[int64]string  // created_at of the rows in the mirror
	held     map[int64]bool    // the rows in quarantine
	files    map[int64]*file
}

// product is a row of lifecycle_db.
type product struct {
	createdAt string
	fits      bool
}

// file is an attachment of the product with an id that had a created_at.
type file struct {
	product             int64
	createdAt, uploaded string
	closed              bool
}

// TestAttachments_FollowTheirProducts makes random changes, uploads, runs and refreshes, and compares what is shown with the model
// after each.
func TestAttachments_FollowTheirProducts(t *testing.T) {
	t.Parallel()
	histories, rounds := 2, 40
	if kit.IsLong() {
		histories, rounds = 10, 150
	}
	testdb.Each(t, func(t *testing.T, url func(testing.TB) string) {
		for seed := range uint64(histories) {
			t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) {
				t.Parallel()
				l := newFixture(t, url(t), url(t))
				l.Migrate()
				for _, table := range l.Tables[:3] {
					l.fill(table, 1, parentRows)
				}
				l.fill(l.Tables[3], 101, 120) // otherwise the guard stops runs that delete the last product
				if seed%2 == 1 {
					l.mode = models.IncrementalRun
				}
				s := &shelf{l, mathrand.New(mathrand.NewPCG(seed, 0)), map[int64]product{}, map[int64]string{}, map[int64]bool{}, map[int64]*file{}}
				l.sync()
				for range rounds {
					s.round()
				}
			})
		}
	})
}

// round makes a few changes to a product, lets a run or a refresh see them, and may upload a file.
func (s *shelf) round() {
	s.Helper()
	id := 1 + s.Int64N(2)
	for range 1 + s.IntN(2) {
		p, exists := s.source[id]
		switch createdAt := instants[s.IntN(len(instants))]; {
		case !exists:
			s.write(id, product{createdAt, s.IntN(4) > 0}, "INSERT INTO tbl_produk (created_at, id_segmen, id) "+on(s.fixture, "OVERRIDING SYSTEM VALUE ", "")+"VALUES (%s, %d, %d)")
		case s.IntN(4) == 0:
			s.change(fmt.Sprintf("DELETE FROM tbl_produk WHERE id = %d", id))
			delete(s.source, id)
		case s.IntN(2) == 0:
			createdAt = p.createdAt
			fallthrough
		default:
			s.write(id, product{createdAt, p.fits != (s.IntN(2) == 0)}, "UPDATE tbl_produk SET created_at = %s, id_segmen = %d WHERE id = %d")
		}
	}
	if s.IntN(2) == 0 {
		s.refresh(mirror.ChangedRows{"tbl_produk": {id}}, 0)
		s.see(id)
	} else {
		s.sync()
		s.see(1, 2)
	}
	s.compare()
	s.upload(id)
}

func (s *shelf) write(id int64, p product, statement string) {
	s.Helper()
	createdAt, segment := "NULL", 1
	if p.createdAt != "" {
		forms := slices.Concat(spellings[p.createdAt], []string{p.createdAt})
		createdAt = literal(forms[s.IntN(len(forms))])
	}
	if !p.fits {
		segment = 99
	}
	s.change(fmt.Sprintf(statement, createdAt, segment, id))
	s.source[id] = p
}

// upload adds a file, as the API does, and sets the time at which it was uploaded.
func (s *shelf) upload(id int64) {
	s.Helper()
	if added := s.addFile(id); added != 0 {
		f := file{product: id, createdAt: s.mirrored[id], uploaded: instants[1+s.IntN(len(instants)-1)]}
		s.edit("UPDATE lifecycle_attachments SET created_at = " + literal(f.uploaded) + " WHERE id = " + fmt.Sprint(added))
		s.files[added] = &f
	}
}

// addFile adds a file to a mirrored product and returns its id, 0 if there is no such product.
func (l *fixture) addFile(product int64) (id int64) {
	l.Helper()
	err := l.Store.InTx(l.Context(), func(tx *pmo.Session) error {
		identity, err := attachmentsdb.New(tx).LockProduct(l.Context(), product)
		if isAbsent(err) {
			return nil
		}
		if err != nil {
			return err
		}
		rows, err := attachmentsdb.New(tx).AddStored(l.Context(), identity, []models.Upload{{Key: strings.ToLower(rand.Text()), Name: "a.txt", Type: "text/plain"}})
		if err == nil {
			id = rows[0].ID
		}
		return err
	})
	if err != nil {
		l.Fatal(err)
	}
	return id
}

// see is what a run does that sees the current state of some products.
func (s *shelf) see(ids ...int64) {
	for _, id := range ids {
		p, exists := s.source[id]
		_, wasMirrored := s.mirrored[id]
		delete(s.mirrored, id)
		isNew := !wasMirrored && !s.held[id]
		s.held[id] = exists && !p.fits
		if exists && p.fits {
			s.mirrored[id] = p.createdAt
		}
		for _, f := range s.files {
			switch {
			case f.product != id || s.held[id]:
			case !exists:
				f.closed = true
			case f.createdAt == p.createdAt:
				f.closed = false
			case f.closed:
			case isNew:
				s.Fatalf("the product %d is new, but has a file", id)
			case p.createdAt > f.uploaded:
				f.closed = true
			default:
				f.createdAt = p.createdAt
			}
		}
	}
}

// compare compares everything that shows files with the model.
func (s *shelf) compare() {
	s.Helper()
	for id := int64(1); id <= 2; id++ {
		_, mirrored := s.mirrored[id]
		var want []int64
		for key, f := range s.files {
			if shown := f.product == id && !f.closed && mirrored; shown {
				want = append(want, key)
			}
			_, err := attachmentsdb.New(s.Store.Session).Get(s.Context(), id, key)
			if shown := f.product == id && !f.closed && mirrored; shown != (err == nil) {
				s.Errorf("the file %d of product %d: %v", key, id, err)
			}
		}
		slices.Sort(want)
		got, count := s.shown(id)
		if !slices.Equal(got, want) || count != int64(len(want)) {
			s.Fatalf("product %d has the files %v, counted as %d, want %v: %+v", id, got, count, want, s.files)
		}
	}
}

// shown returns the ids of the files that are shown of a product, and their number in the list of products.
func (l *fixture) shown(product int64) (ids []int64, count int64) {
	l.Helper()
	_, err := l.Store.View(l.Context(), func(session *pmo.Session) error {
		from := catalog.New(session)
		files, err := attachments.List(l.Context(), from, product)
		if isAbsent(err) {
			return nil
		}
		if err != nil {
			return err
		}
		for _, f := range files {
			ids = append(ids, f.ID)
		}
		listed, err := from.Product(l.Context(), product)
		count = listed.AttachmentsCount
		return err
	})
	if err != nil {
		l.Fatal(err)
	}
	return ids, count
}

// isAbsent reports whether a product is not in the mirror.
func isAbsent(err error) bool {
	e := models.AsError(err)
	return e != nil && (e.Class == models.NotFound || e.Class == models.HeldBack)
}

// TestAttachments_SurviveALostMirror empties the mirror, which the next run fills again: by the load, or row by row.
func TestAttachments_SurviveALostMirror(t *testing.T) {
	both(t, func(l *fixture) {
		on(l, l.large, l.small)()
		l.change("UPDATE tbl_produk SET created_at = '2024-01-01 00:00:00' WHERE id = 1")
		l.sync()
		kept, reused := l.addFile(1), l.addFile(2)
		l.edit("DELETE FROM tbl_stage_histori_lifecycle")
		l.edit("DELETE FROM tbl_produk_lifecycle")
		l.edit("DELETE FROM lifecycle_sync_quarantine")
		if l.kind == database.Postgres {
			l.edit("DELETE FROM tbl_segmen_lifecycle")
			l.edit("DELETE FROM tbl_stage_lifecycle")
			l.edit("DELETE FROM tbl_kategori_lifecycle")
		}
		l.change("UPDATE tbl_produk SET created_at = '2090-01-01 00:00:00' WHERE id = 2")
		l.sync()
		if ids, _ := l.shown(1); !slices.Equal(ids, []int64{kept}) {
			l.Errorf("product 1 has %v", ids)
		}
		if ids, _ := l.shown(2); len(ids) > 0 {
			l.Errorf("another product has the file %d", reused)
		}
	})
}

// TestAttachments_UploadDuringARun adds a file while a run finds that another product has reused the id.
func TestAttachments_UploadDuringARun(t *testing.T) {
	onPostgres(t, func(l *fixture) {
		l.small()
		l.sync()
		l.change("UPDATE tbl_produk SET created_at = '2090-01-01 00:00:00Z' WHERE id = 7")
		locked, finish, uploaded := make(chan struct{}), make(chan struct{}), make(chan error, 1)
		go func() {
			uploaded <- l.Store.InTx(l.Context(), func(tx *pmo.Session) error {
				identity, err := attachmentsdb.New(tx).LockProduct(l.Context(), 7)
				if err != nil {
					return err
				}
				close(locked)
				<-finish
				_, err = attachmentsdb.New(tx).AddStored(l.Context(), identity, []models.Upload{{Key: "a", Name: "a.txt", Type: "text/plain"}})
				return err
			})
		}()
		<-locked
		synced := make(chan error, 1)
		go func() {
			_, err := l.try()
			synced <- err
		}()
		kit.Eventually(l, "the run waits for the upload", func() bool {
			return len(synced) > 0 || kit.One[bool](l, l.Target, "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND cardinality(pg_blocking_pids(pid)) > 0)")
		})
		close(finish)
		if err := <-uploaded; err != nil {
			l.Fatal(err)
		}
		if err := <-synced; err != nil {
			l.Fatal(err)
		}
		if ids, _ := l.shown(7); len(ids) > 0 {
			l.Errorf("another product has the files %v", ids)
		}
	})
}
