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
	refreshInterval = 15 * time.Minute // a key that is no longer listed is believed as long as this
	fetchTime       = 5 * time.Second  // one fetch, which requests with a new key wait for
	fetchPause      = 10 * time.Second // between fetches that unknown keys cause
	fetchBurst      = 5                // of which as many may follow at once
	maxKeySet       = 1 << 20          // bytes of a list of keys
)

// keys are the public keys that an address lists. They are kept while it cannot be reached.
type keys struct {
	ctx      context.Context //nolint:containedctx // ends the fetches that several requests wait for
	listed   *listed
	client   jwkset.Storage // fetches the list anew when it is asked for a key that is not in it
	verify   keyfunc.Keyfunc
	fetching singleflight.Group
	seldom   *rate.Limiter // of fetches that unknown keys cause
}

// listed are the keys of the last fetch that succeeded.
type listed struct {
	jwkset.Storage
	away atomic.Bool // the last fetch failed
}

// KeyReplaceAll takes the keys of a fetch.
func (l *listed) KeyReplaceAll(ctx context.Context, keys []jwkset.JWK) error {
	l.away.Store(false)
	return l.Storage.KeyReplaceAll(ctx, keys)
}

// newKeys fetches the list once and then in the background until ctx ends. That it cannot be had is
// logged. Errors: configuration.
func newKeys(ctx context.Context, url string, log *slog.Logger) (*keys, error) {
	k := &keys{ctx: ctx, listed: &listed{Storage: jwkset.NewMemoryStorage()}, seldom: rate.NewLimiter(rate.Every(fetchPause), fetchBurst)}
	failed := func(_ context.Context, err error) {
		if ctx.Err() != nil {
			return
		}
		k.listed.away.Store(true)
		log.Warn("the keys of AUTH_JWKS_URL cannot be fetched", "error", err)
	}
	store, err := jwkset.NewStorageFromHTTP(url, jwkset.HTTPClientStorageOptions{
		Client:                    &http.Client{Timeout: fetchTime, Transport: bounded{&http.Transport{Proxy: http.ProxyFromEnvironment, DisableKeepAlives: true}}},
		Ctx:                       ctx,
		HTTPTimeout:               fetchTime,
		NoErrorReturnFirstHTTPReq: true,
		RefreshErrorHandler:       failed,
		RefreshInterval:           refreshInterval,
		Storage:                   k.listed,
	})
	if err != nil {
		return nil, configError("AUTH_JWKS_URL is not an address", "")
	}
	k.client, err = jwkset.NewHTTPClient(jwkset.HTTPClientOptions{
		HTTPURLs:          map[string]jwkset.Storage{url: store},
		RefreshUnknownKID: rate.NewLimiter(rate.Inf, 1),
	})
	if err != nil {
		return nil, err
	}
	k.verify, err = keyfunc.New(keyfunc.Options{Ctx: ctx, Storage: k.listed, UseWhitelist: []jwkset.USE{jwkset.UseSig, ""}})
	return k, err
}

// of is the key that a token names, or every key where it names none. One that is not listed makes the
// list be fetched anew, seldom. Errors: unavailable when the list cannot be had.
func (k *keys) of(ctx context.Context, token *jwt.Token) (any, error) {
	id, named := token.Header[jwkset.HeaderKID].(string)
	if named && !k.has(ctx, id) || k.listed.away.Load() && k.empty(ctx) {
		k.fetch(ctx, id)
	}
	key, err := k.verify.KeyfuncCtx(ctx)(token)
	if set, ok := key.(jwt.VerificationKeySet); ok && len(set.Keys) == 0 {
		err = errors.New("no keys are listed")
	}
	if err != nil && k.listed.away.Load() && (!named || !k.has(ctx, id)) {
		return nil, &models.Error{Class: models.Unavailable, LegacyMessage: "The keys that tokens are checked with cannot be had at the moment", Cause: err}
	}
	return key, err
}

func (k *keys) has(ctx context.Context, id string) bool {
	_, err := k.listed.KeyRead(ctx, id)
	return err == nil
}

func (k *keys) empty(ctx context.Context) bool {
	all, err := k.listed.KeyReadAll(ctx)
	return err != nil || len(all) == 0
}

// fetch gets the list anew, once for all who wait, for as long as ctx.
func (k *keys) fetch(ctx context.Context, id string) {
	done := k.fetching.DoChan("", func() (any, error) {
		if !k.seldom.Allow() {
			return nil, nil
		}
		bound, cancel := context.WithTimeout(k.ctx, fetchTime)
		defer cancel()
		_, err := k.client.KeyRead(bound, id) // says in its own words what failed has logged
		return nil, err
	})
	select {
	case <-done:
	case <-ctx.Done():
	}
}

// bounded cuts answers off that are longer than any list of keys.
type bounded struct{ http.RoundTripper }

// RoundTrip sends a request.
func (b bounded) RoundTrip(r *http.Request) (*http.Response, error) {
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
