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
	"strings"
	"time"

	"lifecycle-sync/models"
)

// discardTime bounds the deletion of files that are not wanted, whatever became of the request.
const discardTime = 10 * time.Second

// Staging takes in files that come with requests, before it is known whether they will belong to anything.
type Staging struct {
	contents Contents
	limit    int64 // bytes in a file
	log      *slog.Logger
}

// NewStaging returns the use case. limit is how many bytes a file may have.
func NewStaging(contents Contents, limit int64, log *slog.Logger) *Staging {
	return &Staging{contents: contents, limit: limit, log: log}
}

// Stage takes in a file whose extension and content agree, under a key of our own. filename is the
// client's. Errors: unsupported_type, too_large, validation_failed for an empty file, unavailable, and the
// reader's as they are. After any of them nothing is left of the file.
func (s *Staging) Stage(ctx context.Context, filename string, content io.Reader) (models.Upload, error) {
	name, kind, err := recognise(filename)
	if err != nil {
		return models.Upload{}, err
	}
	buffered := bufio.NewReaderSize(content, headSize)
	head, err := buffered.Peek(headSize)
	switch {
	case err != nil && !errors.Is(err, io.EOF):
		return models.Upload{}, err
	case len(head) == 0:
		return models.Upload{}, models.NewInvalid(models.NewFieldError("files", "empty", "attachments.empty", models.Params{"file": name}))
	case !kind.begins(head):
		return models.Upload{}, refusal("attachments.content_mismatch", name)
	}
	upload := models.Upload{Key: strings.ToLower(rand.Text()), Name: name, Type: kind.mediaType}
	sum, seen := sha256.New(), kind.whole()
	counted := &counted{from: buffered, limit: s.limit, name: name}
	if err := s.contents.Put(ctx, upload.Key, io.TeeReader(counted, io.MultiWriter(sum, seen))); err != nil {
		return models.Upload{}, err
	}
	if !seen.right() {
		s.Discard(ctx, []models.Upload{upload})
		return models.Upload{}, refusal("attachments.content_mismatch", name)
	}
	upload.Size, upload.SHA256 = counted.n, hex.EncodeToString(sum.Sum(nil))
	return upload, nil
}

// Discard deletes files that are not wanted after all. What cannot be deleted is left to the sweep.
func (s *Staging) Discard(ctx context.Context, files []models.Upload) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), discardTime)
	defer cancel()
	for _, f := range files {
		if err := s.contents.Delete(ctx, f.Key); err != nil {
			s.log.Warn("attachment cleanup failed; will retry", "key", f.Key, "error", err)
		}
	}
}

// counted counts a file's bytes and fails as soon as they are too many.
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
