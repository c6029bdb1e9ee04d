// Package attachments holds the rules of the files that belong to products: which are taken in, under
// what names, and that none is left that belongs to nothing.
package attachments

import (
	"context"
	"io"
	"iter"
	"time"
)

// Contents is where the contents of files lie. Errors: unavailable, canceled; Get: not found; and Put's
// reader's, as they are. After a failed Put nothing is left. To delete what is not there is no error.
type Contents interface {
	Put(ctx context.Context, key string, content io.Reader) error
	Get(ctx context.Context, key string) (io.ReadCloser, int64, error)
	Delete(ctx context.Context, key string) error
	Old(ctx context.Context, before time.Time) iter.Seq2[string, error]
}
