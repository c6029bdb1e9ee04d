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

// trial is what is written to see whether that can be done.
const trial = "Lifecycle Sync may write here.\n"

// Check implements Files.
func (f *Folder) Check(context.Context) (int64, error) { return CheckFolder(f.path) }

// CheckFolder writes a file into a folder of this machine and deletes it, and says for how many bytes
// there is room. Of a folder that is not there yet, because it is made when it is needed, the nearest one
// above is tried: making it here would give it to whoever looks. Errors: permission, unavailable.
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
		_, err = file.WriteString(trial)
		err = errors.Join(err, file.Close(), os.Remove(file.Name()))
	}
	if err == nil {
		return room(path), nil
	}
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return 0, nil
	}
	return 0, &models.Error{Class: models.Permission, LegacyMessage: path + " cannot be written: " + reason(err), Cause: err,
		LegacyRemedy: "Let the user that runs Lifecycle Sync write there, or name another folder."}
}

// reason is the system's word for what failed.
func reason(err error) string {
	if errno, ok := errors.AsType[syscall.Errno](err); ok {
		return errno.Error()
	}
	return "see the log"
}

// Check implements Files. The bucket must be there.
func (s *S3) Check(ctx context.Context) (int64, error) {
	key := strings.ToLower(rand.Text())
	err := s.Put(ctx, key, strings.NewReader(trial))
	if err == nil {
		err = errors.Join(s.readBack(ctx, key), s.Delete(ctx, key))
	}
	if err == nil || ctx.Err() != nil {
		return Unlimited, err
	}
	refusal, said := errors.AsType[minio.ErrorResponse](err)
	e := &models.Error{Class: models.Unavailable, LegacyMessage: "the S3 server of UPLOADS_URL does not answer as one", Cause: err,
		LegacyRemedy: "See that it runs and that the host in UPLOADS_URL is right."}
	switch {
	case said && refusal.Code == minio.NoSuchBucket:
		e.LegacyMessage, e.LegacyRemedy = "the bucket of UPLOADS_URL is not there", "Create it, or mend its name in UPLOADS_URL."
	case said && (refusal.StatusCode == http.StatusForbidden || refusal.StatusCode == http.StatusUnauthorized || refusal.Code == minio.InvalidAccessKeyID):
		e.Class, e.LegacyMessage = models.Permission, "the S3 server refuses the key of UPLOADS_URL, or what it wants to do"
		e.LegacyRemedy = "Mend key and secret in UPLOADS_URL, or give the key the rights to put, get, list and delete objects."
	}
	return 0, e
}

func (s *S3) readBack(ctx context.Context, key string) error {
	content, _, err := s.Get(ctx, key)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, content)
	return errors.Join(err, content.Close())
}
