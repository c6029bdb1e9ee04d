package access_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
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

func kid(id any) map[string]any { return map[string]any{"kid": id} }

func TestCaller_AcceptsEveryAsymmetricAlgorithm(t *testing.T) {
	t.Parallel()
	i, key, p256, p384, p521 := newIssuer(t), rsaKey(t), ecKey(t, elliptic.P256()), ecKey(t, elliptic.P384()), ecKey(t, elliptic.P521())
	i.lists(t, "r", key, "256", p256, "384", p384, "521", p521)
	a := newAccess(t, i.options())
	for _, method := range []jwt.SigningMethod{jwt.SigningMethodRS256, jwt.SigningMethodRS384, jwt.SigningMethodRS512, jwt.SigningMethodPS256, jwt.SigningMethodPS384, jwt.SigningMethodPS512} {
		accepted(t, a, admin, signed(t, method, key, kid("r"), nil), signed(t, method, key, nil, nil)) // by any of the keys
	}
	accepted(t, a, admin, signed(t, jwt.SigningMethodES256, p256, kid("256"), nil), signed(t, jwt.SigningMethodES384, p384, kid("384"), nil),
		signed(t, jwt.SigningMethodES512, p521, kid("521"), nil), signed(t, jwt.SigningMethodES256, p256, nil, nil))
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
			refused(t, a, models.Unauthenticated, signed(t, method, hmacKey, kid("r"), nil), signed(t, method, hmacKey, nil, nil))
		}
	}
	own := map[string]any{"kid": "r", "jku": i.URL, "jwk": map[string]any{"kty": "RSA", "n": "AQAB", "e": "AQAB"}, "x5u": i.URL}
	refused(t, a, models.Unauthenticated,
		signed(t, jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, kid("r"), nil),
		bySecret(t, nil),
		signed(t, jwt.SigningMethodRS256, other, kid("r"), nil),
		signed(t, jwt.SigningMethodRS256, other, nil, nil),
		signed(t, jwt.SigningMethodRS256, other, own, nil),
		signed(t, jwt.SigningMethodRS256, key, kid("e"), nil),
		signed(t, jwt.SigningMethodES256, p256, kid("r"), nil),
		signed(t, jwt.SigningMethodRS256, key, kid(7), nil),
		signed(t, jwt.SigningMethodRS256, key, kid([]string{"r"}), nil),
		signed(t, jwt.SigningMethodRS256, key, kid(nil), nil),
		signed(t, jwt.SigningMethodRS256, key, kid("../../r"), nil),
		signed(t, jwt.SigningMethodRS256, key, kid(strings.Repeat("r", 10<<10)), nil),
		signed(t, jwt.SigningMethodRS256, key, kid("r"), jwt.MapClaims{"exp": 1}),
		signed(t, jwt.SigningMethodRS256, key, map[string]any{"kid": "r", "crit": []string{"exp"}}, nil),
	)
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
		refused(t, a, models.Unauthenticated, signed(t, jwt.SigningMethodRS256, key, kid("r"), nil),
			signed(t, jwt.SigningMethodHS256, []byte(secret), kid("s"), nil), signed(t, jwt.SigningMethodHS256, []byte(secret), nil, nil))
	}
}

func TestCaller_FollowsKeyRotation(t *testing.T) {
	t.Parallel()
	i, old, fresh := newIssuer(t), ecKey(t, elliptic.P256()), ecKey(t, elliptic.P256())
	i.lists(t, "1", old)
	a := newAccess(t, i.options())
	byOld, byFresh := signed(t, jwt.SigningMethodES256, old, kid("1"), nil), signed(t, jwt.SigningMethodES256, fresh, kid("2"), nil)
	accepted(t, a, admin, byOld)
	refused(t, a, models.Unauthenticated, byFresh)
	i.lists(t, "1", old, "2", fresh)
	var all sync.WaitGroup
	for range 8 { // all wait for the same fetch
		all.Go(func() { accepted(t, a, admin, byFresh) })
	}
	all.Wait()
	accepted(t, a, admin, byOld)
	i.lists(t, "2", fresh)
	refused(t, a, models.Unauthenticated, signed(t, jwt.SigningMethodES256, old, kid("3"), nil), byOld)
	accepted(t, a, admin, byFresh)
}

