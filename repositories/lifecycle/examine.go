package lifecycle

import (
	"context"
	"fmt"
	"iter"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/database"
)

// SlotPrefix begins the names of our replication slots.
const SlotPrefix = "lifecycle_sync_"

// Inspector examines the server and the tables.
func (s *Source) Inspector() *database.Inspector { return s.db.Inspector() }

// Access holds our role's privileges on a table beyond reading it, and how logical replication identifies its rows.
type Access struct {
	Insert, Update, Delete, Truncate bool
	Owned                            bool
	Hidden                           bool // a policy may hide rows from the role

	Identity     string // relreplident: d(efault), n(othing), f(ull), i(ndex)
	IdentityOnID bool   // the WAL has the id of updated and deleted rows
	Identified   bool   // rows can be updated and deleted while the table is published
	PrimaryOnID  bool
	Published    bool // updates or deletes are published, so that rows must be identified
	Restricted   bool // our publication has a row filter, or a column list that may lack what identifies the rows
}

// accessQuery reads the catalogue, which GORM does not model.
const accessQuery = `SELECT n.name, has_table_privilege(c.oid, 'INSERT'), has_table_privilege(c.oid, 'UPDATE'), has_table_privilege(c.oid, 'DELETE'),
	has_table_privilege(c.oid, 'TRUNCATE'), pg_has_role(c.relowner, 'USAGE'), row_security_active(c.oid), c.relreplident,
	c.relreplident = 'f' OR coalesce(bool_or(identifies AND on_id), false), c.relreplident = 'f' OR coalesce(bool_or(identifies), false),
	coalesce(bool_or(indisprimary AND on_id), false),
	EXISTS (SELECT FROM pg_publication p JOIN pg_publication_tables t ON t.pubname = p.pubname JOIN pg_namespace ns ON ns.nspname = t.schemaname
		WHERE p.pubname = '` + Publication + `' AND (p.pubupdate OR p.pubdelete) AND ns.oid = c.relnamespace AND t.tablename = c.relname),
	EXISTS (SELECT FROM pg_publication p JOIN pg_publication_rel r ON r.prpubid = p.oid WHERE p.pubname = '` + Publication + `' AND r.prrelid = c.oid
		AND (jsonb_typeof(to_jsonb(r) -> 'prqual') <> 'null' OR jsonb_typeof(to_jsonb(r) -> 'prattrs') <> 'null' AND (c.relreplident = 'f'
		OR NOT to_jsonb(r) -> 'prattrs' @> (SELECT to_jsonb(a.attnum) FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'id'))))
FROM unnest($1::text[]) AS n(name)
JOIN pg_class c ON c.oid = to_regclass(quote_ident(n.name))
LEFT JOIN LATERAL (SELECT i.indisprimary, c.relreplident = 'd' AND i.indisprimary OR c.relreplident = 'i' AND i.indisreplident AS identifies,
	i.indnkeyatts = 1 AND EXISTS (SELECT FROM pg_attribute k WHERE k.attrelid = c.oid AND k.attnum = i.indkey[0] AND k.attname = 'id') AS on_id
	FROM pg_index i WHERE i.indrelid = c.oid AND i.indisvalid AND i.indimmediate) i ON true
GROUP BY n.name, c.oid, c.relowner, c.relreplident, c.relname, c.relnamespace`

