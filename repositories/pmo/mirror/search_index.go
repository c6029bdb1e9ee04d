package mirror

import (
	"cmp"
	"context"
	"strings"
	"time"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/database"
)

// searchIndex is the index that a search in names, descriptions and customers is answered from, instead
// of by reading every product. It takes long to build, so no run does.
const (
	productTable = "tbl_produk_lifecycle"
	searchIndex  = productTable + "_search_trgm"
)

const (
	searchIndexLock  = 0x6c6966656379747a     // of the one process that builds it
	searchIndexYield = 200 * time.Millisecond // well below deadlock_timeout
	askTime          = time.Second            // for what takes a millisecond, also while the process ends
)

// IndexSearch builds the search's index unless it is there, and reports whether it did. A search works
// without it, more slowly. The build blocks no session: as soon as another one waits for it, such as a run that
// locks the products, it is given up. PostgreSQL only; on SQLite it does nothing. Errors: permission,
// with what an administrator can do; busy when it was given up or another process is at it; connection.
func (s *Store) IndexSearch(ctx context.Context) (built bool, err error) {
	if !s.pool.Features().Server {
		return false, nil
	}
	session, err := s.pool.DirectConn(ctx, "search index")
	if err != nil {
		return false, err
	}
	defer session.Close()
	if session.Pooled { // the lock is one of a session
		if state, err := s.SearchIndex(ctx); err != nil || state.Present {
			return false, err
		}
		return false, PooledObstacle()
	}
	defer func() { // else it is unlocked with the session's end, a little later
		unlocking, cancel := context.WithTimeout(context.WithoutCancel(ctx), askTime)
		defer cancel()
		_ = session.Exec(unlocking, "SELECT pg_advisory_unlock_all()")
	}()
	var mine bool
	if err := session.QueryRow(ctx, "SELECT pg_try_advisory_lock($1)", []any{int64(searchIndexLock)}, &mine); err != nil {
		return false, err
	}
	state, err := s.SearchIndex(ctx)
	switch {
	case err != nil || state.Present:
		return false, err
	case !mine:
		return false, models.NewError(models.Busy, "pmo.search_index_elsewhere", nil)
	}
	if err := state.Obstacle(); err != nil {
		return false, err
	}
	if !state.installed {
		err = session.Exec(ctx, "CREATE EXTENSION IF NOT EXISTS pg_trgm")
		if e := models.AsError(err); e != nil && e.Class == models.Permission {
			return false, uninstallable()
		}
	}
	if err == nil {
		err = s.buildSearchIndex(ctx, session, state.leftover)
	}
	return err == nil, err
}

// PooledObstacle says why the index is not built through a pooler, and what to do. Errors: permission.
func PooledObstacle() *models.Error {
	return models.NewError(models.Permission, "pmo.search_index_pooler", nil).
		WithCommand("pmo.search_index_pooler_remedy", nil, "CREATE EXTENSION IF NOT EXISTS pg_trgm; "+createSearchIndex("gin_trgm_ops"))
}

// SearchIndexState is whether the search's index is there, and what it would take to build it.
type SearchIndexState struct {
	Present                                           bool
	leftover, owned, available, installed, mayInstall bool
}

// SearchIndex describes the search's index. Raw, because it reads the catalogue. PostgreSQL only. Errors: schema, connection.
func (s *Store) SearchIndex(ctx context.Context) (state SearchIndexState, err error) {
	err = s.pool.Gorm(ctx).Raw(`SELECT EXISTS (SELECT FROM pg_index WHERE indexrelid = to_regclass(@index) AND indisvalid),
		EXISTS (SELECT FROM pg_index WHERE indexrelid = to_regclass(@index) AND NOT indisvalid),
		coalesce((SELECT pg_has_role(relowner, 'USAGE') FROM pg_class WHERE oid = to_regclass(@table)), false),
		EXISTS (SELECT FROM pg_available_extensions WHERE name = 'pg_trgm'), EXISTS (SELECT FROM pg_extension WHERE extname = 'pg_trgm'),
		has_database_privilege(current_database(), 'CREATE')`, map[string]any{"index": searchIndex, "table": productTable}).Row().
		Scan(&state.Present, &state.leftover, &state.owned, &state.available, &state.installed, &state.mayInstall)
	return state, s.pool.Translate(err)
}

