package database

import (
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// keepAlive is how a connection over which nothing goes is found dead within a time.
func keepAlive(timeout time.Duration) net.KeepAliveConfig {
	return net.KeepAliveConfig{Enable: true, Idle: timeout / 2, Interval: timeout / 6, Count: 3}
}

// dialer makes connections that are found dead within a time, whether something was sent or not.
func dialer(timeout time.Duration) *net.Dialer {
	return &net.Dialer{KeepAliveConfig: keepAlive(timeout), Control: userTimeout(timeout)}
}

// setting is one that a server may not know or not take.
type setting struct {
	name, value string
	writers     bool // for transactions that write only
}

// optional are the settings by which the server notices that a client is gone, so that its locks go too:
// one that was killed, also in the midst of a long statement, and one whose machine has vanished.
//
// The last is for writers alone. It also ends a connection whose reader takes nothing for so long, as one
// may that reads two streams at once, while the other is slow to come.
func optional(timeout time.Duration) []setting {
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
		setting{name: "tcp_user_timeout", value: fmt.Sprintf("%dms", timeout.Milliseconds()), writers: true},
	)
}

// settings are the optional ones that the server has not refused, as statements behind others.
func (db *DB) settings(mode TxMode) string {
	var statements strings.Builder
	for _, s := range db.optional {
		if _, refused := db.refused.Load(s.name); !refused && (mode == Write || !s.writers) {
			statements.WriteString("; SET LOCAL " + s.name + " = '" + s.value + "'")
		}
	}
	return statements.String()
}

// refusedSetting is the optional setting that an error complains of, if it does.
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
