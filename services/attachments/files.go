// Package attachments holds the rules for files of products: which types are accepted, how they are named, and that no
// orphaned content is left.
package attachments

import (
	"bufio"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"path"
	"slices"
	"strings"
	"time"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/lifecycle"
	"lifecycle-sync/repositories/pmo"
	attachmentsdb "lifecycle-sync/repositories/pmo/attachments"
	"lifecycle-sync/services/outbox"
)

// Contents stores the contents of files. After a failed Put nothing is stored. Delete accepts a missing key. Errors:
// unavailable, canceled; Get: not found; Put: the reader's.
type Contents interface {
	Put(ctx context.Context, key string, content io.Reader) error
	Get(ctx context.Context, key string) (io.ReadCloser, int64, error)
	Delete(ctx context.Context, key string) error
	Old(ctx context.Context, before time.Time) iter.Seq2[string, error]
}

// Files stores, adds, reads and deletes files of products.
type Files struct {
	Writer   *outbox.Writer
	Source   *lifecycle.Source
	Store    *pmo.Store
	Contents Contents
	Limit    int64 // bytes per file
	Log      *slog.Logger
}

// Reader reads the files of products in one snapshot of the mirror. Errors: connection, timeout, schema; RequireProduct: not
// found, quarantined.
type Reader interface {
	RequireProduct(ctx context.Context, id int64) error
	Attachments(ctx context.Context, productID int64) ([]models.Attachment, error)
}

// List lists a product's files, oldest first. Errors: not found, quarantined, connection, timeout, schema.
func List(ctx context.Context, from Reader, productID int64) ([]models.Attachment, error) {
	if err := from.RequireProduct(ctx, productID); err != nil {
		return nil, err
	}
	return from.Attachments(ctx, productID)
}

// sourceTimeout limits the wait for lifecycle_db, which uploads do not need.
const sourceTimeout = 2 * time.Second

// Add attaches the request's files to a product, all or none. After an error none is stored.
// Errors: not found; quarantined; conflict if another product has reused the id in lifecycle_db since the last run, and of the key; busy of the key; connection.
func (f *Files) Add(ctx context.Context, productID int64, r outbox.Request) (outbox.Result, error) {
	current, known := f.current(ctx, productID)
	replaced := false
	result, err := f.Writer.WriteMirror(ctx, r, func(ctx context.Context, tx *pmo.Session) (outbox.MirrorChange, error) {
		// The lock keeps the product until the files are stored. A run that deletes it or changes its created_at then finds them.
		product, err := attachmentsdb.New(tx).LockProduct(ctx, productID)
		switch {
		case err != nil:
			return outbox.MirrorChange{}, err
		case known && current == nil:
			return outbox.MirrorChange{}, models.NewError(models.NotFound, "products.not_found", models.Params{"id": productID})
		case known && !current.Equal(product):
			replaced = true
			return outbox.MirrorChange{}, models.NewError(models.Conflict, "products.changed", nil).WithRemedy("products.changed_remedy", nil)
		}
		added, err := attachmentsdb.New(tx).AddStored(ctx, product, r.Files)
		return outbox.MirrorChange{Data: added, Uploaded: added, Products: models.ProductsOf(productID)}, err
	})
	if replaced {
		f.Writer.RefreshProducts(ctx, productID) // a reload then shows the new product
	}
	return result, err
}

// current reads which product lifecycle_db has under an id, nil if none. It is unknown while lifecycle_db is unavailable.
func (f *Files) current(ctx context.Context, productID int64) (current *models.ProductIdentity, known bool) {
	ctx, cancel := context.WithTimeout(ctx, sourceTimeout)
	defer cancel()
	current, err := f.Source.ProductIdentity(ctx, productID)
	if err != nil {
		f.Log.Warn("upload not compared with lifecycle_db", "id", productID, "error", err)
	}
	return current, err == nil
}

// Removed identifies a deleted file.
type Removed struct {
	ID   int64  `json:"id"`
	Name string `json:"nama_file"`
}

