package database_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/database"
	"lifecycle-sync/test/kit"
	"lifecycle-sync/test/kit/testdb"
)

// waysToRead are all ways of using a connection of the pool outside of transactions, and one within.
func waysToRead(db *database.DB) map[string]func(ctx context.Context) error {
	var n int
	return map[string]func(ctx context.Context) error{
		"GORM": func(ctx context.Context) error {
			return db.Translate(db.WithContext(ctx).Raw("SELECT 1").Scan(&n).Error)
		},
		"exec": func(ctx context.Context) error { return db.Translate(db.WithContext(ctx).Exec("SELECT 1").Error) },
		"row":  func(ctx context.Context) error { return db.QueryRow(ctx, "SELECT 1", nil, &n) },
		"rows": func(ctx context.Context) error {
			_, err := database.FirstColumn(db.Query(ctx, "SELECT 1"))
			return err
		},
		"transaction": func(ctx context.Context) error {
			conn, err := db.BeginConn(ctx, database.ReadOnly)
			if err == nil {
				conn.Close()
			}
			return err
		},
	}
}

func wantBusy(t *testing.T, way string, err error) {
	t.Helper()
	if e := models.AsError(err); e == nil || e.Text.Code != "database.busy" || !e.Expected || !e.Transient {
		t.Errorf("%s: %v", way, err)
	}
}

// TestPool_LimitsTheWait has a pool of one connection, which is in use.
func TestPool_LimitsTheWait(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, url func(testing.TB) string) {
		t.Parallel()
		address := url(t)
		hasty := open(t, address, database.Options{MaxConns: 1, Wait: time.Millisecond})
		used := conn(t, hasty)
		for way, read := range waysToRead(hasty) {
			wantBusy(t, way, read(t.Context()))
		}
		used.Close()
		patient := open(t, address, database.Options{MaxConns: 1, Wait: kit.Patience})
		for range 3 { // each frees its connection
			for way, read := range waysToRead(patient) {
				if err := read(t.Context()); err != nil {
					t.Errorf("%s: %v", way, err)
				}
			}
		}
		used = conn(t, patient)
		result := make(chan error)
		for _, read := range waysToRead(patient) {
			go func() { result <- read(t.Context()) }()
		}
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		for way, read := range waysToRead(patient) {
			if err := read(gone); models.AsError(err) == nil || models.AsError(err).Class != models.Canceled {
				t.Errorf("%s without a caller: %v", way, err)
			}
		}
		used.Close()
		for range waysToRead(patient) {
			if err := <-result; err != nil {
				t.Errorf("after the wait: %v", err)
			}
		}
	})
}

// TestPool_WaitsForThePooler has a PgBouncer that accepts one client.
func TestPool_WaitsForThePooler(t *testing.T) {
	t.Parallel()
	direct := testdb.Postgres(t)
	address := testdb.NewPooler(t, []string{direct}, "max_client_conn=1").At(direct)
	var only *pgx.Conn
	kit.Eventually(t, "the only client connects", func() bool {
		connected, err := pgx.Connect(t.Context(), address)
		only = connected
		return err == nil
	})
	for way, read := range waysToRead(open(t, address, database.Options{MaxConns: 1, Wait: time.Millisecond})) {
		wantBusy(t, way, read(t.Context()))
	}
	result := make(chan error)
	patient := open(t, address, database.Options{MaxConns: 1, Wait: kit.Patience})
	go func() { result <- patient.QueryRow(t.Context(), "SELECT 1", nil, new(int)) }()
	if err := only.Close(t.Context()); err != nil {
		t.Error(err)
	}
	if err := <-result; err != nil {
		t.Errorf("after the wait: %v", err)
	}
}

// TestPool_WaitsForTheServer has a role without a free connection.
func TestPool_WaitsForTheServer(t *testing.T) {
	t.Parallel()
	address := testdb.Postgres(t)
	owner := testdb.Open(t, address)
	role, as := testdb.Role(t, address)
	kit.Exec(t, owner, "ALTER ROLE "+role+" CONNECTION LIMIT 0")
	for way, read := range waysToRead(open(t, as, database.Options{MaxConns: 1, Wait: time.Millisecond})) {
		wantBusy(t, way, read(t.Context()))
	}
	result := make(chan error)
	for _, read := range waysToRead(open(t, as, database.Options{MaxConns: 5, Wait: kit.Patience})) {
		go func() { result <- read(t.Context()) }()
	}
	_, err := pgx.Connect(t.Context(), as)
	if pg, ok := errors.AsType[*pgconn.PgError](err); !ok || pg.Code != "53300" {
		t.Fatalf("the role connects: %v", err)
	}
	kit.Exec(t, owner, "ALTER ROLE "+role+" CONNECTION LIMIT -1")
	for range 5 {
		if err := <-result; err != nil {
			t.Errorf("after the wait: %v", err)
		}
	}
	if err := open(t, as, database.Options{MaxConns: 1}).QueryRow(t.Context(), "SELECT 1", nil, new(int)); err != nil {
		t.Error(err)
	}
}