// ReplicationProblem returns why real-time sync cannot follow a table with the given catalogue entry, nil if it can. If
// nothing identifies the rows, lifecycle_db itself would refuse changes to the published table.
func (a Access) ReplicationProblem(table string, info database.TableInfo) *models.Problem {
	values := models.Params{"table": table}
	statement := "ALTER TABLE " + table + " REPLICA IDENTITY FULL"
	switch {
	case !info.Ordinary:
		return &models.Problem{Text: models.NewText("realtime.not_a_table", values), Remedy: models.NewRemedy("realtime.not_a_table_remedy", nil)}
	case info.HasChildren:
		return &models.Problem{Text: models.NewText("realtime.has_children", values), Remedy: models.NewRemedy("realtime.not_a_table_remedy", nil)}
	case info.Unlogged:
		return &models.Problem{Text: models.NewText("realtime.unlogged", values), Remedy: models.NewSQL("lifecycle_db", "ALTER TABLE "+table+" SET LOGGED")}
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

// Harmful reports whether lifecycle_db may refuse updates and deletes because our publication includes the table.
func (a Access) Harmful() bool { return a.Published && (!a.Identified || a.Restricted) }

// Access returns the access to each of the named tables that exist. PostgreSQL only. Errors: connection.
func (s *Source) Access(ctx context.Context, names []string) (map[string]Access, error) {
	return accessOf(s.db.Query(ctx, accessQuery, names))
}

func accessOf(rows iter.Seq2[[][]byte, error]) (map[string]Access, error) {
	access := map[string]Access{}
	for cells, err := range rows {
		if err != nil {
			return nil, err
		}
		is := func(i int) bool { return string(cells[i]) == "t" }
		access[string(cells[0])] = Access{Insert: is(1), Update: is(2), Delete: is(3), Truncate: is(4), Owned: is(5), Hidden: is(6),
			Identity: string(cells[7]), IdentityOnID: is(8), Identified: is(9), PrimaryOnID: is(10), Published: is(11), Restricted: is(12)}
	}
	return access, nil
}

// CountDuplicateIDs counts the rows of a table whose id is NULL or repeated. Errors: as Count.
func (s *Source) CountDuplicateIDs(ctx context.Context, t *models.Table) (int64, error) {
	return s.number(ctx, countDuplicateIDs(t))
}

func countDuplicateIDs(t *models.Table) string {
	return "SELECT count(*) - count(DISTINCT id) FROM " + t.Source
}

// DuplicateIDs is the problem that rows of a table have no id of their own. It blocks runs.
func DuplicateIDs(t *models.Table, rows int64) models.Problem {
	return models.Problem{Text: models.NewText("schema.ids_not_unique", models.Params{"table": t.Source, "rows": rows}), Remedy: models.NewRemedy("schema.ids_not_unique_remedy", nil)}
}

// ListNulls is the SELECT that lists the rows whose column is NULL.
func ListNulls(t *models.Table, column string) string {
	return fmt.Sprintf("SELECT id FROM %s WHERE %s IS NULL", t.Source, column)
}

// ListDangling is the SELECT that lists the rows whose column refers to a missing row.
func ListDangling(t *models.Table, c models.Column) string {
	return fmt.Sprintf("SELECT id, %[2]s FROM %[1]s s WHERE %[2]s IS NOT NULL AND NOT EXISTS (SELECT 1 FROM %[3]s p WHERE p.id = s.%[2]s)", t.Source, c.Name, c.References)
}

// Count counts the rows that a SELECT lists. Errors: connection, timeout, permission if a policy hides rows.
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

// Replication is the server's capacity for logical replication.
type Replication struct {
	WALLevel            string
	Slots, MaxSlots     int
	Senders, MaxSenders int
	Prepared            bool // a prepared transaction has been open for more than a minute
}

// Replication reads the server's capacity. PostgreSQL only. Errors: connection.
func (s *Source) Replication(ctx context.Context) (r Replication, err error) {
	err = s.db.QueryRow(ctx, `SELECT current_setting('wal_level'), (SELECT count(*) FROM pg_replication_slots), current_setting('max_replication_slots')::integer,
		(SELECT count(*) FROM pg_stat_replication), current_setting('max_wal_senders')::integer,
		EXISTS (SELECT FROM pg_prepared_xacts WHERE prepared < now() - interval '1 minute')`, nil,
		&r.WALLevel, &r.Slots, &r.MaxSlots, &r.Senders, &r.MaxSenders, &r.Prepared)
	return r, err
}

// SlotStatus is the state of one of our replication slots.
type SlotStatus struct {
	Name      string `gorm:"column:slot_name"`
	Active    bool
	WALStatus string `gorm:"column:wal_status"` // reserved, extended, unreserved, lost
	Retained  int64  // bytes of WAL that the server keeps for it
	Creating  bool   // its creation waits for open transactions
}

// Slots lists the replication slots of any pmo_db in this database. PostgreSQL only. Errors: connection.
func (s *Source) Slots(ctx context.Context) (slots []SlotStatus, err error) {
	err = s.db.WithContext(ctx).Raw(`SELECT slot_name, active, coalesce(wal_status, '') AS wal_status,
		coalesce(pg_wal_lsn_diff(CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END, restart_lsn), 0)::bigint AS retained,
		confirmed_flush_lsn IS NULL AS creating
		FROM pg_replication_slots WHERE database = current_database() AND starts_with(slot_name, ?) ORDER BY slot_name`, SlotPrefix).Scan(&slots).Error
	return slots, s.db.Translate(err)
}

// PublicationStatus tells whether the changes of the mirrored tables are published.
type PublicationStatus struct {
	Complete  bool
	MayCreate bool   // the role has the privilege CREATE in the database; it must also own the tables
	Statement string // publishes them
}

// PublicationStatus reads the state of the publication. PostgreSQL only. Errors: schema if a publication leaves
// something out; connection.
func (s *Source) PublicationStatus(ctx context.Context, tables []*models.Table) (status PublicationStatus, err error) {
	p, err := newPublication(s.db.Query(ctx, published, sourceNames(tables)))
	if err == nil {
		err = p.incomplete()
	}
	if err != nil {
		return status, err
	}
	status.Complete, status.Statement = p.missing == nil, p.statement()
	err = s.db.QueryRow(ctx, "SELECT has_database_privilege(current_database(), 'CREATE')", nil, &status.MayCreate)
	return status, err
}
