package database

import (
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// keepAlive makes an idle connection fail within a time when the other end is gone.
func keepAlive(timeout time.Duration) net.KeepAliveConfig {
	return net.KeepAliveConfig{Enable: true, Idle: timeout / 2, Interval: timeout / 6, Count: 3}
}

// dialer makes connections, idle or not, fail within a time when the other end is gone.
func dialer(timeout time.Duration) *net.Dialer {
	return &net.Dialer{KeepAliveConfig: keepAlive(timeout), Control: userTimeout(timeout)}
}

// setting is an optional setting of a transaction, which a server may not know or refuse.
type setting struct {
	name, value string
	writersOnly bool
}

// optionalSettings let the server notice that a client was killed, also during a long statement, or that its machine has
// vanished, and release its locks.
//
// tcp_user_timeout is for writers only: it also ends a connection whose client does not read for that long, which
// happens to a reader of two streams of which the other is slow.
func optionalSettings(timeout time.Duration) []setting {
	settings := []setting{{name: "client_connection_check_interval", value: "1s"}} // refused on Windows
	if timeout == 0 {
		return settings
	}
	probes := keepAlive(timeout)
	seconds := func(d time.Duration) string { return fmt.Sprintf("%ds", max(1, d/time.Second)) }
	return append(settings,
		setting{name: "tcp_keepalives_idle", value: seconds(probes.Idle)},
		setting{name: "tcp_keepalives_interval", value: seconds(probes.Interval)},
		setting{name: "tcp_keepalives_count", value: fmt.Sprint(probes.Count)},
		setting{name: "tcp_user_timeout", value: fmt.Sprintf("%dms", timeout.Milliseconds()), writersOnly: true},
	)
}

// settings are the optional settings that the server has not refused, as statements to append.
func (db *DB) settings(mode TxMode) string {
	var statements strings.Builder
	for _, s := range db.optional {
		if _, refused := db.refused.Load(s.name); !refused && (mode == Write || !s.writersOnly) {
			statements.WriteString("; SET LOCAL " + s.name + " = '" + s.value + "'")
		}
	}
	return statements.String()
}

// refusedSetting returns the optional setting that an error is about, or "".
func (db *DB) refusedSetting(err error) string {
	pg, ok := errors.AsType[*pgconn.PgError](err)
	if !ok {
		return ""
	}
	for _, s := range db.optional {
		if _, known := db.refused.Load(s.name); !known && strings.Contains(pg.Message, s.name) {
			return s.name
		}
	}
	return ""
}
