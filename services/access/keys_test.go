package access_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/MicahParks/jwkset"
	"github.com/golang-jwt/jwt/v5"

	"lifecycle-sync/models"
	"lifecycle-sync/services/access"
	"lifecycle-sync/test/kit"
)

// issuer serves a key set as an identity provider does.
type issuer struct {
	*httptest.Server
	body    atomic.Pointer[string] // nil is a 500
	fetches atomic.Int64
}

func newIssuer(t *testing.T) *issuer {
	t.Helper()
	i := &issuer{}
	i.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		i.fetches.Add(1)
		body := i.body.Load()
		if body == nil {
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		_, _ = w.Write([]byte(*body))
	}))
	t.Cleanup(i.Close)
	return i
}

// lists sets the keys: ids and keys in turn.
func (i *issuer) lists(t *testing.T, idsAndKeys ...any) {
	t.Helper()
	set := jwkset.NewMemoryStorage()
	for k := 0; k < len(idsAndKeys); k += 2 {
		jwk, err := jwkset.NewJWKFromKey(idsAndKeys[k+1], jwkset.JWKOptions{Metadata: jwkset.JWKMetadataOptions{KID: idsAndKeys[k].(string)}, Marshal: jwkset.JWKMarshalOptions{Private: true}})
		if err != nil {
			t.Fatal(err)
		}
		if err := set.KeyWrite(t.Context(), jwk); err != nil {
			t.Fatal(err)
		}
	}
	body, err := set.JSONPublic(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	i.says(string(body))
}

func (i *issuer) says(body string) { i.body.Store(&body) }

func (i *issuer) options() access.Options {
	o := options()
	o.Secret, o.JWKSURL = "", i.URL+"/keys"
	return o
}

func rsaKey(t *testing.T) *rsa.PrivateKey {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func ecKey(t *testing.T, curve elliptic.Curve) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

var admin = models.Caller{Subject: "u1", Role: models.Admin}

func kid(id any) map[string]any { return map[string]any{"kid": id} }

func TestCaller_AcceptsEveryAsymmetricAlgorithm(t *testing.T) {
	t.Parallel()
	i, key, p256, p384, p521 := newIssuer(t), rsaKey(t), ecKey(t, elliptic.P256()), ecKey(t, elliptic.P384()), ecKey(t, elliptic.P521())
	i.lists(t, "r", key, "256", p256, "384", p384, "521", p521)
	a := newAccess(t, i.options())
	for _, method := range []jwt.SigningMethod{jwt.SigningMethodRS256, jwt.SigningMethodRS384, jwt.SigningMethodRS512, jwt.SigningMethodPS256, jwt.SigningMethodPS384, jwt.SigningMethodPS512} {
		accepted(t, a, signed(t, method, key, kid("r"), claims(nil)), admin)
		accepted(t, a, signed(t, method, key, nil, claims(nil)), admin) // any of the keys
	}
	accepted(t, a, signed(t, jwt.SigningMethodES256, p256, kid("256"), claims(nil)), admin)
	accepted(t, a, signed(t, jwt.SigningMethodES384, p384, kid("384"), claims(nil)), admin)
	accepted(t, a, signed(t, jwt.SigningMethodES512, p521, kid("521"), claims(nil)), admin)
	accepted(t, a, signed(t, jwt.SigningMethodES256, p256, nil, claims(nil)), admin)
	if n := i.fetches.Load(); n != 1 {
		t.Errorf("%d fetches", n)
	}
}

func TestCaller_RefusesTokensForgedWithPublicKeys(t *testing.T) {
	t.Parallel()
	i, key, other, p256 := newIssuer(t), rsaKey(t), rsaKey(t), ecKey(t, elliptic.P256())
	i.lists(t, "r", key, "e", p256)
	a := newAccess(t, i.options())
	der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	pkcs1 := x509.MarshalPKCS1PublicKey(&key.PublicKey)
	public := [][]byte{der, pkcs1, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "RSA PUBLIC KEY", Bytes: pkcs1}), key.N.Bytes(), []byte(*i.body.Load())}
	for _, hmacKey := range public {
		for _, method := range []jwt.SigningMethod{jwt.SigningMethodHS256, jwt.SigningMethodHS384, jwt.SigningMethodHS512} {
			refused(t, a, signed(t, method, hmacKey, kid("r"), claims(nil)), models.Unauthenticated)
			refused(t, a, signed(t, method, hmacKey, nil, claims(nil)), models.Unauthenticated)
		}
	}
	own := map[string]any{"kid": "r", "jku": i.URL, "jwk": map[string]any{"kty": "RSA", "n": "AQAB", "e": "AQAB"}, "x5u": i.URL}
	for _, forged := range []string{
		signed(t, jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, kid("r"), claims(nil)),
		bySecret(t, nil),
		signed(t, jwt.SigningMethodRS256, other, kid("r"), claims(nil)),
		signed(t, jwt.SigningMethodRS256, other, nil, claims(nil)),
		signed(t, jwt.SigningMethodRS256, other, own, claims(nil)),
		signed(t, jwt.SigningMethodRS256, key, kid("e"), claims(nil)),
		signed(t, jwt.SigningMethodES256, p256, kid("r"), claims(nil)),
		signed(t, jwt.SigningMethodRS256, key, kid(7), claims(nil)),
		signed(t, jwt.SigningMethodRS256, key, kid([]string{"r"}), claims(nil)),
		signed(t, jwt.SigningMethodRS256, key, kid(nil), claims(nil)),
		signed(t, jwt.SigningMethodRS256, key, kid("../../r"), claims(nil)),
		signed(t, jwt.SigningMethodRS256, key, kid(strings.Repeat("r", 10<<10)), claims(nil)),
		signed(t, jwt.SigningMethodRS256, key, kid("r"), claims(jwt.MapClaims{"exp": 1})),
		signed(t, jwt.SigningMethodRS256, key, map[string]any{"kid": "r", "crit": []string{"exp"}}, claims(nil)),
	} {
		refused(t, a, forged, models.Unauthenticated)
	}
}