// Remove deletes a file of a product. It can be restored for the retention. Errors: not found, quarantined, connection.
func (f *Files) Remove(ctx context.Context, productID, id int64) (outbox.Result, error) {
	return f.Writer.WriteMirror(ctx, outbox.Request{}, func(ctx context.Context, tx *pmo.Session) (outbox.MirrorChange, error) {
		file, err := attachmentsdb.New(tx).Remove(ctx, productID, id)
		return outbox.MirrorChange{Data: Removed{file.ID, file.Name}, Removed: []models.Attachment{file}, Products: models.ProductsOf(productID)}, err
	})
}

// deleteContent deletes the content of a file. The sweep deletes what this could not.
func (f *Files) deleteContent(ctx context.Context, key string) {
	if err := f.Contents.Delete(ctx, key); err != nil {
		f.Log.Warn("attachment cleanup failed; will retry", "key", key, "error", err)
	}
}

// Find returns a file of a product. Errors: not found, quarantined, connection, timeout.
func (f *Files) Find(ctx context.Context, productID, id int64) (models.Attachment, error) {
	return attachmentsdb.New(f.Store.Session).Get(ctx, productID, id)
}

// Open returns the content of a file, which has a.Size bytes and must be closed. It can be read after ctx has ended.
// Errors: not found, unavailable.
func (f *Files) Open(ctx context.Context, a models.Attachment) (io.ReadCloser, error) {
	content, size, err := f.Contents.Get(context.WithoutCancel(ctx), a.ObjectKey)
	if err == nil && size != a.Size {
		_ = content.Close()
		return nil, models.NewError(models.NotFound, "attachments.content_damaged", nil).WithCause(fmt.Errorf("%s has %d bytes instead of %d", a.ObjectKey, size, a.Size))
	}
	return content, err
}

// discardTime limits the deletion of unwanted files, independent of the request's deadline.
const discardTime = 10 * time.Second

// Save stores a file whose content matches its extension under a new key, before its request is known to succeed. filename
// is the client's. After an error nothing is stored. Errors: unsupported_type, too_large, validation_failed for an empty
// file, unavailable, the reader's.
func (f *Files) Save(ctx context.Context, filename string, content io.Reader) (models.Upload, error) {
	name := CleanName(filename)
	kind, known := fileTypes()[strings.ToLower(path.Ext(name))]
	if !known {
		return models.Upload{}, refusal("attachments.unsupported_type", name)
	}
	buffered := bufio.NewReaderSize(content, headSize)
	head, err := buffered.Peek(headSize)
	switch {
	case err != nil && !errors.Is(err, io.EOF):
		return models.Upload{}, err
	case len(head) == 0:
		return models.Upload{}, models.NewInvalid(models.NewFieldError("files", "empty", "attachments.empty", models.Params{"file": name}))
	case !kind.startsWith(head):
		return models.Upload{}, refusal("attachments.content_mismatch", name)
	}
	upload := models.Upload{Key: newKey(), Name: name, Type: kind.mediaType}
	sum, examined := sha256.New(), kind.examine()
	counted := &counted{from: buffered, limit: f.Limit, name: name}
	if err := f.Contents.Put(ctx, upload.Key, io.TeeReader(counted, io.MultiWriter(sum, examined))); err != nil {
		return models.Upload{}, err
	}
	if !examined.valid() {
		f.Discard(ctx, []models.Upload{upload})
		return models.Upload{}, refusal("attachments.content_mismatch", name)
	}
	upload.Size, upload.SHA256 = counted.n, hex.EncodeToString(sum.Sum(nil))
	return upload, nil
}

// newKey returns a new key for the content of a file.
func newKey() string { return strings.ToLower(rand.Text()) }

// MaxCopies is the maximum number of files that one write attaches to several products together.
const MaxCopies = 100

// CopyFor returns files for each of several products, those of one after those of another: the given files for the first, copies
// for the others, because every product can lose its files alone. After an error none is left. Errors: validation_failed
// for too many files; unavailable, canceled.
func (f *Files) CopyFor(ctx context.Context, products int, files []models.Upload) ([]models.Upload, error) {
	if len(files)*products > MaxCopies {
		f.Discard(ctx, files)
		counts := models.Params{"files": len(files), "products": products, "max": MaxCopies}
		return nil, models.NewInvalid(models.NewFieldError("files", "too_many", "attachments.too_many_copies", counts))
	}
	all := slices.Clone(files)
	for i := len(files); i < len(files)*products; i++ {
		copied, err := f.copy(ctx, files[i%len(files)])
		if err != nil {
			f.Discard(ctx, all)
			return nil, err
		}
		all = append(all, copied)
	}
	return all, nil
}

