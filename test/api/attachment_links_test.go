package api_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"lifecycle-sync/handlers/request"
	"lifecycle-sync/models"
	attachmentsdb "lifecycle-sync/repositories/pmo/attachments"
	"lifecycle-sync/services/attachments"
	"lifecycle-sync/test/kit/databases"
	"lifecycle-sync/test/kit/testdb"
)

// TestAttachments_DownloadByASignedLink opens links as a browser does, without a token.
func TestAttachments_DownloadByASignedLink(t *testing.T) {
	t.Parallel()
	for mode, env := range map[string][]string{"tokens": withTokens, "local": nil} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, testdb.SQLite, env...)
			browser := []string{"Accept", "text/html,*/*;q=0.8"}
			if mode == "tokens" {
				s.token = s.Token("Admin")
			}
			added := decode[[]models.Attachment](t, s.upload(http.MethodPost, "/products/1/attachments", nil, []file{{"a.pdf", pdf}, {"b.txt", "b"}}).want(t, http.StatusCreated))
			other := decode[[]models.Attachment](t, s.upload(http.MethodPost, "/products/2/attachments", nil, []file{{"a.pdf", pdf}}).want(t, http.StatusCreated))[0]
			detail := decode[product](t, s.get("/products/1")).Attachments
			admin := s.token
			s.token = ""
			f := added[0]
			for _, link := range []string{f.Path, f.DownloadURL, detail[0].Path} {
				if a := s.do(http.MethodGet, link, nil, browser...).want(t, http.StatusOK); string(a.body) != pdf || a.Header.Get("Referrer-Policy") != "no-referrer" {
					t.Errorf("%s: %v %s", link, a.Header, a.body)
				}
			}
			s.wantDownload(f, pdf, `inline; filename="a.pdf"`)

			_, query, _ := strings.Cut(f.Path, "?")
			expired, err := s.linkFrom(time.Now().Add(-time.Hour), f)
			if err != nil {
				t.Fatal(err)
			}
			for _, link := range []string{
				expired, address(added[1]) + "?" + query, address(other) + "?" + query, strings.Replace(f.Path, "signature=", "signature=9", 1), address(f) + "?signature=x",
				strings.Replace(f.Path, ".", ".A", 1), address(f) + "?signature=", f.Path + "A",
			} {
				for _, accept := range []string{"", browser[1]} {
					a := s.do(http.MethodGet, link, nil, "Accept", accept).want(t, http.StatusUnauthorized, "unauthenticated")
					if a.Header.Get("Content-Type") != "application/json" || a.Header.Get("WWW-Authenticate") == "" || strings.Contains(string(a.body), "signature") {
						t.Errorf("%s: %v %s", link, a.Header, a.body)
					}
				}
			}
			if mode == "tokens" { // it grants nothing else
				for _, path := range []string{"/products", "/products/1", "/products/1/attachments", "/products/1/attachments/", "/dropdowns", "/sync"} {
					s.do(http.MethodGet, base+path+"?"+query, nil).want(t, http.StatusUnauthorized, "unauthenticated")
				}
				for _, path := range []string{address(f) + "/", "/x/.." + address(f), strings.Replace(address(f), "/1/", "/01/", 1)} {
					if got := s.do(http.MethodGet, path+"?"+query, nil).StatusCode; got != http.StatusUnauthorized && got != http.StatusNotFound {
						t.Errorf("%s: %d", path, got)
					}
				}
				s.do(http.MethodDelete, f.Path, nil).want(t, http.StatusUnauthorized, "unauthenticated")
				s.do(http.MethodGet, expired, nil, "Authorization", "Bearer "+admin).want(t, http.StatusOK) // a token works at any time
			} else {
				s.do(http.MethodGet, f.Path, nil, "Host", "evil.example").want(t, http.StatusForbidden, "forbidden")
			}
			s.do(http.MethodGet, f.Path+"&x=1", nil).want(t, http.StatusBadRequest, "validation_failed")

			exec(t, s.source, "DELETE FROM tbl_produk WHERE id = 1")
			s.Command("sync")
			s.Eventually("closed", func() bool { return s.do(http.MethodGet, f.Path, nil).StatusCode == http.StatusNotFound })
			s.do(http.MethodGet, "/metrics", nil)
			_, signature, _ := strings.Cut(query, "signature=")
			if s.Logs.Contains(signature) || s.Logs.Contains("signature=") || strings.Contains(string(s.do(http.MethodGet, "/metrics", nil).body), "signature") {
				t.Error("a signature is in the log or the metrics")
			}
		})
	}
}

// TestAttachments_UnreadableSigningKey upgrades without the GRANT on the new table: nothing is stored, and products without files
// need no key.
func TestAttachments_UnreadableSigningKey(t *testing.T) {
	t.Parallel()
	s, owner, role := newSiteOfRole(t)
	s.Stop()
	exec(t, owner, "REVOKE SELECT ON lifecycle_signing_key FROM "+role)
	s.Start()
	defer s.Stop()
	denied := func(a apiResponse) {
		t.Helper()
		a.want(t, http.StatusServiceUnavailable, "unavailable")
		if !strings.Contains(string(a.body), "GRANT SELECT ON lifecycle_signing_key") {
			t.Errorf("without the remedy: %s", a.body)
		}
	}
	denied(s.upload(http.MethodPost, "/products/1/attachments", nil, []file{{"a.txt", "x"}}))
	s.wantFiles(0)
	s.get("/products/1")
	s.get("/products/1/attachments")
	created := decode[product](t, s.upload(http.MethodPost, "/products", newProduct("with files"), []file{{"a.txt", "x"}}).want(t, http.StatusCreated))
	denied(s.do(http.MethodGet, fmt.Sprintf("%s/products/%d", base, created.ID), nil))

	exec(t, owner, "GRANT SELECT ON lifecycle_signing_key TO "+role)
	detail := decode[product](t, s.get(fmt.Sprintf("/products/%d", created.ID)))
	s.wantDownload(detail.Attachments[0], "x", `attachment; filename="a.txt"`)
}

// linkFrom returns a link to a file that was made at a time.
func (s *site) linkFrom(at time.Time, f models.Attachment) (string, error) {
	_, store := databases.PMO(s.t, s.TargetURL)
	signer, err := attachments.NewLinks(attachmentsdb.New(store.Session), func() time.Time { return at }).Signer(s.t.Context())
	return request.DownloadAddress(signer.Sign(f)), err
}
