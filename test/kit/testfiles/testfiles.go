// Package testfiles provides storage for tests: a folder, and a bucket of a real S3 server that each test starts.
package testfiles

import (
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"lifecycle-sync/test/kit"
)

// gatewayVersion is the version of the S3 server, versitygw. test/tools compiles it.
const gatewayVersion = "v1.8.0"

const (
	accessKey = "tester"
	secretKey = "s3cret/with+signs"
	bucket    = "uploads"
)

// Each runs fn in a subtest for each kind of storage. url creates an empty one and returns its URL.
func Each(t *testing.T, fn func(t *testing.T, url func(testing.TB) string)) {
	t.Helper()
	t.Run("folder", func(t *testing.T) { fn(t, Folder) })
	t.Run("s3", func(t *testing.T) {
		fn(t, func(t testing.TB) string {
			t.Helper()
			return S3(t).URL
		})
	})
}

// Folder returns the URL of a temporary folder that does not exist yet.
func Folder(t testing.TB) string {
	t.Helper()
	return "file:" + filepath.Join(t.TempDir(), "uploads")
}

// Server is an S3 server with an empty bucket.
type Server struct {
	URL  string // for UPLOADS_URL
	Stop func() // stops the server early
	host string
}

// S3 starts a server on loopback for the test. Without its binary the test is skipped, and fails in CI.
func S3(t testing.TB) *Server {
	t.Helper()
	program := kit.Tool(t, "versitygw-"+gatewayVersion+"/versitygw")
	s := &Server{host: kit.FreeAddress(t)}
	s.URL = "s3://" + accessKey + ":" + strings.NewReplacer("/", "%2F", "+", "%2B").Replace(secretKey) + "@" + s.host + "/" + bucket + "?insecure=true"

	contents, metadata := t.TempDir(), t.TempDir()
	var output kit.Buffer
	cmd := exec.Command(program, "--port", s.host, "--access", accessKey, "--secret", secretKey, "--quiet", "--health", "/health",
		"posix", "--sidecar", metadata, contents)
	cmd.Dir, cmd.Stdout, cmd.Stderr = contents, &output, &output
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { _ = cmd.Wait(); close(ended) }()
	s.Stop = func() {
		_ = cmd.Process.Kill()
		<-ended
	}
	t.Cleanup(s.Stop)
	kit.Eventually(t, "the S3 server answers", func() bool {
		status, err := kit.Status(http.MethodGet, "http://"+s.host+"/health", nil)
		return err == nil && status == http.StatusOK
	}, &output)
	if err := s.Client(t).MakeBucket(t.Context(), bucket, minio.MakeBucketOptions{}); err != nil {
		t.Fatal(err)
	}
	return s
}

// Client accesses the server directly.
func (s *Server) Client(t testing.TB) *minio.Core {
	t.Helper()
	client, err := minio.NewCore(s.host, &minio.Options{Creds: credentials.NewStaticV4(accessKey, secretKey, ""), Region: "us-east-1"})
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// Bucket returns the bucket in the URL.
func (*Server) Bucket() string { return bucket }

// SmallDisk returns a folder on a disk of 1 MiB.
func SmallDisk(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	kit.SmallDisk(t, dir, 1, func() {})
	return dir
}
