// Package migrations creates and upgrades our tables in pmo_db, with one folder of SQL per database system.
package migrations

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"

	"github.com/pressly/goose/v3"
	gooseDB "github.com/pressly/goose/v3/database"
	"github.com/pressly/goose/v3/lock"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/database"
)

//go:embed postgres/*.sql sqlite/*.sql
var files embed.FS

// latest is the version of the newest migration.
const latest = 13

// versionTable is not goose's default: other applications may have that in pmo_db.
const versionTable = "lifecycle_sync_migrations"

// Up upgrades the schema to this binary's version; several processes may do so at once. It returns the number of applied
// migrations. Before the first one it calls adoptable, which checks whether existing mirror tables can be used. Errors:
// schema if the schema is newer than the binary, permission, connection, and adoptable's.
func Up(ctx context.Context, db *database.DB, adoptable func(context.Context) error) (int, error) {
	switch current, _ := readVersion(ctx, db); { // after an error 0: the migration itself says what is wrong
	case current == latest:
		return 0, nil
	case current > latest:
		return 0, models.NewError(models.Schema, "pmo.schema_newer", models.Params{"current": current, "latest": latest}).WithRemedy("pmo.schema_newer_remedy", nil)
	case current == 0:
		if err := adoptable(ctx); err != nil {
			return 0, err
		}
	}
	provider, err := newProvider(db)
	if err != nil {
		return 0, fmt.Errorf("reading the migrations: %w", err)
	}
	unlock, err := lockSchema(ctx, db)
	if err != nil {
		return 0, err
	}
	defer unlock()
	results, err := provider.Up(ctx)
	if err != nil {
		if partial, ok := errors.AsType[*goose.PartialError](err); ok {
			err = partial.Err
		}
		return len(results), db.Translate(err)
	}
	return len(results), nil
}

// Version is the version of the schema, 0 before the first migration, and this binary's. Errors: permission, connection.
func Version(ctx context.Context, db *database.DB) (current, needed int64, err error) {
	current, err = readVersion(ctx, db)
	if e := models.AsError(err); e != nil && e.Class == models.Schema { // the table does not exist yet
		err = nil
	}
	return current, latest, err
}

// lockSchema lets one process migrate at a time. The lock is that of goose, which earlier versions take, but ends with a
// transaction: a pooler could give the unlocking statement another session. Raw, because GORM has no locks of this kind.
func lockSchema(ctx context.Context, db *database.DB) (unlock func(), err error) {
	if !db.Features().AdvisoryLocks {
		return func() {}, nil
	}
	conn, err := db.BeginConn(ctx, database.Write)
	if err != nil {
		return nil, err
	}
	if _, err := conn.Exec(ctx, "SELECT pg_advisory_xact_lock($1)", lock.DefaultLockID); err != nil {
		conn.Close()
		return nil, err
	}
	return conn.Close, nil
}

func newProvider(db *database.DB) (*goose.Provider, error) {
	store, err := gooseDB.NewStore(db.Features().MigrationDialect, versionTable)
	if err != nil {
		return nil, err
	}
	dir, err := fs.Sub(files, string(db.Kind()))
	if err != nil {
		return nil, err
	}
	return goose.NewProvider("", db.SQL, dir, goose.WithStore(versions{store, db}), goose.WithGoMigrations(reasonsMigration(db)))
}

// versions is goose's version table. On SQLite goose would consider a table missing if it cannot read its times, and fail
// to create it again.
type versions struct {
	gooseDB.Store

	db *database.DB
}

// TableExists implements goose's database.StoreExtender.
func (v versions) TableExists(ctx context.Context, conn gooseDB.DBTxConn) (exists bool, err error) {
	err = conn.QueryRowContext(ctx, v.db.TableExists(versionTable)).Scan(&exists)
	return exists, err
}

func readVersion(ctx context.Context, db *database.DB) (version int64, err error) {
	err = db.SQL.QueryRowContext(ctx, "SELECT coalesce(max(version_id), 0) FROM "+versionTable+" WHERE is_applied").Scan(&version)
	return version, db.Translate(err)
}
