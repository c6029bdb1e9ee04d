package access

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/MicahParks/jwkset"
	"github.com/MicahParks/keyfunc/v3"
	"github.com/golang-jwt/jwt/v5"
	"golang.org/x/sync/singleflight"
	"golang.org/x/time/rate"

	"lifecycle-sync/models"
)

const (
	refreshInterval = 15 * time.Minute // maximum time for which a revoked key is still accepted
	fetchTime       = 5 * time.Second  // of one fetch, for which requests with a new key wait
	fetchPause      = 10 * time.Second // between fetches for unknown keys
	fetchBurst      = 5                // of such fetches
	maxKeySet       = 1 << 20          // maximum size of the key set in bytes
)

// keys are the public keys at an address. They stay valid while it cannot be reached.
type keys struct {
	ctx      context.Context //nolint:containedctx // ends the fetches shared by several requests
	set      *keySet
	client   jwkset.Storage // fetches the key set again when asked for an unknown key
	verify   keyfunc.Keyfunc
	fetching singleflight.Group
	limiter  *rate.Limiter // of fetches for unknown keys
}

// keySet holds the keys of the last successful fetch.
type keySet struct {
	jwkset.Storage

	unavailable atomic.Bool // the last fetch failed
}

// KeyReplaceAll stores the keys of a fetch.
func (l *keySet) KeyReplaceAll(ctx context.Context, keys []jwkset.JWK) error {
	l.unavailable.Store(false)
	return l.Storage.KeyReplaceAll(ctx, keys)
}

// newKeys fetches the key set now and then in the background until ctx ends. Failures are logged. Errors: configuration.
func newKeys(ctx context.Context, url string, log *slog.Logger) (*keys, error) {
	k := &keys{ctx: ctx, set: &keySet{Storage: jwkset.NewMemoryStorage()}, limiter: rate.NewLimiter(rate.Every(fetchPause), fetchBurst)}
	failed := func(_ context.Context, err error) {
		if ctx.Err() != nil {
			return
		}
		k.set.unavailable.Store(true)
		log.Warn("token keys not fetched", "setting", "AUTH_JWKS_URL", "error", err)
	}
	store, err := jwkset.NewStorageFromHTTP(url, jwkset.HTTPClientStorageOptions{
		Client:                    &http.Client{Timeout: fetchTime, Transport: sizeLimit{&http.Transport{Proxy: http.ProxyFromEnvironment, DisableKeepAlives: true}}},
		Ctx:                       ctx,
		HTTPTimeout:               fetchTime,
		NoErrorReturnFirstHTTPReq: true,
		RefreshErrorHandler:       failed,
		RefreshInterval:           refreshInterval,
		Storage:                   k.set,
	})
	if err != nil {
		return nil, models.NewError(models.Config, "config.not_a_url", models.Params{"setting": "AUTH_JWKS_URL"})
	}
	k.client, err = jwkset.NewHTTPClient(jwkset.HTTPClientOptions{
		HTTPURLs:          map[string]jwkset.Storage{url: store},
		RefreshUnknownKID: rate.NewLimiter(rate.Inf, 1),
	})
	if err != nil {
		return nil, err
	}
	k.verify, err = keyfunc.New(keyfunc.Options{Ctx: ctx, Storage: k.set, UseWhitelist: []jwkset.USE{jwkset.UseSig, ""}})
	return k, err
}

// find returns the key that a token names, or every key if it names none. An unknown key triggers a fetch, at a limited
// rate. Errors: unavailable if the key set cannot be fetched.
func (k *keys) find(ctx context.Context, token *jwt.Token) (any, error) {
	id, named := token.Header[jwkset.HeaderKID].(string)
	if named && !k.has(ctx, id) || k.set.unavailable.Load() && k.empty(ctx) {
		k.fetch(ctx, id)
	}
	key, err := k.verify.KeyfuncCtx(ctx)(token)
	if set, ok := key.(jwt.VerificationKeySet); ok && len(set.Keys) == 0 {
		err = errors.New("the key set is empty")
	}
	if err != nil && k.set.unavailable.Load() && (!named || !k.has(ctx, id)) {
		return nil, models.NewError(models.Unavailable, "access.keys_unavailable", nil).WithCause(err)
	}
	return key, err
}

func (k *keys) has(ctx context.Context, id string) bool {
	_, err := k.set.KeyRead(ctx, id)
	return err == nil
}

func (k *keys) empty(ctx context.Context) bool {
	all, err := k.set.KeyReadAll(ctx)
	return err != nil || len(all) == 0
}

// fetch fetches the key set once for all waiting requests, and waits until ctx ends.
func (k *keys) fetch(ctx context.Context, id string) {
	done := k.fetching.DoChan("", func() (any, error) {
		if !k.limiter.Allow() {
			return nil, nil
		}
		limited, cancel := context.WithTimeout(k.ctx, fetchTime)
		defer cancel()
		_, err := k.client.KeyRead(limited, id) // RefreshErrorHandler logs failures
		return nil, err
	})
	select {
	case <-done:
	case <-ctx.Done():
	}
}

// sizeLimit cuts off responses that are longer than maxKeySet.
type sizeLimit struct{ http.RoundTripper }

// RoundTrip sends a request.
func (b sizeLimit) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := b.RoundTripper.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	response.Body = struct {
		io.Reader
		io.Closer
	}{io.LimitReader(response.Body, maxKeySet), response.Body}
	return response, nil
}
