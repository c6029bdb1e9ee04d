package lifecycle

import (
	"context"
	"encoding/json"
	"fmt"

	"lifecycle-sync/models"
)

// Identity tells whether a horizon taken earlier still means something: which server and database it
// was taken from, since when that server runs, and what the tables were. A transaction id of another
// cluster, timeline or table says nothing about this one's rows; and a restarted server may
// have been restored from a copy in between, with ids given twice.
type Identity struct {
	System   string            `json:"system"` // pg_control_system().system_identifier
	Timeline int64             `json:"timeline"`
	Database int64             `json:"database"` // OID
	Standby  bool              `json:"standby"`
	Started  string            `json:"started"` // when the server was started
	Tables   map[string]string `json:"tables"`  // OID, file, replica identity, whether it is a partition, and columns by name; "" for what is no ordinary table
	// Publication describes the publication with its options, tables, row filters, column lists and schemas (which PostgreSQL
	// 14 lacks, but pg_depend lists in every version), and their last changes; "" if there is none. Real-time sync misses the
	// changes of tables that it once lacked, even if it was corrected since.
	Publication string `json:"publication"`
}

// timeline is the present one on a primary, and on a standby that of its last restart point.
const identify = `SELECT json_build_object(
	'system', (SELECT system_identifier::text FROM pg_control_system()),
	'timeline', CASE WHEN pg_is_in_recovery() THEN (SELECT timeline_id FROM pg_control_checkpoint())
		ELSE ('x' || left(pg_walfile_name(pg_current_wal_insert_lsn()), 8))::bit(32)::integer END,
	'database', (SELECT oid::bigint FROM pg_database WHERE datname = current_database()),
	'standby', pg_is_in_recovery(),
	'started', pg_postmaster_start_time()::text,
	'publication', coalesce((SELECT md5(concat(p.xmin, p,
		(SELECT string_agg(concat(r.xmin, r), ',' ORDER BY r.oid) FROM pg_publication_rel r WHERE r.prpubid = p.oid),
		(SELECT string_agg(concat(d.xmin, d), ',' ORDER BY d.classid, d.objid) FROM pg_depend d WHERE d.refclassid = 'pg_publication'::regclass AND d.refobjid = p.oid)))
		FROM pg_publication p WHERE p.pubname = '` + Publication + `'), ''),
	'tables', (SELECT coalesce(json_object_agg(n.name, CASE WHEN c.relkind = 'r' AND NOT c.relhassubclass THEN concat_ws(' ',
			c.oid, c.relfilenode, c.relpersistence, c.relreplident, c.relispartition,
			(SELECT string_agg(key, ',' ORDER BY key) FROM (SELECT concat(i.indkey, i.indisprimary, i.indisreplident, i.indimmediate) AS key
				FROM pg_index i WHERE i.indrelid = c.oid AND i.indisunique) keys))
			|| ' ' || md5((
			SELECT string_agg(concat_ws(' ', a.attnum, a.attname, format_type(a.atttypid, a.atttypmod), a.attmissingval), ',' ORDER BY a.attnum)
			FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped)) ELSE '' END), '{}')
		FROM unnest($1::text[]) AS n(name) JOIN pg_class c ON c.oid = to_regclass(quote_ident(n.name))))`

// Identify reads what the snapshot's horizon belongs to. PostgreSQL only. Errors: connection, permission.
func (s *Snapshot) Identify(ctx context.Context) (id Identity, err error) {
	var text []byte
	if err := s.conn.QueryRow(ctx, identify, []any{sourceNames(s.Tables)}, &text); err != nil {
		return id, err
	}
	if err := json.Unmarshal(text, &id); err != nil {
		return id, fmt.Errorf("the identity of lifecycle_db: %w", err)
	}
	return id, nil
}

// Identify reads what lifecycle_db is now. PostgreSQL only. Errors: those of Snapshot.
func (s *Source) Identify(ctx context.Context, tables []*models.Table) (Identity, error) {
	snap, err := s.Snapshot(ctx, tables)
	if err != nil {
		return Identity{}, err
	}
	defer snap.Close()
	return snap.Identify(ctx)
}
