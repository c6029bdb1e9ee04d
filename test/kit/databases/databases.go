// Package databases gives a test lifecycle_db and pmo_db with their repositories, on databases of its own.
package databases

import (
	"context"
	"database/sql"
	"testing"
	"time"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/database"
	"lifecycle-sync/repositories/lifecycle"
	"lifecycle-sync/repositories/pmo"
	"lifecycle-sync/services/demo"
	"lifecycle-sync/services/mirror"
	"lifecycle-sync/test/kit"
	"lifecycle-sync/test/kit/testdb"
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

// Pair is a pair of databases with repositories and an engine.
type Pair struct {
	testing.TB

	SourceURL, TargetURL string
	Source, Target       *sql.DB         // connections that bypass the program
	Tables               []*models.Table // of the engine that Connect makes
	SourceDB, TargetDB   *database.DB
	Lifecycle            *lifecycle.Source
	Store                *pmo.Store
	Engine               *mirror.Engine
}

// New creates both databases: lifecycle_db with demo data, pmo_db with its tables.
func New(t testing.TB, url func(testing.TB) string, products, histories int) *Pair {
	t.Helper()
	p := At(t, url(t), url(t))
	p.Fill(products, histories)
	p.Migrate()
	return p
}

// At opens two databases and changes nothing in them.
func At(t testing.TB, sourceURL, targetURL string) *Pair {
	t.Helper()
	p := &Pair{TB: t, SourceURL: sourceURL, TargetURL: targetURL, Tables: models.Tables()}
	p.Source, p.Target = testdb.Open(t, sourceURL), testdb.Open(t, targetURL)
	p.Connect(sourceURL, targetURL)
	return p
}

// Connect makes repositories and engine on pools for two URLs.
func (p *Pair) Connect(sourceURL, targetURL string) {
	p.Helper()
	p.SourceDB, p.TargetDB = Open(p, sourceURL, "lifecycle_db"), Open(p, targetURL, "pmo_db")
	p.Lifecycle, p.Store = lifecycle.New(p.SourceDB), pmo.New(p.TargetDB, p.Tables)
	p.Engine = mirror.New(p.Lifecycle, p.Store, p.Tables, retention, kit.Now)
}

// Fill puts demo data into the empty lifecycle_db.
func (p *Pair) Fill(products, histories int) {
	p.Helper()
	if err := demo.Fill(p.Context(), p.Lifecycle, products, histories, nil); err != nil {
		p.Fatal(err)
	}
}

// CreateSource creates lifecycle_db's tables without rows.
func (p *Pair) CreateSource() {
	p.Helper()
	var empty []lifecycle.SeedTable
	for _, table := range models.Tables() {
		empty = append(empty, lifecycle.SeedTable{Table: table, Rows: func(func(models.Row) bool) {}})
	}
	if err := p.Lifecycle.Seed(p.Context(), empty, nil); err != nil {
		p.Fatal(err)
	}
}

// Migrate creates pmo_db's tables.
func (p *Pair) Migrate() {
	p.Helper()
	if _, err := p.Store.Migrate(p.Context()); err != nil {
		p.Fatal(err)
	}
}

// Pausing is an engine whose runs wait, once they have begun, until Proceed is closed, unless that is nil.
type Pausing struct {
	*mirror.Engine
	Proceed chan struct{}
}

// Sync makes a run.
func (e *Pausing) Sync(ctx context.Context, req mirror.Request, p mirror.Progress) (mirror.Result, error) {
	if onBegin, proceed := req.OnBegin, e.Proceed; proceed != nil {
		req.OnBegin = func(run models.Run) {
			onBegin(run)
			select {
			case <-proceed:
			case <-ctx.Done():
			}
		}
	}
	return e.Engine.Sync(ctx, req, p)
}
