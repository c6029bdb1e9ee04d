package demo

import "time"

// The demonstration's calendar in days since 1970-01-01. It is fixed: no clock is read.
const (
	firstLaunch  = 17167 // 2017-01-01
	firstEntry   = 19389 // 2023-02-01, since when the products are kept in a database
	lastLaunch   = 20619 // 2026-06-15
	today        = 20634 // 2026-06-30
	secondsInDay = 86400
)

// microsecondsInDay turns a day into a moment.
const microsecondsInDay = secondsInDay * 1_000_000

// officeHour puts a moment of a day, in seconds, between 08:00 and 17:00 in Jakarta, and keeps the
// order of moments. It returns seconds since midnight UTC, of the same day in both zones.
func officeHour(second int64) int64 { return 3600 + second*9/24 }

// appendDay writes a day as YYYY-MM-DD.
func appendDay(b []byte, day int64) []byte {
	year, month, d := time.Unix(day*secondsInDay, 0).UTC().Date()
	b = appendDigits(b, int64(year), 4)
	b = appendDigits(append(b, '-'), int64(month), 2)
	return appendDigits(append(b, '-'), int64(d), 2)
}

// appendMoment writes microseconds since 1970 in RFC 3339, UTC, with six digits.
func appendMoment(b []byte, moment int64) []byte {
	day, rest := moment/microsecondsInDay, moment%microsecondsInDay
	second := rest / 1_000_000
	b = append(appendDay(b, day), 'T')
	b = append(appendDigits(b, second/3600, 2), ':')
	b = append(appendDigits(b, second/60%60, 2), ':')
	b = append(appendDigits(b, second%60, 2), '.')
	return append(appendDigits(b, rest%1_000_000, 6), 'Z')
}

// appendDigits writes a number in exactly so many digits.
func appendDigits(b []byte, n int64, digits int) []byte {
	for range digits {
		b = append(b, '0')
	}
	for i := len(b) - 1; n > 0; i-- {
		b[i] = byte('0' + n%10)
		n /= 10
	}
	return b
}
