package files_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/minio/minio-go/v7"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/files"
	"lifecycle-sync/test/kit/testfiles"
)

const mebibyte = 1 << 20

func open(t testing.TB, url string) files.Files {
	t.Helper()
	f, err := files.Open(url)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func newKey() string { return strings.ToLower(rand.Text()) }

// keys lists all contents and interrupted uploads.
func keys(t testing.TB, f files.Files) (all []string) {
	t.Helper()
	for key, err := range f.Old(t.Context(), time.Now().Add(time.Hour)) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, key)
	}
	slices.Sort(all)
	return all
}

func class(err error) models.Class {
	if err == nil {
		return ""
	}
	return models.AsError(err).Class
}

// TestFiles_StoresListsAndDeletes checks an empty storage first, which changes nothing.
func TestFiles_StoresListsAndDeletes(t *testing.T) {
	t.Parallel()
	testfiles.Each(t, func(t *testing.T, url func(testing.TB) string) {
		t.Parallel()
		at, ctx := url(t), t.Context()
		f := open(t, at)
		if room, err := f.Check(ctx); err != nil || room == 0 {
			t.Errorf("%d, %v", room, err)
		}
		if got := keys(t, f); len(got) != 0 {
			t.Fatalf("an empty storage has %v", got)
		}
		if path, isFolder := strings.CutPrefix(at, "file:"); isFolder {
			if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("the folder was created: %v", err)
			}
		}
		var all []string
		for _, size := range []int{1, 5 * mebibyte, 5*mebibyte + 1, 11 * mebibyte} {
			content, key := bytes.Repeat([]byte{0, 1, 'x', 0xff}, size)[:size], newKey()
			if err := f.Put(ctx, key, iotest.HalfReader(bytes.NewReader(content))); err != nil {
				t.Fatalf("%d bytes: %v", size, err)
			}
			r, length, err := f.Get(ctx, key)
			if err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(r)
			if err != nil || r.Close() != nil || length != int64(size) || !bytes.Equal(got, content) {
				t.Errorf("%d bytes came back as %d (said %d), %v", size, len(got), length, err)
			}
			all = append(all, key)
		}
		slices.Sort(all)
		if got := keys(t, f); !slices.Equal(got, all) {
			t.Errorf("keys %v, want %v", got, all)
		}
		for range f.Old(ctx, time.Now().Add(-time.Hour)) {
			t.Error("a new content is listed as an hour old")
		}
		for range f.Old(ctx, time.Now().Add(time.Hour)) {
			break // must not panic
		}
		for _, key := range append(all, all[0], newKey()) { // one twice, one never written
			if err := f.Delete(ctx, key); err != nil {
				t.Error(err)
			}
		}
		if _, _, err := f.Get(ctx, all[0]); class(err) != models.NotFound {
			t.Errorf("a deleted content: %v", err)
		}
		if got := keys(t, f); len(got) != 0 {
			t.Errorf("not deleted: %v", got)
		}
		for _, key := range []string{"", "a", "../../x", strings.Repeat("a", 25) + "/", strings.Repeat("A", 26), strings.Repeat("a", 27), "..\x00" + strings.Repeat("a", 23)} {
			_, _, err := f.Get(ctx, key)
			for _, err := range []error{err, f.Put(ctx, key, strings.NewReader("x")), f.Delete(ctx, key)} {
				if class(err) != models.Internal {
					t.Errorf("%q: %v", key, err)
				}
			}
		}
	})
}

func TestPut_LeavesNothingWhenTheReaderFails(t *testing.T) {
	t.Parallel()
	testfiles.Each(t, func(t *testing.T, url func(testing.TB) string) {
		t.Parallel()
		f := open(t, url(t))
		own := models.NewError(models.TooLarge, "files.full", nil)
		for _, want := range []error{own, io.ErrUnexpectedEOF, io.ErrClosedPipe, context.Canceled} {
			for _, size := range []int64{0, 1, 6 * mebibyte} {
				err := f.Put(t.Context(), newKey(), io.MultiReader(io.LimitReader(rand.Reader, size), iotest.ErrReader(want)))
				if !errors.Is(err, want) {
					t.Errorf("after %d bytes: %v, want %v", size, err, want)
				}
			}
		}
		ctx, cancel := context.WithCancel(t.Context())
		err := f.Put(ctx, newKey(), io.MultiReader(io.LimitReader(rand.Reader, 6*mebibyte), canceling{cancel}, io.LimitReader(rand.Reader, 6*mebibyte)))
		if class(err) != models.Canceled {
			t.Errorf("canceled: %v", err)
		}
		if got := keys(t, f); len(got) != 0 {
			t.Errorf("left behind: %v", got)
		}
	})
}

