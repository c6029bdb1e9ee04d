package lifecycle

import (
	"context"
	"errors"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgerrcode"
	"github.com/jackc/pgx/v5/pgconn"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/database"
)

// Publication is the name of the publication of the mirrored tables.
const Publication = "lifecycle_sync"

// slotTime bounds the creation of a slot, which waits for every open transaction.
const slotTime = 30 * time.Second

// Slot is the replication slot of one pmo_db.
type Slot struct {
	Name      string
	Created   bool  // just now: earlier changes are not in the stream
	Confirmed int64 // the stream starts after this position
}

// PrepareSlot publishes the tables and creates the slot, unless both exist. It replaces a slot that cannot be followed and that
// no other process follows with: the server has invalidated it, it decodes prepared transactions before they are committed, the
// publication did not exist until now, or replace is set. If the tables cannot be followed, it drops the slot. Raw, because it
// reads the catalogue. Errors: busy when another process follows with the slot; schema and permission (what prevents real-time
// sync, with the fix), timeout, connection.
func (s *Source) PrepareSlot(ctx context.Context, name string, tables []*models.Table, replace bool) (slot Slot, err error) {
	conn, err := s.db.Conn(ctx)
	if err != nil {
		return slot, err
	}
	defer conn.Close()
	if err := checkWAL(ctx, conn); err != nil {
		return slot, err
	}
	created, err := publish(ctx, conn, tables)
	if err != nil {
		s.dropUnfollowable(ctx, name, err)
		return slot, err
	}
	var exists, lost, ours, active bool
	slot.Name = name
	err = conn.QueryRow(ctx, `SELECT count(*) > 0, coalesce(bool_or(wal_status = 'lost' OR two_phase), FALSE), coalesce(max(confirmed_flush_lsn - '0/0'), 0)::bigint,
		coalesce(bool_or(database = current_database() AND plugin = 'pgoutput'), FALSE), coalesce(bool_or(active), FALSE) FROM pg_replication_slots WHERE slot_name = $1`,
		[]any{name}, &exists, &lost, &slot.Confirmed, &ours, &active)
	switch {
	case err != nil:
		return slot, err
	case exists && !ours:
		return slot, models.NewError(models.Schema, "lifecycle.foreign_slot", models.Params{"slot": name}).
			WithCommand("lifecycle.foreign_slot_remedy", nil, "SELECT pg_drop_replication_slot('"+name+"')")
	case exists && !lost && !created && !replace:
		return slot, nil
	case active:
		return slot, newSlotInUse(nil)
	case exists:
		if _, err := conn.Exec(ctx, "SELECT pg_drop_replication_slot($1)", name); err != nil {
			return slot, slotError(err)
		}
	}
	return s.createSlot(ctx, conn, name)
}

// checkWAL returns why the server offers no logical replication. Raw, because it reads settings.
func checkWAL(ctx context.Context, conn *database.Conn) error {
	var level string
	var standby bool
	if err := conn.QueryRow(ctx, "SELECT current_setting('wal_level'), pg_is_in_recovery()", nil, &level, &standby); err != nil {
		return err
	}
	switch {
	case standby:
		return models.NewError(models.Schema, "lifecycle.standby", nil).WithRemedy("lifecycle.standby_remedy", nil)
	case level != "logical":
		return models.NewError(models.Schema, "lifecycle.wal_level", models.Params{"level": level}).
			WithCommand("lifecycle.wal_level_remedy", nil, "ALTER SYSTEM SET wal_level = logical")
	default:
		return nil
	}
}

// published returns for each mirrored table whether all its rows and changes are published. Raw, because it reads the catalogue.
const published = `SELECT n.name,
	EXISTS (SELECT FROM pg_publication p JOIN pg_publication_tables t ON t.pubname = p.pubname JOIN pg_class k ON k.oid = c.oid JOIN pg_namespace ns ON ns.oid = k.relnamespace
		WHERE p.pubname = '` + Publication + `' AND t.schemaname = ns.nspname AND t.tablename = k.relname
		AND p.pubinsert AND p.pubupdate AND p.pubdelete AND p.pubtruncate
		AND to_jsonb(t) ->> 'rowfilter' IS NULL AND coalesce(to_jsonb(t) -> 'attnames' ? 'id', TRUE)),
	EXISTS (SELECT FROM pg_publication WHERE pubname = '` + Publication + `')
FROM unnest($1::text[]) WITH ORDINALITY AS n(name, position) JOIN pg_class c ON c.oid = to_regclass(quote_ident(n.name)) ORDER BY n.position`

// publication is the state of our publication: the tables of lifecycle_db, and those that it lacks.
type publication struct {
	exists       bool
	all, missing []string
}

func newPublication(rows iter.Seq2[[][]byte, error]) (p publication, err error) {
	for cells, err := range rows {
		if err != nil {
			return p, err
		}
		name := string(cells[0])
		p.all = append(p.all, name)
		if string(cells[1]) != "t" {
			p.missing = append(p.missing, name)
		}
		p.exists = string(cells[2]) == "t"
	}
	return p, nil
}

func (p publication) statement() string {
	return "CREATE PUBLICATION " + Publication + " FOR TABLE " + strings.Join(p.all, ", ")
}

// incomplete returns an error if the publication exists but lacks tables.
func (p publication) incomplete() error {
	if !p.exists || p.missing == nil {
		return nil
	}
	return models.NewError(models.Schema, "lifecycle.publication_incomplete", models.Params{"publication": Publication, "tables": p.missing}).
		WithCommand("lifecycle.publication_incomplete_remedy", nil, "DROP PUBLICATION "+Publication+"; "+p.statement())
}