func TestCaller_LimitsFetchesForUnknownKeys(t *testing.T) {
	t.Parallel()
	i, key := newIssuer(t), ecKey(t, elliptic.P256())
	i.lists(t, "1", key)
	a := newAccess(t, i.options())
	_, rest, _ := strings.Cut(signed(t, jwt.SigningMethodES256, key, kid("x"), nil), ".")
	for n := range 1000 {
		refused(t, a, models.Unauthenticated, encoded(fmt.Sprintf(`{"alg":"ES256","kid":%d}`, n))+"."+rest,
			encoded(`{"alg":"ES256","kid":"`+strings.Repeat("k", n+1)+`"}`)+"."+rest)
	}
	if n := i.fetches.Load(); n > 10 {
		t.Errorf("%d fetches", n)
	}
	accepted(t, a, admin, signed(t, jwt.SigningMethodES256, key, kid("1"), nil))
}

func TestCaller_SurvivesAnUnavailableIssuer(t *testing.T) {
	t.Parallel()
	i, key := newIssuer(t), ecKey(t, elliptic.P256())
	log := &kit.Buffer{}
	o := i.options()
	o.JWKSURL = strings.Replace(o.JWKSURL, "http://", "http://user:kuncine@", 1)
	o.Log = slog.New(slog.NewTextHandler(log, nil))
	a := newAccess(t, o)
	named, unnamed := signed(t, jwt.SigningMethodES256, key, kid("1"), nil), signed(t, jwt.SigningMethodES256, key, nil, nil)
	refused(t, a, models.Unavailable, named, unnamed)
	refused(t, a, models.Unauthenticated, bySecret(t, nil)) // whatever the keys are
	if strings.Contains(log.String(), "kuncine") || !strings.Contains(log.String(), "AUTH_JWKS_URL") {
		t.Errorf("logged %s", log)
	}
	i.lists(t, "1", key)
	accepted(t, a, admin, unnamed, named)
	refused(t, a, models.Unauthenticated, signed(t, jwt.SigningMethodES256, ecKey(t, elliptic.P256()), kid("2"), nil))
	i.body.Store(nil)
	refused(t, a, models.Unavailable, signed(t, jwt.SigningMethodES256, key, kid("2"), nil))
	accepted(t, a, admin, named, unnamed)
}

func TestCaller_RefusesEverythingWithoutKeys(t *testing.T) {
	t.Parallel()
	key := ecKey(t, elliptic.P256())
	for body, want := range map[string]models.Class{
		`{"keys":[]}`: models.Unauthenticated, `{}`: models.Unauthenticated, `null`: models.Unauthenticated,
		``: models.Unavailable, `<html>`: models.Unavailable, `[]`: models.Unavailable, `{"keys":[{"kty":"RSA","kid":"1","n":"!","e":"AQAB"}]}`: models.Unavailable,
		`{"keys":[{"kid":"1","kty":"` + strings.Repeat("R", 2<<20) + `"}]}`: models.Unavailable,
	} {
		i := newIssuer(t)
		i.says(body)
		a := newAccess(t, i.options())
		refused(t, a, want, signed(t, jwt.SigningMethodES256, key, kid("1"), nil), signed(t, jwt.SigningMethodES256, key, nil, nil))
	}
}

func TestNew_DoesNotWaitForKeysOnceCanceled(t *testing.T) {
	t.Parallel()
	i, key := newIssuer(t), ecKey(t, elliptic.P256())
	ctx, end := context.WithCancel(t.Context())
	released := make(chan struct{})
	i.Config.Handler = http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		end()
		<-released
	})
	t.Cleanup(func() { close(released) })
	a, err := access.New(ctx, i.options())
	if err != nil {
		t.Fatal(err)
	}
	refused(t, a, models.Unauthenticated, signed(t, jwt.SigningMethodES256, key, kid("1"), nil))
}
