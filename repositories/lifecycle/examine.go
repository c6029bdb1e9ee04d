package lifecycle

import (
	"context"
	"fmt"
	"strconv"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/database"
)

// SlotPrefix begins the names of our replication slots.
const SlotPrefix = "lifecycle_sync_"

// Examiner looks at the server and the tables.
func (s *Source) Inspector() *database.Inspector { return s.db.Inspector() }

// Access is what our role may do to a table beyond reading it, and what a follower of the server's log
// would be told of its rows.
type Access struct {
	Insert, Update, Delete, Truncate bool
	Owned                            bool
	Hidden                           bool // a policy may hide rows from the role

	Identity     string // relreplident: d(efault), n(othing), f(ull), i(ndex)
	IdentityOnID bool   // changes and deletes tell the row's id
	Identified   bool   // the server lets rows of a published table be changed and deleted
	PrimaryOnID  bool
}

const accessQuery = `SELECT n.name, has_table_privilege(c.oid, 'INSERT'), has_table_privilege(c.oid, 'UPDATE'), has_table_privilege(c.oid, 'DELETE'),
	has_table_privilege(c.oid, 'TRUNCATE'), pg_has_role(c.relowner, 'USAGE'), row_security_active(c.oid), c.relreplident,
	c.relreplident = 'f' OR coalesce(bool_or(identifies AND on_id), false), c.relreplident = 'f' OR coalesce(bool_or(identifies), false),
	coalesce(bool_or(indisprimary AND on_id), false)
FROM unnest($1::text[]) AS n(name)
JOIN pg_class c ON c.oid = to_regclass(quote_ident(n.name))
LEFT JOIN LATERAL (SELECT i.indisprimary, c.relreplident = 'd' AND i.indisprimary OR c.relreplident = 'i' AND i.indisreplident AS identifies,
	i.indnkeyatts = 1 AND EXISTS (SELECT FROM pg_attribute k WHERE k.attrelid = c.oid AND k.attnum = i.indkey[0] AND k.attname = 'id') AS on_id
	FROM pg_index i WHERE i.indrelid = c.oid AND i.indisvalid) i ON true
GROUP BY n.name, c.oid, c.relowner, c.relreplident`

// Unfollowable returns why real-time sync cannot follow a table with the given catalogue entry, nil if it can. If
// nothing identifies the rows, lifecycle_db itself would refuse changes to the published table.
func (a Access) Unfollowable(table string, info database.TableInfo) *models.Problem {
	values := models.Params{"table": table}
	statement := "ALTER TABLE " + table + " REPLICA IDENTITY FULL"
	switch {
	case !info.Ordinary:
		return &models.Problem{Text: models.NewText("realtime.not_a_table", values), Remedy: models.NewRemedy("realtime.not_a_table_remedy", nil)}
	case a.IdentityOnID:
		return nil
	case a.PrimaryOnID:
		statement = "ALTER TABLE " + table + " REPLICA IDENTITY DEFAULT"
	case !info.KeyOnID && a.Identity == "d" && !a.Identified:
		statement = "ALTER TABLE " + table + " ADD PRIMARY KEY (id)"
	}
	text := models.NewText("realtime.identity_without_id", values)
	if !a.Identified {
		text = models.NewText("realtime.no_identity", values)
	}
	return &models.Problem{Text: text, Remedy: models.NewSQL("lifecycle_db", statement)}
}

// Access reads it of the named tables that are there. PostgreSQL only. Errors: connection.
func (s *Source) Access(ctx context.Context, names []string) (map[string]Access, error) {
	conn, err := s.db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	return readAccess(ctx, conn, names)
}

func readAccess(ctx context.Context, conn *database.Conn, names []string) (map[string]Access, error) {
	all := map[string]Access{}
	for cells, err := range conn.Rows(ctx, accessQuery, names) {
		if err != nil {
			return nil, err
		}
		yes := func(i int) bool { return string(cells[i]) == "t" }
		all[string(cells[0])] = Access{Insert: yes(1), Update: yes(2), Delete: yes(3), Truncate: yes(4), Owned: yes(5), Hidden: yes(6),
			Identity: string(cells[7]), IdentityOnID: yes(8), Identified: yes(9), PrimaryOnID: yes(10)}
	}
	return all, nil
}

// SpareIDs counts the rows of a view or foreign table that have no id, or one that another row has.
func (s *Source) SpareIDs(ctx context.Context, t *models.Table) (int64, error) {
	return s.number(ctx, spareIDs(t))
}