// publish creates the publication unless it exists, and reports whether it did. It never changes an existing one. Raw,
// because it is DDL.
func publish(ctx context.Context, conn *database.Conn, tables []*models.Table) (created bool, err error) {
	if err := followable(ctx, conn, sourceNames(tables)); err != nil {
		return false, err
	}
	p, err := newPublication(conn.Rows(ctx, published, sourceNames(tables)))
	switch {
	case err != nil:
		return false, err
	case p.missing == nil:
		return false, nil
	case p.exists:
		return false, p.incomplete()
	}
	_, err = conn.Exec(ctx, p.statement())
	if e := models.AsError(err); err != nil && e.Class == models.Permission {
		return false, models.NewError(models.Permission, "lifecycle.publish_denied", nil).
			WithCommand("lifecycle.publish_denied_remedy", nil, p.statement()).WithCause(err)
	}
	return true, err
}

// followable returns an error for the first table that logical replication cannot follow. If lifecycle_db refuses changes of
// a table because our publication includes it, the publication is removed first.
func followable(ctx context.Context, conn *database.Conn, names []string) error {
	infos, err := conn.Inspect(ctx, names)
	if err != nil {
		return err
	}
	access, err := accessOf(conn.Rows(ctx, accessQuery, names))
	if err != nil {
		return err
	}
	if i := slices.IndexFunc(names, func(name string) bool { return access[name].Harmful() }); i >= 0 {
		if err := withdraw(ctx, conn, names[i]); err != nil {
			return err
		}
	}
	for _, name := range names {
		if !infos[name].Exists {
			continue
		}
		if problem := access[name].ReplicationProblem(name, infos[name]); problem != nil {
			return &models.Error{Class: models.Schema, Text: problem.Text, Remedy: problem.Remedy}
		}
	}
	return nil
}

// withdraw removes our publication, which makes lifecycle_db refuse changes of a table.
func withdraw(ctx context.Context, conn *database.Conn, table string) error {
	const statement = "DROP PUBLICATION IF EXISTS " + Publication
	_, err := conn.Exec(ctx, statement)
	if e := models.AsError(err); err != nil && e.Class == models.Permission {
		return models.NewError(models.Permission, "realtime.harmful", models.Params{"table": table, "publication": Publication}).
			WithCommand("lifecycle.publication_incomplete_remedy", nil, statement).WithCause(err)
	}
	return err
}

// createSlot creates the slot. Raw, because it calls a function of the server.
func (s *Source) createSlot(ctx context.Context, conn *database.Conn, name string) (Slot, error) {
	slot := Slot{Name: name, Created: true}
	// A slot that nothing can follow would fill the server's disk.
	if err := s.Inspector().CheckReplication(ctx); err != nil && models.AsError(err).Class != models.Permission {
		return slot, err
	}
	creating, cancel := context.WithTimeout(ctx, slotTime)
	defer cancel()
	err := conn.QueryRow(creating, "SELECT (lsn - '0/0')::bigint FROM pg_create_logical_replication_slot($1, 'pgoutput')", []any{name}, &slot.Confirmed)
	pg, refused := errors.AsType[*pgconn.PgError](err)
	switch {
	case err == nil:
		return slot, nil
	case ctx.Err() == nil && creating.Err() != nil:
		return slot, models.NewError(models.Timeout, "lifecycle.slot_timeout", models.Params{"timeout": slotTime}).
			WithRemedy(s.slotTimeoutRemedy(ctx), nil).WithCause(err)
	case refused && pg.Code == pgerrcode.InsufficientPrivilege:
		return slot, models.NewError(models.Permission, "lifecycle.replication_denied", nil).WithRemedy("lifecycle.replication_denied_remedy", nil).WithCause(err)
	case refused && pg.Code == pgerrcode.ConfigurationLimitExceeded:
		return slot, models.NewError(models.Schema, "lifecycle.no_free_slot", nil).WithRemedy("lifecycle.no_free_slot_remedy", nil).WithCause(err)
	default:
		return slot, slotError(err)
	}
}

// slotTimeoutRemedy returns the code of the remedy that names the view with the open transactions: prepared ones belong to no
// session. Raw, because it reads the catalogue.
func (s *Source) slotTimeoutRemedy(ctx context.Context) string {
	var prepared bool
	if err := s.db.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_prepared_xacts)", nil, &prepared); err == nil && prepared {
		return "lifecycle.prepared_remedy"
	}
	return "lifecycle.slot_timeout_remedy"
}

func newSlotInUse(cause error) error {
	return models.NewError(models.Busy, "lifecycle.slot_in_use", nil).WithRemedy("lifecycle.retry_remedy", nil).WithCause(cause)
}

// slotError replaces an error that says that another process follows with the slot, or has just created it.
func slotError(err error) error {
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok && (pg.Code == pgerrcode.ObjectInUse || pg.Code == pgerrcode.DuplicateObject) {
		return newSlotInUse(err)
	}
	return err
}

// dropUnfollowable drops the slot if following is impossible until someone repairs the source. Until then the server would
// retain WAL without a reader. The next attempt to follow retries a failed drop.
func (s *Source) dropUnfollowable(ctx context.Context, name string, cause error) {
	if e := models.AsError(cause); e.Class == models.Schema || e.Class == models.Permission {
		_, _ = s.DropSlot(ctx, name)
	}
}

// DropSlot drops a slot that no process follows, and reports whether it did. Raw, because it calls a function of the server.
// PostgreSQL only. Errors: permission, connection.
func (s *Source) DropSlot(ctx context.Context, name string) (dropped bool, err error) {
	err = s.db.QueryRow(ctx, `SELECT count(pg_drop_replication_slot(slot_name)::text) > 0 FROM pg_replication_slots
		WHERE slot_name = $1 AND NOT active AND database = current_database() AND plugin = 'pgoutput'`, []any{name}, &dropped)
	return dropped, err
}