func TestCaller_IgnoresKeysForOtherUses(t *testing.T) {
	t.Parallel()
	i, key := newIssuer(t), rsaKey(t)
	i.lists(t, "r", key)
	var set struct{ Keys []map[string]any }
	if err := json.Unmarshal([]byte(*i.body.Load()), &set); err != nil {
		t.Fatal(err)
	}
	for field, value := range map[string]string{"use": "enc", "alg": "RS512"} {
		set.Keys[0][field] = value
		body, err := json.Marshal(map[string]any{"keys": append(set.Keys, map[string]any{"kty": "oct", "kid": "s", "k": "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY"})})
		if err != nil {
			t.Fatal(err)
		}
		delete(set.Keys[0], field)
		i.says(string(body))
		a := newAccess(t, i.options())
		refused(t, a, signed(t, jwt.SigningMethodRS256, key, kid("r"), claims(nil)), models.Unauthenticated)
		refused(t, a, signed(t, jwt.SigningMethodHS256, []byte("0123456789abcdef0123456789abcdef"), kid("s"), claims(nil)), models.Unauthenticated)
		refused(t, a, signed(t, jwt.SigningMethodHS256, []byte("0123456789abcdef0123456789abcdef"), nil, claims(nil)), models.Unauthenticated)
	}
}

func TestCaller_FollowsKeyRotation(t *testing.T) {
	t.Parallel()
	i, old, fresh := newIssuer(t), rsaKey(t), rsaKey(t)
	i.lists(t, "1", old)
	a := newAccess(t, i.options())
	byOld, byFresh := signed(t, jwt.SigningMethodRS256, old, kid("1"), claims(nil)), signed(t, jwt.SigningMethodRS256, fresh, kid("2"), claims(nil))
	accepted(t, a, byOld, admin)
	refused(t, a, byFresh, models.Unauthenticated)
	i.lists(t, "1", old, "2", fresh)
	var all sync.WaitGroup
	for range 8 { // all wait for the same fetch
		all.Go(func() { accepted(t, a, byFresh, admin) })
	}
	all.Wait()
	accepted(t, a, byOld, admin)
	i.lists(t, "2", fresh)
	refused(t, a, signed(t, jwt.SigningMethodRS256, old, kid("3"), claims(nil)), models.Unauthenticated)
	refused(t, a, byOld, models.Unauthenticated)
	accepted(t, a, byFresh, admin)
}

