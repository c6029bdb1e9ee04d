package files

import (
	"cmp"
	"context"
	"errors"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"time"
)

// Folder stores contents as local files, in subfolders named after the first two letters of their keys. Folders and
// files are private to this user and created when needed.
type Folder struct{ path string }

func (f *Folder) at(key string) string { return filepath.Join(f.path, key[:2], key) }

// Put implements Files. The content is synced to the disk when it returns.
func (f *Folder) Put(ctx context.Context, key string, r io.Reader) error {
	if err := checkKey(key); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(f.at(key)), 0o700); err != nil {
		return storageError(ctx, err)
	}
	file, err := os.OpenFile(f.at(key), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return storageError(ctx, err)
	}
	from := &contentReader{Reader: r}
	_, err = io.Copy(file, from)
	if err == nil {
		err = cmp.Or(file.Sync(), ctx.Err())
	}
	if err = errors.Join(err, file.Close()); err == nil {
		return nil
	}
	removed := os.Remove(f.at(key)) // if it fails, the cleanup retries
	if from.err != nil {
		return from.err
	}
	return storageError(ctx, errors.Join(err, removed))
}

// Get implements Files.
func (f *Folder) Get(ctx context.Context, key string) (io.ReadCloser, int64, error) {
	if err := checkKey(key); err != nil {
		return nil, 0, err
	}
	file, err := os.Open(f.at(key))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, 0, missingError(err)
	}
	if err != nil {
		return nil, 0, storageError(ctx, err)
	}
	info, err := file.Stat()
	if err != nil {
		return nil, 0, storageError(ctx, errors.Join(err, file.Close()))
	}
	return file, info.Size(), nil
}

// Delete implements Files.
func (f *Folder) Delete(ctx context.Context, key string) error {
	if err := checkKey(key); err != nil {
		return err
	}
	if err := os.Remove(f.at(key)); !errors.Is(err, fs.ErrNotExist) {
		return storageError(ctx, err)
	}
	return nil
}

// Old implements Files. It skips foreign files.
func (f *Folder) Old(ctx context.Context, before time.Time) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		err := filepath.WalkDir(f.path, func(path string, entry fs.DirEntry, err error) error {
			if err == nil {
				err = ctx.Err()
			}
			if err != nil || entry.IsDir() || checkKey(entry.Name()) != nil || f.at(entry.Name()) != path {
				return ignoreMissing(err)
			}
			info, err := entry.Info()
			if err != nil || !info.ModTime().Before(before) {
				return ignoreMissing(err)
			}
			if !yield(entry.Name(), nil) {
				return fs.SkipAll
			}
			return nil
		})
		if err != nil {
			yield("", storageError(ctx, err))
		}
	}
}

// ignoreMissing hides that a file was deleted during the walk, or that the folder does not exist yet.
func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
