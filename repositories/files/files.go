// Package files keeps the contents of attachments, in a folder of this machine or in a bucket of an S3
// server. A content has a key, under which it is written once, read and deleted; who it belongs to stands
// in pmo_db.
package files

import (
	"context"
	"errors"
	"io"
	"iter"
	"regexp"
	"strings"
	"syscall"
	"time"

	"lifecycle-sync/models"
)

// Files is where contents are kept. Errors: unavailable when the place is away or full, canceled,
// internal for a key that Key has not made.
type Files interface {
	// Put writes all of r under a key that is not in use. After any error nothing is left under it; r's
	// own errors come back as they are.
	Put(ctx context.Context, key string, r io.Reader) error
	// Get returns a content and its size in bytes. ctx must live until the reader is closed. Errors: also
	// not_found.
	Get(ctx context.Context, key string) (io.ReadCloser, int64, error)
	// Delete removes a content, and what an upload that broke off has left. One that is not there is fine.
	Delete(ctx context.Context, key string) error
	// Old lists the keys of what was begun before a time, finished or not. After an error it ends.
	Old(ctx context.Context, before time.Time) iter.Seq2[string, error]
	// Check writes something small and takes it away again, and says for how many bytes there is room,
	// Unlimited where nobody knows. Errors: also permission, with what to do.
	Check(ctx context.Context) (room int64, err error)
}

// Unlimited is the room where no limit is known.
const Unlimited = -1

// Open returns the files at a URL, file:path or s3://key:secret@host/bucket?region=…. It does not check whether they
// exist. Errors: configuration, without any part of the URL.
func Open(url string) (Files, error) { //nolint:ireturn // the URL says which of the two it is
	var opened Files
	path, err := folderPath(url)
	if path != "" {
		opened = &Folder{path}
	} else if err == nil {
		opened, err = openS3(url)
	}
	if err != nil {
		return nil, err
	}
	return opened, nil
}

// CheckURL checks UPLOADS_URL. Errors: configuration, without any part of the URL.
func CheckURL(url string) error {
	path, err := folderPath(url)
	if err == nil && path == "" {
		_, err = parseS3(url)
	}
	return err
}

// folderPath returns the folder of a URL, "" for S3.
func folderPath(url string) (string, error) {
	if strings.HasPrefix(url, "s3:") {
		return "", nil
	}
	rest, isFile := strings.CutPrefix(url, "file:")
	path := strings.TrimPrefix(rest, "//")
	if !isFile || path == "" {
		return "", models.NewError(models.Config, "config.uploads_url_scheme", nil)
	}
	return path, nil
}

// keyForm is how keys look: nothing in them can lead out of the folder or the bucket.
var keyForm = regexp.MustCompile(`^[a-z2-7]{26}$`)

func checkKey(key string) error {
	if !keyForm.MatchString(key) {
		return &models.Error{Class: models.Internal, LegacyMessage: "a file's key is none"}
	}
	return nil
}

// source reads for a store, and keeps the reader's errors apart from the store's. A store never sees an
// io.ErrUnexpectedEOF of the reader's, which it might take for the end.
type source struct {
	io.Reader

	err error
}

var errSource = errors.New("the content could not be read")

// Read implements io.Reader.
func (s *source) Read(p []byte) (int, error) {
	n, err := s.Reader.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		s.err = err
		return n, errSource
	}
	return n, err
}

// failed is a store's failure as a caller is told of it.
func failed(ctx context.Context, err error) error {
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return models.AsError(ctx.Err())
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return &models.Error{Class: models.Unavailable, LegacyMessage: "There is no room left for files", Cause: err,
			LegacyRemedy: "Free space where UPLOADS_URL keeps them, then try again."}
	default:
		return &models.Error{Class: models.Unavailable, LegacyMessage: "Files cannot be kept or read at the moment", Cause: err,
			LegacyRemedy: "Try again shortly; the server's log says what is wrong with the place that UPLOADS_URL names."}
	}
}

func missing(err error) error {
	return &models.Error{Class: models.NotFound, LegacyMessage: "The file's content is not there any more.", Cause: err}
}
