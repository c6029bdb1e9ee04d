package faults_test

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"lifecycle-sync/test/kit/program"
)

// TestData_IsPrivate starts the program without configuration, in a new folder, and in one whose files others can
// read. An existing folder keeps its mode: it may be shared on purpose.
func TestData_IsPrivate(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	p := program.New(t, "DATA_DIR="+dir)
	for _, isNew := range []bool{true, false} {
		v := p.Fork([]string{"PORT=0"}, "serve")
		host, port, err := net.SplitHostPort(v.Address())
		if err != nil {
			t.Fatal(err)
		}
		seen := 0
		err = filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
			var info fs.FileInfo
			if err == nil {
				info, err = entry.Info()
			}
			if errors.Is(err, fs.ErrNotExist) { // a temporary file
				return nil
			}
			if err != nil {
				return err
			}
			if seen++; (isNew || !entry.IsDir()) && info.Mode().Perm()&0o077 != 0 {
				t.Errorf("%s has mode %v", path, info.Mode())
			}
			return os.Chmod(path, info.Mode().Perm()|0o044) // for the next start
		})
		if err != nil || seen < 7 { // the folder, and three files of each database
			t.Errorf("%d files, %v", seen, err)
		}
		if code := p.Fork([]string{"HOST=" + host, "PORT=" + port}, "health").Wait(); code != 0 {
			t.Errorf("health of a server: exit code %d", code)
		}
		v.End(syscall.SIGKILL) // leaves -wal and -shm
		if code := p.Fork([]string{"HOST=" + host, "PORT=" + port}, "health").Wait(); code != 1 {
			t.Errorf("health without a server: exit code %d", code)
		}
	}
}
