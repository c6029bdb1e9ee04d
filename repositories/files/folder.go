package files

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"time"
)

// Folder keeps contents as files of this machine, spread over folders that the first two letters of
// their keys name. Both are made when they are needed, for this user alone.
type Folder struct{ path string }

func (f *Folder) at(key string) string { return filepath.Join(f.path, key[:2], key) }

// Put implements Files. What it has written is on the disk when it returns.
func (f *Folder) Put(ctx context.Context, key string, r io.Reader) error {
	if err := checkKey(key); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(f.at(key)), 0o700); err != nil {
		return failed(ctx, err)
	}
	file, err := os.OpenFile(f.at(key), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return failed(ctx, err)
	}
	from := &source{Reader: r}
	err = fill(ctx, file, from)
	if err == nil {
		return nil
	}
	removed := os.Remove(f.at(key)) // where it fails, the sweep tries again
	if from.err != nil {
		return from.err
	}
	return failed(ctx, errors.Join(err, removed))
}

// fill writes a file and closes it.
func fill(ctx context.Context, file *os.File, from io.Reader) error {
	_, err := io.Copy(file, from)
	if err == nil {
		err = file.Sync()
	}
	if err == nil {
		err = ctx.Err()
	}
	return errors.Join(err, file.Close())
}

// Get implements Files.
func (f *Folder) Get(ctx context.Context, key string) (io.ReadCloser, int64, error) {
	if err := checkKey(key); err != nil {
		return nil, 0, err
	}
	file, err := os.Open(f.at(key))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, 0, missing(err)
	}
	if err != nil {
		return nil, 0, failed(ctx, err)
	}
	info, err := file.Stat()
	if err != nil {
		return nil, 0, failed(ctx, errors.Join(err, file.Close()))
	}
	return file, info.Size(), nil
}

// Delete implements Files.
func (f *Folder) Delete(ctx context.Context, key string) error {
	if err := checkKey(key); err != nil {
		return err
	}
	if err := os.Remove(f.at(key)); !errors.Is(err, fs.ErrNotExist) {
		return failed(ctx, err)
	}
	return nil
}

// Old implements Files. Files that are not ours are left out.
func (f *Folder) Old(ctx context.Context, before time.Time) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		err := filepath.WalkDir(f.path, func(path string, entry fs.DirEntry, err error) error {
			if err == nil {
				err = ctx.Err()
			}
			if err != nil || entry.IsDir() || checkKey(entry.Name()) != nil || f.at(entry.Name()) != path {
				return gone(err)
			}
			info, err := entry.Info()
			if err != nil || !info.ModTime().Before(before) {
				return gone(err)
			}
			if !yield(entry.Name(), nil) {
				return fs.SkipAll
			}
			return nil
		})
		if err != nil {
			yield("", failed(ctx, err))
		}
	}
}

// gone takes away the error that something was deleted meanwhile, or that nothing was ever kept.
func gone(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
