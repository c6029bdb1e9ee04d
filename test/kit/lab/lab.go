// Package lab gives a test lifecycle_db and pmo_db with their repositories, on databases of its own.
package lab

import (
	"database/sql"
	"testing"
	"time"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/database"
	"lifecycle-sync/repositories/database/databasetest"
	"lifecycle-sync/repositories/lifecycle"
	"lifecycle-sync/repositories/pmo"
	"lifecycle-sync/services/demo"
	"lifecycle-sync/services/mirror"
	"lifecycle-sync/test/kit"
)

const (
	poolSize       = 10
	connectTimeout = 10 * time.Second
	retention      = 90 * 24 * time.Hour
)

// Open opens a pool, as the program does, until the test ends. name is "lifecycle_db" or "pmo_db".
func Open(t testing.TB, url, name string) *database.DB {
	t.Helper()
	db, err := database.Open(url, database.Options{Name: name, MaxConns: poolSize, ConnectTimeout: connectTimeout})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// PMO is an empty pmo_db with its tables.
func PMO(t testing.TB, url string) (*database.DB, *pmo.Store) {
	t.Helper()
	db := Open(t, url, "pmo_db")
	store := pmo.New(db, models.Tables())
	if _, err := store.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return db, store
}

// Lab is a pair of databases with repositories and an engine.
type Lab struct {
	testing.TB

	SourceURL, TargetURL string
	Source, Target       *sql.DB // connections that bypass the program
	SourceDB, TargetDB   *database.DB
	Lifecycle            *lifecycle.Source
	Store                *pmo.Store
	Engine               *mirror.Engine
}

// New creates both databases: lifecycle_db with demo data, pmo_db with its tables.
func New(t testing.TB, url func(testing.TB) string, products, histories int) *Lab {
	t.Helper()
	l := &Lab{TB: t, SourceURL: url(t), TargetURL: url(t)}
	l.Source, l.Target = databasetest.Open(t, l.SourceURL), databasetest.Open(t, l.TargetURL)
	l.Connect(l.SourceURL, l.TargetURL)
	l.Fill(products, histories)
	if _, err := l.Store.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return l
}

// Connect makes repositories and engine on pools for two URLs.
func (l *Lab) Connect(sourceURL, targetURL string) {
	l.Helper()
	l.SourceDB, l.TargetDB = Open(l, sourceURL, "lifecycle_db"), Open(l, targetURL, "pmo_db")
	l.Lifecycle, l.Store = lifecycle.New(l.SourceDB), pmo.New(l.TargetDB, models.Tables())
	l.Engine = mirror.New(l.Lifecycle, l.Store, models.Tables(), retention, kit.Now)
}

// Fill puts demo data into the empty lifecycle_db.
func (l *Lab) Fill(products, histories int) {
	l.Helper()
	if err := demo.Fill(l.Context(), l.Lifecycle, products, histories, nil); err != nil {
		l.Fatal(err)
	}
}