func spareIDs(t *models.Table) string { return "SELECT count(*) - count(DISTINCT id) FROM " + t.Source }

// DuplicateIDs is the problem of a view or foreign table in which some rows have no id of their own. It blocks runs.
func DuplicateIDs(t *models.Table, rows int64) models.Problem {
	return models.Problem{Text: models.NewText("schema.ids_not_unique", models.Params{"table": t.Source, "rows": rows}), Remedy: models.NewRemedy("schema.ids_not_unique_remedy", nil)}
}

// ListNulls is the SELECT that lists the rows in which a column is NULL.
func ListNulls(t *models.Table, c string) string {
	return fmt.Sprintf("SELECT id FROM %s WHERE %s IS NULL", t.Source, c)
}

// ListDangling is the SELECT that lists the rows whose column refers to a row that is not there.
func ListDangling(t *models.Table, c models.Column) string {
	return fmt.Sprintf("SELECT id, %[2]s FROM %[1]s s WHERE %[2]s IS NOT NULL AND NOT EXISTS (SELECT 1 FROM %[3]s p WHERE p.id = s.%[2]s)", t.Source, c.Name, c.References)
}

// Count is how many rows a SELECT of this package lists. Errors: connection, timeout, permission when a
// policy hides rows.
func (s *Source) Count(ctx context.Context, list string) (int64, error) {
	return s.number(ctx, "SELECT count(*) FROM ("+list+") listed")
}

func (s *Source) number(ctx context.Context, query string) (n int64, err error) {
	conn, err := s.db.BeginConn(ctx, database.ReadOnly)
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	err = conn.QueryRow(ctx, query, nil, &n)
	return n, err
}

// Replication is what the server has for those who follow its log.
type Replication struct {
	WALLevel            string
	Slots, MaxSlots     int
	Senders, MaxSenders int
}

// Replication asks. PostgreSQL only. Errors: connection.
func (s *Source) Replication(ctx context.Context) (r Replication, err error) {
	conn, err := s.db.Conn(ctx)
	if err != nil {
		return r, err
	}
	defer conn.Close()
	err = conn.QueryRow(ctx, `SELECT current_setting('wal_level'), (SELECT count(*) FROM pg_replication_slots), current_setting('max_replication_slots')::integer,
		(SELECT count(*) FROM pg_stat_replication), current_setting('max_wal_senders')::integer`, nil,
		&r.WALLevel, &r.Slots, &r.MaxSlots, &r.Senders, &r.MaxSenders)
	return r, err
}

// KeptSlot is a replication slot of ours, and what it costs the server.
type KeptSlot struct {
	Name      string
	Active    bool   // somebody follows
	WALStatus string // reserved, extended, unreserved, lost
	Retained  int64  // bytes of the server's log that are kept for it
}

// Slots lists the slots in this database that are of a pmo_db, ours or another one. PostgreSQL only. Errors: connection.
func (s *Source) Slots(ctx context.Context) ([]KeptSlot, error) {
	conn, err := s.db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	var slots []KeptSlot
	for cells, err := range conn.Rows(ctx, `SELECT slot_name, active, wal_status,
		pg_wal_lsn_diff(CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END, restart_lsn)::bigint
		FROM pg_replication_slots WHERE database = current_database() AND starts_with(slot_name, $1) ORDER BY slot_name`, SlotPrefix) {
		if err != nil {
			return nil, err
		}
		slot := KeptSlot{Name: string(cells[0]), Active: string(cells[1]) == "t", WALStatus: string(cells[2])}
		slot.Retained, _ = strconv.ParseInt(string(cells[3]), 10, 64) // NULL where nothing is kept
		slots = append(slots, slot)
	}
	return slots, nil
}

// Publishing is whether the changes of the mirrored tables are published.
type Publishing struct {
	Done      bool
	MayCreate bool   // the role has the right to CREATE in the database; it must own the tables as well
	Statement string // that publishes them
}

// Publishing asks. PostgreSQL only. Errors: schema when a publication leaves something out; connection.
func (s *Source) Publishing(ctx context.Context, tables []*models.Table) (p Publishing, err error) {
	conn, err := s.db.Conn(ctx)
	if err != nil {
		return p, err
	}
	defer conn.Close()
	found, err := readPublication(ctx, conn, tables)
	if err == nil {
		err = found.incomplete()
	}
	if err != nil {
		return p, err
	}
	p.Done, p.Statement = found.missing == nil, found.statement()
	err = conn.QueryRow(ctx, "SELECT has_database_privilege(current_database(), 'CREATE')", nil, &p.MayCreate)
	return p, err
}
