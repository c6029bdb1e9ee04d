package files

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"lifecycle-sync/models"
)

const (
	partSize       = 5 << 20          // the smallest part that S3 accepts; each upload holds one part in memory
	attempts       = 3                // of each request
	answerTimeout  = 20 * time.Second // for the response to a complete request
	cleanupTimeout = 10 * time.Second
	defaultRegion  = "us-east-1"
)

// S3 stores contents in an existing bucket.
type S3 struct {
	core   minio.Core
	bucket string
}

var bucketForm = regexp.MustCompile(`^/[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]/?$`)

// parseS3 parses a URL. Its errors contain no part of it: any part may belong to the secret.
func parseS3(text string) (host, bucket string, options *minio.Options, err error) {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.Hostname() == "" || u.Fragment != "" || !bucketForm.MatchString(u.Path) {
		return "", "", nil, models.NewError(models.Config, "config.s3_url_invalid", nil)
	}
	secret, _ := u.User.Password()
	if u.User.Username() == "" || secret == "" {
		return "", "", nil, models.NewError(models.Config, "config.s3_url_no_key", nil)
	}
	options = &minio.Options{Creds: credentials.NewStaticV4(u.User.Username(), secret, ""), Secure: true, Region: defaultRegion, MaxRetries: attempts}
	values, err := url.ParseQuery(u.RawQuery)
	for name := range values {
		value := values.Get(name)
		switch {
		case name == "region" && value != "":
			options.Region = value
		case name == "insecure":
			insecure, parseErr := strconv.ParseBool(value)
			if parseErr != nil {
				return "", "", nil, models.NewError(models.Config, "config.s3_url_insecure", nil)
			}
			options.Secure = !insecure
		default:
			err = errors.New("unknown option")
		}
	}
	if err != nil {
		return "", "", nil, models.NewError(models.Config, "config.s3_url_options", nil)
	}
	return u.Host, strings.Trim(u.Path, "/"), options, nil
}

func openS3(text string) (*S3, error) {
	host, bucket, options, err := parseS3(text)
	if err != nil {
		return nil, err
	}
	transport, err := minio.DefaultTransport(options.Secure)
	if err != nil {
		return nil, models.NewError(models.Config, "config.s3_certificates", nil).WithCause(err)
	}
	transport.ResponseHeaderTimeout = answerTimeout
	options.Transport = transport
	core, err := minio.NewCore(host, options)
	if err != nil {
		return nil, models.NewError(models.Config, "config.s3_url_invalid", nil)
	}
	return &S3{*core, bucket}, nil
}

// Put implements Files.
func (s *S3) Put(ctx context.Context, key string, r io.Reader) error {
	if err := checkKey(key); err != nil {
		return err
	}
	from := &contentReader{Reader: r}
	_, err := s.core.Client.PutObject(ctx, s.bucket, key, from, -1, minio.PutObjectOptions{PartSize: partSize, ContentType: "application/octet-stream"})
	if err == nil {
		return nil
	}
	// A failed upload leaves no parts. The object exists if only the answer to the last request was lost.
	cleanup, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanupTimeout)
	defer cancel()
	removed := s.core.RemoveObject(cleanup, s.bucket, key, minio.RemoveObjectOptions{})
	if from.err != nil {
		return from.err
	}
	return storageError(ctx, errors.Join(err, removed))
}

// Get implements Files.
func (s *S3) Get(ctx context.Context, key string) (io.ReadCloser, int64, error) {
	if err := checkKey(key); err != nil {
		return nil, 0, err
	}
	body, info, _, err := s.core.GetObject(ctx, s.bucket, key, minio.GetObjectOptions{})
	if minio.ToErrorResponse(err).Code == minio.NoSuchKey {
		return nil, 0, missingError(err)
	}
	if err != nil {
		return nil, 0, storageError(ctx, err)
	}
	return body, info.Size, nil
}

// Delete implements Files.
func (s *S3) Delete(ctx context.Context, key string) error {
	if err := checkKey(key); err != nil {
		return err
	}
	err := s.core.RemoveObject(ctx, s.bucket, key, minio.RemoveObjectOptions{})
	if err == nil {
		err = s.core.RemoveIncompleteUpload(ctx, s.bucket, key)
	}
	if minio.ToErrorResponse(err).StatusCode == http.StatusNotFound && minio.ToErrorResponse(err).Code != minio.NoSuchBucket {
		return nil
	}
	return storageError(ctx, err)
}

// Old implements Files. It skips foreign objects.
func (s *S3) Old(ctx context.Context, before time.Time) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel() // stops the listings
		item := func(key string, err error, old bool) (more bool) {
			switch {
			case err != nil:
				yield("", storageError(ctx, fmt.Errorf("listing the bucket: %w", err)))
				return false
			case !old || checkKey(key) != nil:
				return true
			default:
				return yield(key, nil)
			}
		}
		for object := range s.core.ListObjectsIter(ctx, s.bucket, minio.ListObjectsOptions{Recursive: true}) {
			if !item(object.Key, object.Err, object.LastModified.Before(before)) {
				return
			}
		}
		for upload := range s.core.ListIncompleteUploads(ctx, s.bucket, "", true) {
			if !item(upload.Key, upload.Err, upload.Initiated.Before(before)) {
				return
			}
		}
	}
}
