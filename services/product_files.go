package services

import (
	"context"
	"encoding/json"
	"fmt"
	"io"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/pmo"
)

// fileReader gives the content of a file, and its size in bytes. ctx must live until it is closed. Errors:
// not found, unavailable.
type fileReader interface {
	Get(ctx context.Context, key string) (io.ReadCloser, int64, error)
}

// ProductFiles adds files to products, and lets them be downloaded and deleted.
type ProductFiles struct {
	writer   *Writer
	store    *pmo.Store
	contents fileReader
}

// NewProductFiles returns the use cases.
func NewProductFiles(w *Writer, store *pmo.Store, contents fileReader) *ProductFiles {
	return &ProductFiles{writer: w, store: store, contents: contents}
}

// fileLister reads the files of a product in the mirror. Errors: connection, timeout, schema.
type fileLister interface {
	HasProduct(ctx context.Context, id int64) (bool, error)
	Attachments(ctx context.Context, productID int64) ([]models.ListedAttachment, error)
}

// ListFiles lists a product's files, oldest first. Errors: not found, connection, timeout, schema.
func ListFiles(ctx context.Context, from fileLister, productID int64) ([]models.ListedAttachment, error) {
	has, err := from.HasProduct(ctx, productID)
	if err := wantProduct(has, err); err != nil {
		return nil, err
	}
	rows, err := from.Attachments(ctx, productID)
	return withPaths(rows), err
}

func wantProduct(has bool, err error) error {
	if err == nil && !has {
		return &models.Error{Class: models.NotFound, LegacyMessage: "There is no product with this id"}
	}
	return err
}

// withPaths says of each file where the API lets it be downloaded.
func withPaths(rows []models.ListedAttachment) []models.ListedAttachment {
	for i, a := range rows {
		rows[i].Path = fmt.Sprintf("/api/product-lifecycle/products/%d/attachments/%d", a.ProductID, a.ID)
	}
	return rows
}

// Add attaches the request's files to a product, all or none. After an error none of them is left.
// Errors: not found; conflict and busy of the key; connection.
func (f *ProductFiles) Add(ctx context.Context, productID int64, r WriteRequest) (Written, error) {
	w := f.writer
	write, done, err := w.claim(ctx, r.Key, r.Fingerprint)
	if err != nil || done != nil {
		w.discard(ctx, r.Files)
		return replay(done), err
	}
	var version int64
	err = f.store.InTx(ctx, func(tx *pmo.Store) error {
		// Until the files are there the product stays: whoever deletes it comes after, and finds them.
		has, err := tx.KeepProduct(ctx, productID)
		if err := wantProduct(has, err); err != nil {
			return err
		}
		added, err := tx.AddStored(ctx, productID, r.Files)
		if err != nil {
			return err
		}
		if write.Body, err = json.Marshal(withPaths(added)); err != nil {
			return err
		}
		write.RowID = &productID
		if err := tx.FinishWrite(ctx, write); err != nil {
			return err
		}
		version, err = tx.Bump(ctx)
		return err
	})
	if err != nil {
		attached, known := f.attached(ctx, r.Files)
		if known && !attached {
			w.giveUp(ctx, write, r)
		}
		if !attached {
			return Written{}, err
		}
	}
	w.answers.Advance(version)
	written := replay(&write)
	written.ETag = ""
	return written, nil
}

// attached finds out whether files were attached although no answer to the commit came. Where that is not
// known the files must be left alone: the sweep deletes what belongs to nothing.
func (f *ProductFiles) attached(ctx context.Context, files []models.Upload) (attached, known bool) {
	if len(files) == 0 {
		return false, true
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), followTime)
	defer cancel()
	referred, err := f.store.ReferredObjects(ctx, []string{files[0].Key})
	return len(referred) == 1, err == nil
}

// Remove deletes a file of a product. Errors: not found, connection.
func (f *ProductFiles) Remove(ctx context.Context, productID, id int64) (was models.Attachment, err error) {
	var version int64
	err = f.store.InTx(ctx, func(tx *pmo.Store) error {
		if was, err = tx.DeleteAttachment(ctx, productID, id); err != nil {
			return err
		}
		version, err = tx.Bump(ctx)
		return err
	})
	if err != nil {
		return was, err
	}
	f.writer.answers.Advance(version)
	f.writer.delete(ctx, []string{was.ObjectKey})
	return was, nil
}

// Find returns a file of a product. Errors: not found, connection, timeout.
func (f *ProductFiles) Find(ctx context.Context, productID, id int64) (models.Attachment, error) {
	return f.store.Attachment(ctx, productID, id)
}

// Open returns the content of a file, which is a.Size bytes. It may be read when ctx has ended, and must be
// closed. Errors: not found, unavailable.
func (f *ProductFiles) Open(ctx context.Context, a models.Attachment) (io.ReadCloser, error) {
	content, size, err := f.contents.Get(context.WithoutCancel(ctx), a.ObjectKey)
	if err == nil && size != a.Size {
		_ = content.Close()
		return nil, &models.Error{Class: models.NotFound, LegacyMessage: "The file's content is not what was kept.",
			Cause: fmt.Errorf("%s has %d bytes instead of %d", a.ObjectKey, size, a.Size)}
	}
	return content, err
}