// copy stores the content of a file under a new key, too.
func (f *Files) copy(ctx context.Context, file models.Upload) (models.Upload, error) {
	content, _, err := f.Contents.Get(ctx, file.Key)
	if err != nil {
		return models.Upload{}, err
	}
	defer func() { _ = content.Close() }()
	file.Key = newKey()
	return file, f.Contents.Put(ctx, file.Key, content)
}

// Discard deletes unwanted files. The sweep deletes what this could not.
func (f *Files) Discard(ctx context.Context, files []models.Upload) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), discardTime)
	defer cancel()
	for _, upload := range files {
		f.deleteContent(ctx, upload.Key)
	}
}

// counted counts a file's bytes and fails once they exceed the limit.
type counted struct {
	from     io.Reader
	n, limit int64
	name     string
}

// Read implements io.Reader.
func (c *counted) Read(p []byte) (int, error) {
	n, err := c.from.Read(p)
	if c.n += int64(n); c.n > c.limit {
		return 0, models.NewError(models.TooLarge, "attachments.too_large", models.Params{"file": c.name, "limit": c.limit})
	}
	return n, err
}

const (
	orphanAge     = 3 * time.Hour // minimum age of deleted content: longer than any request and any clock difference
	sweepInterval = time.Hour
	batchSize     = 500
)

// rows are the rows of files. Referenced finds the keys that a row refers to. DeleteClosed deletes the rows of files whose
// products have not existed for the retention, and returns their keys. Errors: connection, timeout.
type rows interface {
	Referenced(ctx context.Context, keys []string) ([]string, error)
	DeleteClosed(ctx context.Context, retention time.Duration) ([]string, error)
}

// Sweeper deletes the files of products that have not existed for the retention, and orphaned contents, which a crashed process
// left. It is used by one goroutine.
type Sweeper struct {
	contents  Contents
	rows      rows
	retention time.Duration
	now       func() time.Time
	log       *slog.Logger
	last      time.Time
}

// NewSweeper returns the use case.
func NewSweeper(contents Contents, rows rows, retention time.Duration, now func() time.Time, log *slog.Logger) *Sweeper {
	return &Sweeper{contents: contents, rows: rows, retention: retention, now: now, log: log}
}

// Sweep may be called often: it searches at most once an hour. Errors: unavailable, connection, timeout; the next call
// retries.
func (s *Sweeper) Sweep(ctx context.Context) error {
	now := s.now()
	if !s.last.IsZero() && now.Sub(s.last) < sweepInterval {
		return nil
	}
	closed, err := s.rows.DeleteClosed(ctx, s.retention)
	if err != nil {
		return err
	}
	for _, key := range closed { // content that cannot be deleted now is deleted later as an orphan
		if err := s.contents.Delete(ctx, key); err != nil {
			return err
		}
		s.log.Info("attachment of a deleted product deleted", "key", key)
	}
	var batch []string
	for key, err := range s.contents.Old(ctx, now.Add(-orphanAge)) {
		if err != nil {
			return err
		}
		if batch = append(batch, key); len(batch) == batchSize {
			if err := s.deleteOrphans(ctx, batch); err != nil {
				return err
			}
			batch = batch[:0]
		}
	}
	if err := s.deleteOrphans(ctx, batch); err != nil {
		return err
	}
	s.last = now
	return nil
}

// deleteOrphans deletes the contents among the keys that no row refers to.
func (s *Sweeper) deleteOrphans(ctx context.Context, keys []string) error {
	if len(keys) == 0 {
		return nil
	}
	referenced, err := s.rows.Referenced(ctx, keys)
	if err != nil {
		return err
	}
	var failures []error
	for _, key := range keys {
		if slices.Contains(referenced, key) {
			continue
		}
		if err := s.contents.Delete(ctx, key); err != nil {
			failures = append(failures, err)
			continue
		}
		s.log.Info("orphaned attachment deleted", "key", key)
	}
	return errors.Join(failures...)
}
