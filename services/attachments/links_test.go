package attachments_test

import (
	"strings"
	"testing"
	"time"

	"lifecycle-sync/models"
	attachmentsdb "lifecycle-sync/repositories/pmo/attachments"
	"lifecycle-sync/services/attachments"
	"lifecycle-sync/test/kit/databases"
	"lifecycle-sync/test/kit/testdb"
)

// TestLinks_AreValidForOneFileAndALimitedTime signs links on one server and checks them on another of the same pmo_db.
func TestLinks_AreValidForOneFileAndALimitedTime(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, url func(testing.TB) string) {
		t.Parallel()
		_, store := databases.PMO(t, url(t))
		_, foreign := databases.PMO(t, url(t))
		now := time.Date(2026, 3, 1, 9, 30, 0, 0, time.UTC)
		keys, clock := attachmentsdb.New(store.Session), func() time.Time { return now }
		signing, checking, other := attachments.NewLinks(keys, clock), attachments.NewLinks(keys, clock), attachments.NewLinks(attachmentsdb.New(foreign.Session), clock)
		sign := func() models.DownloadLink {
			signer, err := signing.Signer(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			return signer.Sign(models.Attachment{ID: 3, ProductID: 7})
		}
		wantError := func(links *attachments.Links, link models.DownloadLink, code string) {
			t.Helper()
			if e := models.AsError(links.Check(t.Context(), link)); e == nil && code != "" || e != nil && (e.Class != models.Unauthenticated || e.Text.Code != code) {
				t.Errorf("%s, %+v: %v, want %s", now, link, e, code)
			}
		}
		link := sign()
		for _, step := range []struct {
			after time.Duration
			same  bool
			code  string
		}{
			{0, true, ""}, {5*time.Minute - time.Microsecond, true, ""}, {5 * time.Minute, false, ""}, {10*time.Minute - time.Second, false, ""},
			{10 * time.Minute, false, "attachments.link_expired"}, {24 * time.Hour, false, "attachments.link_expired"},
		} {
			now = time.Date(2026, 3, 1, 9, 30, 0, 0, time.UTC).Add(step.after)
			wantError(checking, link, step.code)
			if got := sign(); (got == link) != step.same {
				t.Errorf("after %s: %+v", step.after, got)
			}
		}
		now = time.Date(2026, 3, 1, 9, 30, 0, 0, time.UTC)
		for _, forged := range []models.DownloadLink{
			{ProductID: 8, ID: 3, Expires: link.Expires, Signature: link.Signature},
			{ProductID: 7, ID: 4, Expires: link.Expires, Signature: link.Signature},
			{ProductID: 73, ID: 3, Expires: link.Expires, Signature: link.Signature},
			{ProductID: 7, ID: 3, Expires: link.Expires + 1, Signature: link.Signature},
			{ProductID: 7, ID: 3, Expires: link.Expires},
			{ProductID: 7, ID: 3, Expires: link.Expires, Signature: link.Signature + "="},
			{ProductID: 7, ID: 3, Expires: link.Expires, Signature: strings.ToUpper(link.Signature)},
		} {
			wantError(checking, forged, "attachments.link_forged")
		}
		wantError(other, link, "attachments.link_forged")
	})
}
