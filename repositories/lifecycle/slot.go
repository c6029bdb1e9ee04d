package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/database"
)

// Publication is the name of the publication of the mirrored tables.
const Publication = "lifecycle_sync"

// slotTime bounds the making of a slot, which waits for every transaction that is under way.
const slotTime = 30 * time.Second

// Slot is where the source's log is kept for one pmo_db.
type Slot struct {
	Name      string
	Created   bool  // just now: the log tells nothing of what was before
	Confirmed int64 // the log tells what came after it
}

// PrepareSlot sees to it that the tables' changes are published and that the slot is there, which is made
// anew when the server has given it up. Errors: schema and permission (what keeps real time from working,
// and how to mend it), timeout, connection.
func (s *Source) PrepareSlot(ctx context.Context, name string, tables []*models.Table) (slot Slot, err error) {
	conn, err := s.db.Conn(ctx)
	if err != nil {
		return slot, err
	}
	defer conn.Close()
	if err := logical(ctx, conn); err != nil {
		return slot, err
	}
	if err := publish(ctx, conn, tables); err != nil {
		return slot, err
	}
	slot, there, lost, err := findSlot(ctx, conn, name)
	if err != nil || there && !lost {
		return slot, err
	}
	if lost {
		if _, err := conn.Exec(ctx, "SELECT pg_drop_replication_slot($1)", name); err != nil {
			return slot, err
		}
	}
	return s.createSlot(ctx, conn, name)
}

// logical reports why the server cannot tell of changes.
func logical(ctx context.Context, conn *database.Conn) error {
	var level string
	var standby bool
	if err := conn.QueryRow(ctx, "SELECT current_setting('wal_level'), pg_is_in_recovery()", nil, &level, &standby); err != nil {
		return err
	}
	switch {
	case standby:
		return &models.Error{Class: models.Schema, LegacyMessage: "lifecycle_db is a standby, from which there is no real time", LegacyRemedy: "Name the primary in LIFECYCLE_DATABASE_URL."}
	case level != "logical":
		return &models.Error{Class: models.Schema, LegacyMessage: "lifecycle_db's server does not keep what real time needs: its wal_level is " + level,
			LegacyRemedy: "A superuser runs ALTER SYSTEM SET wal_level = logical, and the server is restarted."}
	default:
		return nil
	}
}

// published tells of each mirrored table whether all its rows and changes are published.
const published = `SELECT n.name,
	EXISTS (SELECT FROM pg_publication p JOIN pg_publication_tables t ON t.pubname = p.pubname JOIN pg_class k ON k.oid = c.oid JOIN pg_namespace ns ON ns.oid = k.relnamespace
		WHERE p.pubname = '` + Publication + `' AND t.schemaname = ns.nspname AND t.tablename = k.relname
		AND p.pubinsert AND p.pubupdate AND p.pubdelete AND p.pubtruncate
		AND to_jsonb(t) ->> 'rowfilter' IS NULL AND coalesce(to_jsonb(t) -> 'attnames' ? 'id', TRUE)),
	EXISTS (SELECT FROM pg_publication WHERE pubname = '` + Publication + `')
FROM unnest($1::text[]) WITH ORDINALITY AS n(name, position) JOIN pg_class c ON c.oid = to_regclass(quote_ident(n.name)) ORDER BY n.position`

// publication is how our publication stands, by tables that lifecycle_db has.
type publication struct {
	exists       bool
	all, missing []string
}

