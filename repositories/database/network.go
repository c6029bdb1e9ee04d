package database

import (
	"errors"
	"fmt"
	"net"
	"strings"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// keepAlive makes an idle connection fail within a time if the other end is gone.
func keepAlive(timeout time.Duration) net.KeepAliveConfig {
	return net.KeepAliveConfig{Enable: true, Idle: timeout / 2, Interval: timeout / 6, Count: 3}
}

// dialer makes connections, idle or not, fail within a time if the other end is gone.
func dialer(timeout time.Duration) *net.Dialer {
	return &net.Dialer{KeepAliveConfig: keepAlive(timeout), Control: userTimeout(timeout)}
}

// setting is an optional setting of transactions, which a server may not know or refuse.
type setting struct {
	name, value string
	writersOnly bool
	refused     atomic.Bool
}

// optionalSettings let the server notice that a client was killed, also during a long statement, or that its machine has
// vanished, and release its locks.
//
// tcp_user_timeout is for writers only: it also ends a connection whose client does not read for that long, which
// happens to a reader of two streams when the other one is slow.
func optionalSettings(timeout time.Duration) []*setting {
	settings := []*setting{{name: "client_connection_check_interval", value: "1s"}} // refused on Windows
	if timeout == 0 {
		return settings
	}
	probes := keepAlive(timeout)
	seconds := func(d time.Duration) string { return fmt.Sprintf("%ds", max(1, d/time.Second)) }
	return append(settings,
		&setting{name: "tcp_keepalives_idle", value: seconds(probes.Idle)},
		&setting{name: "tcp_keepalives_interval", value: seconds(probes.Interval)},
		&setting{name: "tcp_keepalives_count", value: fmt.Sprint(probes.Count)},
		&setting{name: "tcp_user_timeout", value: fmt.Sprintf("%dms", timeout.Milliseconds()), writersOnly: true},
	)
}

// settings are the optional settings that the server has not refused, as statements to append.
func (db *DB) settings(mode TxMode) string {
	var statements strings.Builder
	for _, s := range db.optional {
		if !s.refused.Load() && (mode == Write || !s.writersOnly) {
			statements.WriteString("; SET LOCAL " + s.name + " = '" + s.value + "'")
		}
	}
	return statements.String()
}

// isRefusal reports whether an error is about an optional setting, which is then no longer used.
func (db *DB) isRefusal(err error) bool {
	pg, ok := errors.AsType[*pgconn.PgError](err)
	for _, s := range db.optional {
		if ok && strings.Contains(pg.Message, s.name) && s.refused.CompareAndSwap(false, true) {
			return true
		}
	}
	return false
}
