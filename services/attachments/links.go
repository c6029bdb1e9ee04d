package attachments

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"sync"
	"time"

	"lifecycle-sync/models"
)

// linkWindow is a period in which all links expire at the same time, so that ETags stay the same. A link is valid for one to two
// windows.
const linkWindow = 5 * time.Minute

// keys reads the key that signs links. All servers of a pmo_db share it. Errors: unavailable, connection, timeout.
type keys interface {
	SigningKey(ctx context.Context) (string, error)
}

// Links signs download links, which work without a token, and checks their signatures. It is safe for concurrent use.
type Links struct {
	keys keys
	now  func() time.Time

	mu  sync.Mutex
	key []byte // nil until it is read
}

// NewLinks returns the use case.
func NewLinks(keys keys, now func() time.Time) *Links { return &Links{keys: keys, now: now} }

// Signer signs links that expire at the same time.
type Signer struct {
	key     []byte
	expires int64 // Unix time
}

// Signer returns a signer for links that are made now. Window works with an error, too. Errors: unavailable, connection,
// timeout.
func (l *Links) Signer(ctx context.Context) (Signer, error) {
	key, err := l.signingKey(ctx)
	return Signer{key, l.now().Truncate(linkWindow).Add(2 * linkWindow).Unix()}, err
}

// Window identifies the window in which the signer makes equal links.
func (s Signer) Window() int64 { return s.expires }

// Sign returns the link to a file.
func (s Signer) Sign(a models.Attachment) models.DownloadLink {
	link := models.DownloadLink{ProductID: a.ProductID, ID: a.ID, Expires: s.expires}
	link.Signature = sign(s.key, link)
	return link
}

// Check checks that a link was signed by Sign and has not expired. It says nothing about whether the file exists. Errors:
// unauthenticated, unavailable, connection, timeout.
func (l *Links) Check(ctx context.Context, link models.DownloadLink) error {
	key, err := l.signingKey(ctx)
	switch {
	case err != nil:
		return err
	case !hmac.Equal([]byte(sign(key, link)), []byte(link.Signature)):
		return models.NewError(models.Unauthenticated, "attachments.link_forged", nil).WithRemedy("attachments.link_remedy", nil)
	case !l.now().Before(time.Unix(link.Expires, 0)):
		return models.NewError(models.Unauthenticated, "attachments.link_expired", nil).WithRemedy("attachments.link_remedy", nil)
	default:
		return nil
	}
}

// sign returns the signature of a link. The key signs nothing else.
func sign(key []byte, link models.DownloadLink) string {
	mac := hmac.New(sha256.New, key)
	_, _ = fmt.Fprintf(mac, "download %d %d %d", link.ProductID, link.ID, link.Expires) // a hash never fails
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// signingKey reads the key once.
func (l *Links) signingKey(ctx context.Context) ([]byte, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.key == nil {
		key, err := l.keys.SigningKey(ctx)
		if err != nil {
			return nil, err
		}
		l.key = []byte(key)
	}
	return l.key, nil
}