func readPublication(ctx context.Context, conn *database.Conn, tables []*models.Table) (p publication, err error) {
	for cells, err := range conn.Rows(ctx, published, sourceNames(tables)) {
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

// incomplete is an error when the publication is there and leaves something out.
func (p publication) incomplete() error {
	if !p.exists || p.missing == nil {
		return nil
	}
	return &models.Error{Class: models.Schema,
		LegacyMessage: "the publication " + Publication + " in lifecycle_db leaves out " + strings.Join(p.missing, ", ") + ", or some of their rows or changes",
		LegacyRemedy:  "Its owner runs DROP PUBLICATION " + Publication + "; " + p.statement() + "."}
}

// publish makes the publication, unless it is there. It never touches one that is.
func publish(ctx context.Context, conn *database.Conn, tables []*models.Table) error {
	if err := followable(ctx, conn, sourceNames(tables)); err != nil {
		return err
	}
	p, err := readPublication(ctx, conn, tables)
	switch {
	case err != nil:
		return err
	case p.missing == nil:
		return nil
	case p.exists:
		return p.incomplete()
	}
	_, err = conn.Exec(ctx, p.statement())
	if e := models.AsError(err); err != nil && e.Class == models.Permission {
		return &models.Error{Class: models.Permission, LegacyMessage: "the role of LIFECYCLE_DATABASE_URL may not publish the tables, which real time needs", Cause: err,
			LegacyRemedy: "The tables' owner runs " + p.statement() + ", once."}
	}
	return err
}

// followable reports the first table that real time cannot follow.
func followable(ctx context.Context, conn *database.Conn, names []string) error {
	infos, err := conn.Inspect(ctx, names)
	if err != nil {
		return err
	}
	access, err := readAccess(ctx, conn, names)
	if err != nil {
		return err
	}
	for _, name := range names {
		if !infos[name].Exists {
			continue
		}
		if problem := access[name].Unfollowable(name, infos[name]); problem != nil {
			return &models.Error{Class: models.Schema, Text: problem.Text, Remedy: problem.Remedy}
		}
	}
	return nil
}

func findSlot(ctx context.Context, conn *database.Conn, name string) (slot Slot, there, lost bool, err error) {
	slot.Name = name
	for cells, err := range conn.Rows(ctx, `SELECT coalesce(confirmed_flush_lsn - '0/0', 0)::bigint, coalesce(wal_status = 'lost', FALSE),
		database = current_database() AND plugin = 'pgoutput' FROM pg_replication_slots WHERE slot_name = $1`, name) {
		if err != nil {
			return slot, false, false, err
		}
		if _, err := fmt.Sscan(string(cells[0]), &slot.Confirmed); err != nil {
			return slot, false, false, err
		}
		if string(cells[2]) != "t" {
			return slot, true, false, &models.Error{Class: models.Schema, LegacyMessage: "the replication slot " + name + " in lifecycle_db's server is somebody else's",
				LegacyRemedy: "See in pg_replication_slots what uses it; if nothing does: SELECT pg_drop_replication_slot('" + name + "')."}
		}
		there, lost = true, string(cells[1]) == "t"
	}
	return slot, there, lost, nil
}

func (s *Source) createSlot(ctx context.Context, conn *database.Conn, name string) (Slot, error) {
	slot := Slot{Name: name, Created: true}
	creating, cancel := context.WithTimeout(ctx, slotTime)
	defer cancel()
	err := conn.QueryRow(creating, "SELECT (lsn - '0/0')::bigint FROM pg_create_logical_replication_slot($1, 'pgoutput')", []any{name}, &slot.Confirmed)
	pg, refused := errors.AsType[*pgconn.PgError](err)
	switch {
	case err == nil:
		return slot, nil
	case ctx.Err() == nil && creating.Err() != nil:
		return slot, &models.Error{Class: models.Timeout, Cause: err,
			LegacyMessage: "the replication slot could not be made within " + slotTime.String() + ": a transaction in lifecycle_db's server is open for longer",
			LegacyRemedy:  "See pg_stat_activity (xact_start); real time begins once it has ended."}
	case refused && pg.Code == "42501":
		return slot, &models.Error{Class: models.Permission, LegacyMessage: "the role of LIFECYCLE_DATABASE_URL may not replicate, which real time needs", Cause: err,
			LegacyRemedy: "A superuser runs ALTER ROLE … REPLICATION in lifecycle_db's server."}
	case refused && pg.Code == "53400":
		return slot, &models.Error{Class: models.Schema, LegacyMessage: "lifecycle_db's server has no replication slot left", Cause: err,
			LegacyRemedy: "Drop slots that nobody uses (pg_replication_slots), or raise max_replication_slots."}
	default:
		return slot, err
	}
}