func TestCaller_LimitsFetchesForUnknownKeys(t *testing.T) {
	t.Parallel()
	i, key := newIssuer(t), rsaKey(t)
	i.lists(t, "1", key)
	a := newAccess(t, i.options())
	template := signed(t, jwt.SigningMethodRS256, key, kid("x"), claims(nil))
	_, rest, _ := strings.Cut(template, ".")
	for n := range 1000 {
		header, err := json.Marshal(map[string]any{"alg": "RS256", "kid": n})
		if err != nil {
			t.Fatal(err)
		}
		refused(t, a, base64.RawURLEncoding.EncodeToString(header)+"."+rest, models.Unauthenticated)
		refused(t, a, signedHeader(t, map[string]any{"alg": "RS256", "kid": strings.Repeat("k", n+1)})+"."+rest, models.Unauthenticated)
	}
	if n := i.fetches.Load(); n > 10 {
		t.Errorf("%d fetches", n)
	}
	accepted(t, a, signed(t, jwt.SigningMethodRS256, key, kid("1"), claims(nil)), admin)
}

func signedHeader(t *testing.T, header map[string]any) string {
	t.Helper()
	text, err := json.Marshal(header)
	if err != nil {
		t.Fatal(err)
	}
	return base64.RawURLEncoding.EncodeToString(text)
}

func TestCaller_SurvivesAnUnavailableIssuer(t *testing.T) {
	t.Parallel()
	i, key := newIssuer(t), rsaKey(t)
	log := &kit.Buffer{}
	o := i.options()
	o.JWKSURL = strings.Replace(o.JWKSURL, "http://", "http://user:kuncine@", 1)
	o.Log = slog.New(slog.NewTextHandler(log, nil))
	a := newAccess(t, o)
	named, unnamed := signed(t, jwt.SigningMethodRS256, key, kid("1"), claims(nil)), signed(t, jwt.SigningMethodRS256, key, nil, claims(nil))
	refused(t, a, named, models.Unavailable)
	refused(t, a, unnamed, models.Unavailable)
	refused(t, a, bySecret(t, nil), models.Unauthenticated) // whatever the keys are
	if strings.Contains(log.String(), "kuncine") || !strings.Contains(log.String(), "AUTH_JWKS_URL") {
		t.Errorf("logged %s", log)
	}
	i.lists(t, "1", key)
	accepted(t, a, unnamed, admin)
	accepted(t, a, named, admin)
	refused(t, a, signed(t, jwt.SigningMethodRS256, rsaKey(t), kid("2"), claims(nil)), models.Unauthenticated)
	i.body.Store(nil)
	refused(t, a, signed(t, jwt.SigningMethodRS256, key, kid("2"), claims(nil)), models.Unavailable)
	accepted(t, a, named, admin)
	accepted(t, a, unnamed, admin)
}

func TestCaller_RefusesEverythingWithoutKeys(t *testing.T) {
	t.Parallel()
	key := rsaKey(t)
	for body, want := range map[string]models.Class{
		`{"keys":[]}`: models.Unauthenticated, `{}`: models.Unauthenticated, `null`: models.Unauthenticated,
		``: models.Unavailable, `<html>`: models.Unavailable, `[]`: models.Unavailable, `{"keys":[{"kty":"RSA","kid":"1","n":"!","e":"AQAB"}]}`: models.Unavailable,
		`{"keys":[{"kid":"1","kty":"` + strings.Repeat("R", 2<<20) + `"}]}`: models.Unavailable,
	} {
		i := newIssuer(t)
		i.says(body)
		a := newAccess(t, i.options())
		for _, header := range []map[string]any{kid("1"), nil} {
			refused(t, a, signed(t, jwt.SigningMethodRS256, key, header, claims(nil)), want)
		}
	}
}

func TestNew_DoesNotWaitForKeysOnceCanceled(t *testing.T) {
	t.Parallel()
	i, key := newIssuer(t), rsaKey(t)
	release := make(chan struct{})
	asked := make(chan struct{}, 10)
	i.Config.Handler = http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		asked <- struct{}{}
		<-release
	})
	t.Cleanup(func() { close(release) })
	o := i.options()
	ctx, end := context.WithCancel(t.Context())
	made := make(chan *access.Access, 1)
	go func() {
		a, err := access.New(ctx, o)
		if err != nil {
			t.Error(err)
		}
		made <- a
	}()
	<-asked
	end() // New need not wait for the answer
	a := <-made
	if a == nil {
		return
	}
	refused(t, a, signed(t, jwt.SigningMethodRS256, key, kid("1"), claims(nil)), models.Unauthenticated)
}
