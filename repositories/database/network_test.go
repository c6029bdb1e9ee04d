package database_test

import (
	"context"
	"net"
	"testing"
	"time"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/database"
	"lifecycle-sync/test/kit/testdb"
)

// TestBeginConn_ConfiguresTheServer sets, per transaction, when the server gives up a silent client.
func TestBeginConn_ConfiguresTheServer(t *testing.T) {
	t.Parallel()
	db := open(t, testdb.Postgres(t), database.Options{MaxConns: 1, NetworkTimeout: 30 * time.Second})
	for mode, userTimeout := range map[database.TxMode]string{database.Write: "30000", database.ReadOnly: "0"} {
		c := begin(t, db, mode)
		for setting, want := range map[string]string{
			"client_connection_check_interval": "1s", "tcp_keepalives_idle": "15", "tcp_keepalives_interval": "5", "tcp_keepalives_count": "3",
			"tcp_user_timeout": userTimeout, "statement_timeout": "0", "idle_in_transaction_session_timeout": "0",
		} {
			if got := one(t, c, "SHOW "+setting); got != want {
				t.Errorf("mode %v: %s is %s, want %s", mode, setting, got, want)
			}
		}
		c.Close()
	}
}

// TestHeartbeat_ReportsSilence has a server that accepts connections and never answers. A refusal is an answer.
func TestHeartbeat_ReportsSilence(t *testing.T) {
	t.Parallel()
	silent := listen(t, func(net.Conn) { <-t.Context().Done() })
	for _, o := range []database.Options{{ConnectTimeout: time.Minute}, {ConnectTimeout: 20 * time.Millisecond}} {
		o.NetworkTimeout = 200 * time.Millisecond
		err := open(t, "postgres://u:p@"+silent+"/db?sslmode=disable", o).Heartbeat(t.Context())
		if e := models.AsError(err); e == nil || e.Class != models.Connection || !e.Transient || e.Text.String() != "database.silent database=pmo_db silence=200ms" {
			t.Errorf("%+v: %v", o, err)
		}
	}
	for name, url := range map[string]string{"refuses": unreachable, "a file": testdb.SQLite(t)} {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		if err := open(t, url, database.Options{NetworkTimeout: 100 * time.Millisecond}).Heartbeat(ctx); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		cancel()
	}
}

// TestHeartbeat_SurvivesTerminatedConnections has a server that answers and ends connections now and then.
func TestHeartbeat_SurvivesTerminatedConnections(t *testing.T) {
	t.Parallel()
	url := testdb.Postgres(t)
	other := conn(t, open(t, url))
	ctx, cancel := context.WithCancel(t.Context())
	result := make(chan error, 1)
	go func() { result <- open(t, url, database.Options{NetworkTimeout: 5 * time.Second}).Heartbeat(ctx) }()
	for range 2 {
		for one(t, other, "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = 'lifecycle-sync heartbeat' AND datname = current_database()") == "0" {
			if t.Context().Err() != nil {
				t.Fatal("no heartbeat")
			}
		}
	}
	cancel()
	if err := <-result; err != nil {
		t.Error(err)
	}
}

// listen serves connections, whose first message is read, until the test ends, and returns its address.
func listen(t *testing.T, serve func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				_, _ = c.Read(make([]byte, 1024))
				serve(c)
			}()
		}
	}()
	return l.Addr().String()
}
