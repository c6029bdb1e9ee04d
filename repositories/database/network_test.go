package database_test

import (
	"context"
	"net"
	"sync"
	"testing"
	"time"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/database"
	"lifecycle-sync/test/kit/testdb"
)

func openWith(t *testing.T, url string, o database.Options) *database.DB {
	t.Helper()
	o.Name = "pmo_db"
	db, err := database.Open(url, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// TestServerNoticesVanishedClients sets, for a transaction, how soon the server gives a silent client up.
func TestServerNoticesVanishedClients(t *testing.T) {
	t.Parallel()
	db := openWith(t, testdb.Postgres(t), database.Options{MaxConns: 1, NetworkTimeout: 30 * time.Second})
	for mode, userTimeout := range map[database.TxMode]string{database.Write: "30000", database.ReadOnly: "0"} {
		conn, err := db.BeginConn(t.Context(), mode)
		if err != nil {
			t.Fatal(err)
		}
		for setting, want := range map[string]string{
			"client_connection_check_interval": "1s", "tcp_keepalives_idle": "15", "tcp_keepalives_interval": "5", "tcp_keepalives_count": "3",
			"tcp_user_timeout": userTimeout, "statement_timeout": "0", "idle_in_transaction_session_timeout": "0",
		} {
			var got string
			if err := conn.QueryRow(t.Context(), "SHOW "+setting, nil, &got); err != nil || got != want {
				t.Errorf("mode %v: %s is %s, want %s: %v", mode, setting, got, want, err)
			}
		}
		conn.Close()
	}
}

// TestDeadConnectionsOfThePool are passed over when a transaction begins, however soon after they died.
func TestDeadConnectionsOfThePool(t *testing.T) {
	t.Parallel()
	url := testdb.Postgres(t)
	db, others := openWith(t, url, database.Options{MaxConns: 5}), openWith(t, url, database.Options{MaxConns: 1})
	for _, mode := range []database.TxMode{database.Write, database.ReadOnly} {
		var conns []*database.Conn
		for range 5 {
			conn, err := db.BeginConn(t.Context(), mode)
			if err != nil {
				t.Fatal(err)
			}
			conns = append(conns, conn)
		}
		for _, conn := range conns {
			conn.Close()
		}
		if err := others.Exec("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()").Error; err != nil {
			t.Fatal(err)
		}
		var readers sync.WaitGroup
		for range 5 {
			readers.Go(func() {
				conn, err := db.BeginConn(t.Context(), mode)
				if err != nil {
					t.Errorf("%v: %v", err, models.AsError(err).Cause)
					return
				}
				conn.Close()
			})
		}
		readers.Wait()
	}
}

// TestServerThatIsGone is no connection that was left over: the error is told.
func TestServerThatIsGone(t *testing.T) {
	t.Parallel()
	db := openWith(t, nowhere, database.Options{MaxConns: 5, ConnectTimeout: time.Second})
	if _, err := db.BeginConn(t.Context(), database.Write); models.AsError(err) == nil || !models.AsError(err).Transient {
		t.Errorf("%v", err)
	}
}

// TestSilence is told of when a server takes connections and answers nothing; that it refuses them is an answer.
func TestSilence(t *testing.T) {
	t.Parallel()
	silent := listen(t, func(net.Conn) { <-t.Context().Done() })
	for _, o := range []database.Options{{ConnectTimeout: time.Minute}, {ConnectTimeout: 20 * time.Millisecond}} {
		o.NetworkTimeout = 200 * time.Millisecond
		err := openWith(t, "postgres://u:p@"+silent+"/db?sslmode=disable", o).Heartbeat(t.Context())
		if e := models.AsError(err); e == nil || e.Class != models.Connection || !e.Transient || e.Text.String() != "database.silent database=pmo_db silence=200ms" {
			t.Errorf("%+v: %v", o, err)
		}
	}
	for name, url := range map[string]string{"refuses": nowhere, "a file": testdb.SQLite(t)} {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		if err := openWith(t, url, database.Options{NetworkTimeout: 100 * time.Millisecond}).Heartbeat(ctx); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		cancel()
	}
}

// TestNoSilence asks a server that answers, whose connections are ended now and then.
func TestNoSilence(t *testing.T) {
	t.Parallel()
	target := testdb.Postgres(t)
	others := openWith(t, target, database.Options{MaxConns: 1})
	ctx, cancel := context.WithCancel(t.Context())
	heard := make(chan error, 1)
	go func() { heard <- openWith(t, target, database.Options{NetworkTimeout: 5 * time.Second}).Heartbeat(ctx) }()
	for range 2 {
		for ended := 0; ended == 0 && t.Context().Err() == nil; {
			if err := others.Raw("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = 'lifecycle-sync heartbeat' AND datname = current_database()").
				Scan(&ended).Error; err != nil {
				t.Fatal(err)
			}
		}
	}
	cancel()
	if err := <-heard; err != nil {
		t.Error(err)
	}
}