type canceling struct{ cancel func() }

func (c canceling) Read([]byte) (int, error) {
	c.cancel()
	return 0, io.EOF
}

func TestFolder_NeverOverwrites(t *testing.T) {
	t.Parallel()
	f, key := open(t, testfiles.Folder(t)), newKey()
	if err := f.Put(t.Context(), key, strings.NewReader("first")); err != nil {
		t.Fatal(err)
	}
	if err := f.Put(t.Context(), key, strings.NewReader("second")); class(err) != models.Unavailable {
		t.Errorf("written twice: %v", err)
	}
	r, _, err := f.Get(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	if got, _ := io.ReadAll(r); string(got) != "first" || r.Close() != nil {
		t.Errorf("holds %q", got)
	}
}

func TestFolder_IsPrivate(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data", "uploads")
	f, key := open(t, "file:"+dir), newKey()
	if err := f.Put(t.Context(), key, strings.NewReader("x")); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]os.FileMode{
		dir: 0o700 | os.ModeDir, filepath.Join(dir, key[:2]): 0o700 | os.ModeDir, filepath.Join(dir, key[:2], key): 0o600,
	} {
		if info, err := os.Stat(path); err != nil || info.Mode() != want {
			t.Errorf("%s: %v, %v, want %v", path, info.Mode(), err, want)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "notes.txt"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if got := keys(t, f); !slices.Equal(got, []string{key}) {
		t.Errorf("foreign files are listed: %v", got)
	}
	blocked := open(t, "file:"+filepath.Join(dir, "notes.txt", "below"))
	if err := blocked.Put(t.Context(), newKey(), strings.NewReader("x")); class(err) != models.Unavailable || strings.Contains(err.Error(), dir) {
		t.Errorf("an impossible folder: %v", err)
	}
}

// TestS3_ReportsBucketKeyAndHost has a wrong bucket, a wrong key, and a server that has stopped.
func TestS3_ReportsBucketKeyAndHost(t *testing.T) {
	t.Parallel()
	server := testfiles.S3(t)
	for _, c := range []struct{ from, to, code string }{
		{"/" + server.Bucket(), "/other", "files.no_bucket"},
		{"s3cret", "salah", "files.denied"},
		{"", "", "files.no_s3_answer"},
	} {
		if c.from == "" {
			server.Stop()
		}
		f := open(t, strings.Replace(server.URL, c.from, c.to, 1))
		_, check := f.Check(t.Context())
		if e := models.AsError(check); e == nil || e.Text.Code != c.code || e.Remedy == nil || strings.Contains(e.Error(), "s3cret") {
			t.Errorf("%s: %v", c.to, check)
		}
		_, _, get := f.Get(t.Context(), newKey())
		errs := []error{get, f.Put(t.Context(), newKey(), strings.NewReader("x")), f.Delete(t.Context(), newKey())}
		for _, err := range f.Old(t.Context(), time.Now()) {
			errs = append(errs, err)
		}
		if len(errs) != 4 {
			t.Errorf("%s: listing reports no error", c.code)
		}
		for i, err := range errs {
			if class(err) != models.Unavailable || models.AsError(err).Remedy == nil || strings.Contains(err.Error(), "s3cret") {
				t.Errorf("%s: %d: %v", c.code, i, err)
			}
		}
	}
}

func TestS3_ListsAndDeletesInterruptedUploads(t *testing.T) {
	t.Parallel()
	server := testfiles.S3(t)
	f, client, key := open(t, server.URL), server.Client(t), newKey()
	id, err := client.NewMultipartUpload(t.Context(), server.Bucket(), key, minio.PutObjectOptions{})
	if err == nil {
		_, err = client.PutObjectPart(t.Context(), server.Bucket(), key, id, 1, strings.NewReader("x"), 1, minio.PutObjectPartOptions{})
	}
	if err == nil {
		_, err = client.Client.PutObject(t.Context(), server.Bucket(), "foreign/object", strings.NewReader("x"), 1, minio.PutObjectOptions{})
	}
	if err != nil {
		t.Fatal(err)
	}
	if got := keys(t, f); !slices.Equal(got, []string{key}) {
		t.Errorf("listed: %v, want %s", got, key)
	}
	if err := f.Delete(t.Context(), key); err != nil {
		t.Error(err)
	}
	if got := keys(t, f); len(got) != 0 {
		t.Errorf("still there: %v", got)
	}
}

func TestS3_UploadsWithBoundedMemory(t *testing.T) { //nolint:paralleltest // measures what the process allocates
	f := open(t, testfiles.S3(t).URL)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	const size = 48 * mebibyte
	if err := f.Put(t.Context(), newKey(), io.LimitReader(rand.Reader, size)); err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	if used := after.TotalAlloc - before.TotalAlloc; used > size/2 {
		t.Errorf("%d MiB were allocated for %d", used/mebibyte, size/mebibyte)
	}
}

func TestCheckURL(t *testing.T) {
	t.Parallel()
	for _, url := range []string{"file:uploads", "file:///var/lib/uploads", "s3://a:b@localhost:9000/bucket?insecure=true&region=eu", "s3://a:b%2Fc@s3.example.com/bucket/"} {
		if err := files.CheckURL(url); err != nil {
			t.Errorf("%s: %v", url, err)
		}
		if _, err := files.Open(url); err != nil {
			t.Errorf("%s: %v", url, err)
		}
	}
	const secret = "rahasia"
	for _, url := range []string{
		"", secret, "/uploads", "file:", "file://", "http://a:" + secret + "@host/bucket", "s3:", "s3://" + secret, "s3://host/bucket", "s3://a@host/bucket",
		"s3://a:" + secret + "@host", "s3://a:" + secret + "@host/", "s3://a:" + secret + "@host/a/b", "s3://a:" + secret + "/x@host/bucket", "s3://a:1/" + secret + "@host/bucket",
		"s3://a:" + secret + "%zz@host/bucket", "s3://a:" + secret + "@host:port/bucket", "s3://a:" + secret + "@host/bucket?region=", "s3://a:" + secret + "@host/bucket?secret=" + secret,
		"s3://a:" + secret + "@host/bucket?insecure=" + secret, "s3://a:" + secret + "@host/bucket?%zz" + secret, "s3://a:" + secret + "@host/bucket#" + secret,
		"s3://a:" + secret + "@ho st/bucket", "s3://a:" + secret + "@-_" + secret + "/bucket", "s3://a:" + secret + "@host/Bucket",
	} {
		_, err := files.Open(url)
		if class(err) != models.Config || strings.Contains(err.Error(), secret) {
			t.Errorf("%s: %v", url, err)
		}
		if check := files.CheckURL(url); check == nil && !strings.Contains(url, "@-_") || check != nil && strings.Contains(check.Error(), secret) {
			t.Errorf("%s checks as %v", url, check)
		}
	}
}

// It needs a small tmpfs, which only root can mount.
func TestFolder_ReportsAFullDisk(t *testing.T) {
	t.Parallel()
	f := open(t, "file:"+testfiles.SmallDisk(t))
	for range 2 {
		err := f.Put(t.Context(), newKey(), io.LimitReader(rand.Reader, math.MaxInt32))
		if class(err) != models.Unavailable || models.AsError(err).Text.Code != "files.full" {
			t.Errorf("on a full disk: %v", err)
		}
		if got := keys(t, f); len(got) != 0 {
			t.Errorf("left behind: %v", got)
		}
	}
	if err := f.Put(t.Context(), newKey(), strings.NewReader("fits")); err != nil {
		t.Errorf("with free space again: %v", err)
	}
}
