package attachments

import (
	"bufio"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"log/slog"
	"path"
	"strings"
	"time"

	"lifecycle-sync/models"
)

// discardTime limits the deletion of unwanted files, independent of the request's deadline.
const discardTime = 10 * time.Second

// Staging stores the files of a request before the request is known to succeed.
type Staging struct {
	contents Contents
	limit    int64 // bytes per file
	log      *slog.Logger
}

// NewStaging returns the use case. limit is the maximum size of a file in bytes.
func NewStaging(contents Contents, limit int64, log *slog.Logger) *Staging {
	return &Staging{contents: contents, limit: limit, log: log}
}

// Stage stores a file whose content matches its extension under a new key. filename is the client's. After an error
// nothing is stored. Errors: unsupported_type, too_large, validation_failed for an empty file, unavailable, the reader's.
func (s *Staging) Stage(ctx context.Context, filename string, content io.Reader) (models.Upload, error) {
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
	upload := models.Upload{Key: strings.ToLower(rand.Text()), Name: name, Type: kind.mediaType}
	sum, examined := sha256.New(), kind.examine()
	counted := &counted{from: buffered, limit: s.limit, name: name}
	if err := s.contents.Put(ctx, upload.Key, io.TeeReader(counted, io.MultiWriter(sum, examined))); err != nil {
		return models.Upload{}, err
	}
	if !examined.valid() {
		s.Discard(ctx, []models.Upload{upload})
		return models.Upload{}, refusal("attachments.content_mismatch", name)
	}
	upload.Size, upload.SHA256 = counted.n, hex.EncodeToString(sum.Sum(nil))
	return upload, nil
}

// Discard deletes unwanted files. The sweep deletes what this could not.
func (s *Staging) Discard(ctx context.Context, files []models.Upload) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), discardTime)
	defer cancel()
	for _, f := range files {
		deleteContent(ctx, s.contents, s.log, f.Key)
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
