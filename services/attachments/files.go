// Package attachments holds the rules for files of products: which types are accepted, how they are named, and that no
// orphaned content is left.
package attachments

import (
	"context"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"time"

	"lifecycle-sync/models"
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

// Files adds, reads and deletes files of products.
type Files struct {
	writer   *outbox.Writer
	store    *pmo.Store
	contents Contents
	log      *slog.Logger
}

// NewFiles returns the use cases.
func NewFiles(w *outbox.Writer, store *pmo.Store, contents Contents, log *slog.Logger) *Files {
	return &Files{writer: w, store: store, contents: contents, log: log}
}

// Reader reads the files of products in one snapshot of the mirror. Errors: connection, timeout, schema.
type Reader interface {
	HasProduct(ctx context.Context, id int64) (bool, error)
	Attachments(ctx context.Context, productID int64) ([]models.ListedAttachment, error)
}

// List lists a product's files, oldest first. Errors: not found, connection, timeout, schema.
func List(ctx context.Context, from Reader, productID int64) ([]models.ListedAttachment, error) {
	has, err := from.HasProduct(ctx, productID)
	if err := requireProduct(productID, has, err); err != nil {
		return nil, err
	}
	return from.Attachments(ctx, productID)
}

func requireProduct(id int64, has bool, err error) error {
	if err == nil && !has {
		return models.NewError(models.NotFound, "products.not_found", models.Params{"id": id})
	}
	return err
}

// Add attaches the request's files to a product, all or none. After an error none is stored.
// Errors: not found; conflict and busy of the key; connection.
func (f *Files) Add(ctx context.Context, productID int64, r outbox.Request) (outbox.Result, error) {
	return f.writer.WriteMirror(ctx, r, func(ctx context.Context, tx *pmo.Session) (any, error) {
		// The lock keeps the product until the files are stored; a later delete then finds them.
		has, err := attachmentsdb.New(tx).LockProduct(ctx, productID)
		if err := requireProduct(productID, has, err); err != nil {
			return nil, err
		}
		return attachmentsdb.New(tx).AddStored(ctx, productID, r.Files)
	})
}

// Remove deletes a file of a product. Errors: not found, connection.
func (f *Files) Remove(ctx context.Context, productID, id int64) (was models.Attachment, err error) {
	var version int64
	err = f.store.InTx(ctx, func(tx *pmo.Session) error {
		if was, err = attachmentsdb.New(tx).Delete(ctx, productID, id); err != nil {
			return err
		}
		version, err = tx.BumpVersion(ctx)
		return err
	})
	if err != nil {
		return was, err
	}
	f.writer.Advance(version)
	deleteContent(context.WithoutCancel(ctx), f.contents, f.log, was.ObjectKey)
	return was, nil
}

// deleteContent deletes the content of a file. The sweep deletes what this could not.
func deleteContent(ctx context.Context, contents Contents, log *slog.Logger, key string) {
	if err := contents.Delete(ctx, key); err != nil {
		log.Warn("attachment cleanup failed; will retry", "key", key, "error", err)
	}
}

// Find returns a file of a product. Errors: not found, connection, timeout.
func (f *Files) Find(ctx context.Context, productID, id int64) (models.Attachment, error) {
	return attachmentsdb.New(f.store.Session).Get(ctx, productID, id)
}

// Open returns the content of a file, which has a.Size bytes and must be closed. It can be read after ctx has ended.
// Errors: not found, unavailable.
func (f *Files) Open(ctx context.Context, a models.Attachment) (io.ReadCloser, error) {
	content, size, err := f.contents.Get(context.WithoutCancel(ctx), a.ObjectKey)
	if err == nil && size != a.Size {
		_ = content.Close()
		return nil, models.NewError(models.NotFound, "attachments.content_damaged", nil).WithCause(fmt.Errorf("%s has %d bytes instead of %d", a.ObjectKey, size, a.Size))
	}
	return content, err
}
