package web_test

import (
	"io"
	"math/big"
	"strings"
	"testing"
	"time"

	"lifecycle-sync/models"
	"lifecycle-sync/web"
)

func TestTemplatesAreRight(t *testing.T) {
	t.Parallel()
	console := web.New(time.UTC)
	if err := console.Main(io.Discard, "no/such", nil); err == nil {
		t.Error("a page without a template was written")
	}
	if asset, ok := console.Asset("console.css"); !ok || !strings.HasPrefix(asset.Type, "text/css") || asset.Tag == "" {
		t.Errorf("%+v", asset)
	}
}

func TestFiguresAsInIndonesia(t *testing.T) {
	t.Parallel()
	huge, _ := new(big.Int).SetString("12345678901234567890", 10)
	price := int64(1_250_000)
	for _, c := range []struct{ got, want string }{
		{web.Number(0), "0"}, {web.Number(999), "999"}, {web.Number(1000), "1.000"}, {web.Number(int64(-1234567)), "−1.234.567"},
		{web.Number((*int64)(nil)), "–"}, {web.Number(huge), "12.345.678.901.234.567.890"},
		{web.Rupiah(&price), "Rp\u00a01.250.000"}, {web.Rupiah((*int64)(nil)), "–"},
		{web.Tenths(int64(125)), "12,5"}, {web.Tenths(int64(12340)), "1.234"},
		{models.SizeText(999), "999 B"}, {models.SizeText(1536), "1,5 kB"}, {models.SizeText(1<<20 - 1), "1023,9 kB"}, {models.SizeText(10 << 20), "10 MB"}, {models.SizeText(1_334_567), "1,2 MB"},
		{web.Took(40 * time.Millisecond), "0,04 s"}, {web.Took(12340 * time.Millisecond), "12,3 s"}, {web.Took(307 * time.Second), "5 min 7 s"},
		{web.Ago(time.Second), "just now"}, {web.Ago(61 * time.Second), "1 minute ago"}, {web.Ago(47 * time.Hour), "47 hours ago"}, {web.Ago(72 * time.Hour), "3 days ago"},
		{web.Sentence("the time ran out"), "The time ran out."}, {web.Sentence(""), ""}, {web.Sentence("tbl_produk is missing"), "tbl_produk is missing."},
		{web.Decimal("12345678.50"), "12.345.678,50"}, {web.Decimal("-0.5"), "−0,5"}, {web.Decimal("1e400"), "1e400"}, {web.Decimal("1000"), "1.000"},
	} {
		if c.got != c.want {
			t.Errorf("%q, want %q", c.got, c.want)
		}
	}
	may := models.NewDate(2026, time.May, 1)
	if got := web.Day(&may) + web.Day(nil); got != "1 Mei 2026–" {
		t.Error(got)
	}
}
