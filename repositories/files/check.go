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

// Check implements Files.
func (f *Folder) Check(context.Context) (int64, error) { return CheckFolder(f.path) }

// CheckFolder writes and deletes a file in a local folder, and returns the free space in bytes. For a folder that does
// not exist yet, it tries the nearest parent: a folder created here would belong to the user who checks. Errors:
// permission, unavailable.
func CheckFolder(path string) (int64, error) {
	path, err := filepath.Abs(path)
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
	return 0, models.NewError(models.Permission, "files.not_writable", models.Params{"path": path, "reason": reason(err)}).
		WithRemedy("files.not_writable_remedy", nil).WithCause(err)
}

// reason returns the operating system's text, such as "permission denied".
func reason(err error) string {
	if errno, ok := errors.AsType[syscall.Errno](err); ok {
		return errno.Error()
	}
	return "see the log"
}

// Check implements Files. The bucket must exist.
func (s *S3) Check(ctx context.Context) (int64, error) {
	key := strings.ToLower(rand.Text())
	err := s.Put(ctx, key, strings.NewReader(probe))
	if err == nil {
		err = errors.Join(s.readBack(ctx, key), s.Delete(ctx, key))
	}
	if err == nil || ctx.Err() != nil {
		return Unlimited, err
	}
	refusal, answered := errors.AsType[minio.ErrorResponse](err)
	switch {
	case answered && refusal.Code == minio.NoSuchBucket:
		return 0, models.NewError(models.Unavailable, "files.no_bucket", nil).WithRemedy("files.no_bucket_remedy", nil).WithCause(err)
	case answered && (refusal.StatusCode == http.StatusForbidden || refusal.StatusCode == http.StatusUnauthorized || refusal.Code == minio.InvalidAccessKeyID):
		return 0, models.NewError(models.Permission, "files.denied", nil).WithRemedy("files.denied_remedy", nil).WithCause(err)
	default:
		return 0, models.NewError(models.Unavailable, "files.no_s3_answer", nil).WithRemedy("files.no_s3_answer_remedy", nil).WithCause(err)
	}
}

func (s *S3) readBack(ctx context.Context, key string) error {
	content, _, err := s.Get(ctx, key)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, content)
	return errors.Join(err, content.Close())
}
