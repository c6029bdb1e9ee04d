package files

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/minio/minio-go/v7"

	"lifecycle-sync/models"
)

// probe is the content that Check writes.
const probe = "Lifecycle Sync may write here.\n"

// Check implements Files. For a folder that does not exist yet, it tries the nearest parent: a folder created here would
// belong to the user who checks.
func (f *Folder) Check(context.Context) (space int64, err error) {
	path, err := filepath.Abs(f.path)
	for err == nil {
		var info fs.FileInfo
		if info, err = os.Stat(path); err == nil && !info.IsDir() {
			err = syscall.ENOTDIR
		}
		if !errors.Is(err, fs.ErrNotExist) {
			break
		}
		path, err = filepath.Dir(path), nil
	}
	var file *os.File
	if err == nil {
		file, err = os.CreateTemp(path, "lifecycle-sync-doctor-*")
	}
	if err == nil {
		_, err = file.WriteString(probe)
		err = errors.Join(err, file.Close(), os.Remove(file.Name()))
	}
	if err == nil {
		return freeSpace(path), nil
	}
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return 0, nil
	}
	reason := "see the log"
	if errno, ok := errors.AsType[syscall.Errno](err); ok {
		reason = errno.Error() // such as "permission denied"
	}
	return 0, models.NewError(models.Permission, "files.not_writable", models.Params{"path": path, "reason": reason}).
		WithRemedy("files.not_writable_remedy", nil).WithCause(err)
}

// Check implements Files. The bucket must exist.
func (s *S3) Check(ctx context.Context) (int64, error) {
	key := strings.ToLower(rand.Text())
	err := s.Put(ctx, key, strings.NewReader(probe))
	if err == nil {
		content, _, getErr := s.Get(ctx, key)
		if err = getErr; err == nil {
			_, err = io.Copy(io.Discard, content)
			err = errors.Join(err, content.Close())
		}
		err = errors.Join(err, s.Delete(ctx, key))
	}
	if err == nil || ctx.Err() != nil {
		return Unlimited, err
	}
	refusal, answered := errors.AsType[minio.ErrorResponse](err)
	var e *models.Error
	switch {
	case answered && refusal.Code == minio.NoSuchBucket:
		e = models.NewError(models.Unavailable, "files.no_bucket", nil).WithRemedy("files.no_bucket_remedy", nil)
	case answered && (refusal.StatusCode == http.StatusForbidden || refusal.StatusCode == http.StatusUnauthorized || refusal.Code == minio.InvalidAccessKeyID):
		e = models.NewError(models.Permission, "files.denied", nil).WithRemedy("files.denied_remedy", nil)
	default:
		e = models.NewError(models.Unavailable, "files.no_s3_answer", nil).WithRemedy("files.no_s3_answer_remedy", nil)
	}
	return 0, e.WithCause(err)
}
