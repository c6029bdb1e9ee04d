package messages_test

import (
	"encoding/json"
	"math/big"
	"testing"
	"time"

	"lifecycle-sync/models"
	"lifecycle-sync/web/messages"
)

func TestFormat_WritesFiguresAsInIndonesia(t *testing.T) {
	t.Parallel()
	f := messages.NewFormat(messages.Indonesian, time.FixedZone("WIB", 7*60*60))
	huge, _ := new(big.Int).SetString("12345678901234567890", 10)
	price, day := int64(1_250_000), models.NewDate(2026, time.May, 1)
	at := time.Date(2026, time.May, 1, 7, 30, 0, 0, time.UTC)
	for _, c := range []struct{ got, want string }{
		{f.Number(0), "0"}, {f.Number(999), "999"}, {f.Number(1000), "1.000"}, {f.Number(int64(-1234567)), "-1.234.567"}, {f.Number(uint64(1e19)), "10.000.000.000.000.000.000"},
		{f.Number((*int64)(nil)), "–"}, {f.Number(nil), "–"}, {f.Number(huge), "12.345.678.901.234.567.890"}, {f.Number(json.Number("3520")), "3.520"},
		{f.Rupiah(&price), "Rp\u00a01.250.000"}, {f.Rupiah((*int64)(nil)), "–"}, {f.Rupiah(huge), "Rp\u00a012.345.678.901.234.567.890"},
		{f.Tenths(int64(125)), "12,5"}, {f.Tenths(int64(12340)), "1.234"}, {f.Tenths((*int64)(nil)), "–"},
		{f.Bytes(999), "999 B"}, {f.Bytes(1536), "1,5 KiB"}, {f.Bytes(int64(10 << 20)), "10 MiB"},
		{f.Duration(40 * time.Millisecond), "40 ms"}, {f.Duration(12340 * time.Millisecond), "12,3 detik"}, {f.Duration(307 * time.Second), "5 menit 7 detik"},
		{f.Duration(47 * time.Hour), "47 jam 0 menit"}, {f.Duration(72 * time.Hour), "3 hari"}, {f.Duration((*time.Duration)(nil)), "–"}, {f.Duration(json.Number("31")), "31 detik"},
		{f.Decimal("12345678.50"), "12.345.678,50"}, {f.Decimal("-0.5"), "-0,5"}, {f.Decimal("1e400"), "1e400"}, {f.Decimal("1000"), "1.000"},
		{f.Date(&day), "1 Mei 2026"}, {f.Date((*models.Date)(nil)), "–"}, {f.Time(at), "1 Mei 2026 14.30 WIB"}, {f.Time((*models.Instant)(nil)), "–"}, {f.Month("2026-05"), "Mei 2026"},
	} {
		if c.got != c.want {
			t.Errorf("%q, want %q", c.got, c.want)
		}
	}
}

func TestFormat_WritesFiguresAsInEnglish(t *testing.T) {
	t.Parallel()
	zone := time.FixedZone("WIB", 7*60*60)
	f, day := messages.NewFormat(messages.English, zone), models.NewDate(2026, time.May, 1)
	at := time.Date(2026, time.May, 1, 7, 30, 9, 0, time.UTC)
	for _, c := range []struct{ got, want string }{
		{f.Number(1234567), "1,234,567"}, {f.Rupiah(1_250_000), "Rp\u00a01,250,000"}, {f.Tenths(int64(125)), "12.5"}, {f.Bytes(1536), "1.5 KiB"}, {f.Decimal("12345678.50"), "12,345,678.50"},
		{f.Duration(12340 * time.Millisecond), "12.3 s"}, {f.Duration(307 * time.Second), "5 min 7 s"}, {f.Duration(47 * time.Hour), "47 h 0 min"}, {f.Duration(72 * time.Hour), "3 days"},
		{f.Date(&day), "1 May 2026"}, {f.Time(at), "1 May 2026 14:30 WIB"}, {f.Month("2026-05"), "May 2026"},
		{messages.New().Terminal(zone).Time(at), "2026-05-01 14:30:09 WIB"}, {messages.New().Terminal(zone).Date(&day), "2026-05-01"},
	} {
		if c.got != c.want {
			t.Errorf("%q, want %q", c.got, c.want)
		}
	}
}