// Obstacle says why the role cannot build the index, and what an administrator can do; nil when nothing is
// known to be in the way. Errors: permission.
func (state SearchIndexState) Obstacle() error {
	switch {
	case state.Present:
		return nil
	case !state.available:
		return models.NewError(models.Permission, "pmo.trgm_unavailable", nil).WithRemedy("pmo.trgm_unavailable_remedy", nil)
	case !state.owned:
		return models.NewError(models.Permission, "pmo.search_index_owner", models.Params{"table": productTable}).
			WithCommand("pmo.search_index_owner_remedy", nil, "CREATE EXTENSION IF NOT EXISTS pg_trgm; "+createSearchIndex("gin_trgm_ops"))
	case !state.installed && !state.mayInstall:
		return uninstallable()
	default:
		return nil
	}
}

func uninstallable() error {
	return models.NewError(models.Permission, "pmo.trgm_not_allowed", nil).WithCommand("pmo.trgm_not_allowed_remedy", nil, "CREATE EXTENSION pg_trgm")
}

func createSearchIndex(class string) string {
	return "CREATE INDEX CONCURRENTLY IF NOT EXISTS " + searchIndex + " ON " + productTable +
		strings.ReplaceAll(" USING gin (lower(produk) #, lower(deskripsi) #, lower(pelanggan) #)", "#", class)
}

// buildSearchIndex drops the remains of an abandoned attempt and builds the index. Raw, because it is DDL.
func (s *Store) buildSearchIndex(ctx context.Context, session *database.DedicatedConn, leftover bool) error {
	var class string
	if err := session.QueryRow(ctx, `SELECT quote_ident(nspname) || '.gin_trgm_ops' FROM pg_extension
		JOIN pg_namespace n ON n.oid = extnamespace WHERE extname = 'pg_trgm'`, nil, &class); err != nil {
		return err
	}
	statements := []string{"SET statement_timeout = 0", "SET lock_timeout = 0", "SET maintenance_work_mem = '256MB'"}
	if leftover {
		statements = append(statements, "DROP INDEX CONCURRENTLY IF EXISTS "+searchIndex)
	}
	done := make(chan error, 1)
	go func() {
		var err error
		for _, statement := range append(statements, createSearchIndex(class), "ANALYZE "+productTable) { // which parts of words are rare
			if err == nil {
				err = session.Exec(context.WithoutCancel(ctx), statement) // ended by yield
			}
		}
		done <- err
	}()
	return s.yield(ctx, session.PID(), done)
}

// yield waits for a server process's statement, and cancels it when ctx ends or another session waits for it. Raw, because
// it queries pg_locks.
func (s *Store) yield(ctx context.Context, pid int64, done <-chan error) error {
	tick := time.NewTicker(searchIndexYield)
	defer tick.Stop()
	for gaveUp := false; ; {
		select {
		case err := <-done:
			if gaveUp && models.AsError(err) != nil && models.AsError(err).Class == models.Canceled {
				err = cmp.Or(ctx.Err(), error(models.NewError(models.Busy, "pmo.search_index_yielded", nil)))
			}
			return err
		case <-tick.C:
		}
		var awaited bool
		asking, cancel := context.WithTimeout(context.WithoutCancel(ctx), askTime)
		err := s.pool.Gorm(asking).Raw("SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND ? = ANY (pg_blocking_pids(pid)))", pid).Scan(&awaited).Error
		gaveUp = gaveUp || awaited || ctx.Err() != nil
		if err == nil && gaveUp {
			err = s.pool.Gorm(asking).Exec("SELECT pg_cancel_backend(?)", pid).Error // repeated until it takes effect
		}
		cancel()
		if err != nil && ctx.Err() != nil {
			return ctx.Err() // the server notices that we are gone
		}
	}
}
