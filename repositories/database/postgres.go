package database

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"gorm.io/gorm"

	"lifecycle-sync/models"
)

// begin configures the transaction. row_security=off turns rows hidden by a policy into an error. If the server refuses an
// optional setting, the transaction begins again without it, and the pool remembers. (Asking for version() first would take
// the snapshot before SET TRANSACTION SNAPSHOT.)
func (postgresDialect) begin(ctx context.Context, c *Conn, mode TxMode) error {
	begin := "BEGIN ISOLATION LEVEL READ COMMITTED"
	if mode == ReadOnly {
		begin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
	}
	return c.raw.Raw(func(driverConn any) error {
		conn := pgxConn(driverConn)
		if _, pooled := driverConn.(*pooledConn); pooled {
			begin += "; " + pooledSettings(conn)
		}
		if mode == ReadOnly {
			begin += "; SET LOCAL plan_cache_mode = force_custom_plan" // a generic plan would suit no search or page
		}
		if mode == ReadOnly && c.db.wait > 0 { // a locked table would otherwise keep the connections of the pool from other requests
			begin += fmt.Sprintf("; SET LOCAL lock_timeout = %d", readLockTimeout.Milliseconds())
		}
		begin += `;
			SET LOCAL jit = off; SET LOCAL work_mem = '64MB'; SET LOCAL maintenance_work_mem = '256MB';
			SET LOCAL row_security = off; SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0`
		if hasTransactionTimeout(conn) {
			begin += "; SET LOCAL " + transactionTimeout + " = 0"
		}
		for {
			_, err := conn.PgConn().Exec(ctx, begin+c.db.settings(mode)).ReadAll()
			if !c.db.isRefusal(err) {
				return err
			}
			if _, err := conn.PgConn().Exec(ctx, "ROLLBACK").ReadAll(); err != nil {
				return err
			}
		}
	})
}

// pgx calls fn with the underlying connection.
func (c *Conn) pgx(fn func(*pgx.Conn) error) error {
	return c.raw.Raw(func(driverConn any) error { return fn(pgxConn(driverConn)) })
}

// pgxConn returns the connection of a connection of the pool.
func pgxConn(driverConn any) *pgx.Conn {
	if pooled, ok := driverConn.(*pooledConn); ok {
		return pooled.Conn.Conn()
	}
	return driverConn.(*stdlib.Conn).Conn() //nolint:forcetypeassert // the connector makes no other
}

// streamRows reads in text format, without a prepared statement: one round trip, and it works through a pooler.
func (postgresDialect) streamRows(ctx context.Context, c *Conn, query string, args []any, yield func([][]byte) bool) error {
	stream := func(conn *pgx.Conn) error {
		options := []any{pgx.QueryExecModeExec, pgx.QueryResultFormats{pgx.TextFormatCode}}
		rows, err := conn.Query(ctx, query, append(options, args...)...)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			if !yield(rows.RawValues()) {
				return nil
			}
		}
		return rows.Err()
	}
	return c.raw.Raw(func(driverConn any) error {
		pooled, ok := driverConn.(*pooledConn)
		if !ok {
			return stream(pgxConn(driverConn))
		}
		end, err := pooled.begin(ctx)
		if err != nil {
			return err
		}
		return end(stream(pooled.Conn.Conn()))
	})
}

// CopyOut writes a query's rows to w in PostgreSQL's binary COPY format.
func (c *Conn) CopyOut(ctx context.Context, w io.Writer, query string) error {
	return c.db.Translate(c.pgx(func(conn *pgx.Conn) error {
		_, err := conn.PgConn().CopyTo(ctx, w, "COPY ("+query+") TO STDOUT (FORMAT binary)")
		return err
	}))
}

// CopyIn copies COPY data from r into target, "table (columns)", in format "binary" or "text", and returns the number of
// rows.
func (c *Conn) CopyIn(ctx context.Context, r io.Reader, target, format string) (int64, error) {
	var n int64
	err := c.pgx(func(conn *pgx.Conn) error {
		tag, err := conn.PgConn().CopyFrom(ctx, r, fmt.Sprintf("COPY %s FROM STDIN (FORMAT %s)", target, format))
		n = tag.RowsAffected()
		return err
	})
	return n, c.db.Translate(err)
}

// AppendCopyText appends a line of COPY's text format.
func AppendCopyText(line []byte, cells ...[]byte) []byte {
	for i, cell := range cells {
		if i > 0 {
			line = append(line, '\t')
		}
		if cell == nil {
			line = append(line, `\N`...)
		}
		for _, b := range cell {
			switch b {
			case '\\':
				line = append(line, `\\`...)
			case '\t':
				line = append(line, `\t`...)
			case '\n':
				line = append(line, `\n`...)
			case '\r':
				line = append(line, `\r`...)
			default:
				line = append(line, b)
			}
		}
	}
	return append(line, '\n')
}

type postgresDialect struct{}

func (postgresDialect) Kind() Kind { return Postgres }

func (postgresDialect) Features() Features {
	return Features{
		Server: true, AdvisoryLocks: true, Notifications: true, Replication: true, RowHashes: true, RowVersions: true, OverrideIdentity: " OVERRIDING SYSTEM VALUE", Copy: true,
		TypedColumns: true, PlannerSettings: true, ConstraintDDL: true,
		DocumentType:     "json", // jsonb would not keep documents as written
		MigrationDialect: goose.DialectPostgres, ShareLock: " FOR SHARE", UpdateLock: " FOR UPDATE",
	}
}

// Cell is the column itself: its output function's text, in UTC and ISO form, is canonical.
func (postgresDialect) Cell(expr string, _ models.Column) string { return expr }

// Fits is true for the timestamps and dates that RFC 3339 can express. Text that is not valid in
// UTF-8 depends on the database's Encoding.
func (postgresDialect) Fits(expr string, c models.Column) string {
	switch c.Kind {
	case models.KindTimestamp:
		return expr + ` BETWEEN '0001-01-01 00:00:00+00' AND '9999-12-31 23:59:59.999999+00'`
	case models.KindDate:
		return expr + ` BETWEEN '0001-01-01' AND '9999-12-31'`
	default:
		return ""
	}
}

// Sortable is the column itself, so that its index can be used.
func (postgresDialect) Sortable(expr string, _ models.Column) string { return expr }

// InRanges passes many ranges as two arrays.
func (postgresDialect) InRanges(ranges []Range, id string, query func(condition string) string) (string, []any) {
	if len(ranges) == 1 {
		return query(ranges[0].condition(id)), nil
	}
	lo, hi := make([]int32, len(ranges)), make([]int32, len(ranges))
	for i, r := range ranges {
		lo[i], hi[i] = int32(r.Lo), int32(r.Hi)
	}
	return "SELECT x.* FROM unnest($1::int[], $2::int[]) WITH ORDINALITY AS g(lo, hi, n) CROSS JOIN LATERAL (" +
		query(id+" BETWEEN g.lo AND g.hi") + ") x", []any{lo, hi}
}

func (postgresDialect) Typed(c models.Column) string { return "CAST(? AS " + c.Type + ")" }

// KeyLock takes a lock that changes of other columns than the key do not wait for.
func (postgresDialect) KeyLock(alias string) string { return " FOR KEY SHARE OF " + alias }

func (postgresDialect) AnyOf(column string, ids []int64) (string, []any) {
	return column + " = ANY($1::bigint[])", []any{ids}
}

func (postgresDialect) HistogramBucket(value string, bounds []string, columnType string) string {
	return fmt.Sprintf("width_bucket(%s, ARRAY['%s']::%s[])", value, strings.Join(bounds, "','"), columnType)
}

func (postgresDialect) Unflattened(query *gorm.DB) *gorm.DB { return query }

func (postgresDialect) TableExists(table string) string {
	return "SELECT to_regclass('" + table + "') IS NOT NULL"
}

func (postgresDialect) ColumnExists(table, column string) string {
	return "SELECT EXISTS (SELECT FROM pg_attribute WHERE attrelid = to_regclass('" + table + "') AND attname = '" + column + "' AND NOT attisdropped)"
}

func (postgresDialect) HasKey(object string) string {
	return "(" + object + " -> CAST(? AS text)) IS NOT NULL"
}

// Clock is the time at which the transaction began.
func (postgresDialect) Clock(seconds int) string {
	return fmt.Sprintf("(now() + interval '%d seconds')", seconds)
}

// DateLiteral is typed, so that dates can be subtracted.
func (postgresDialect) DateLiteral(d models.Date) string { return "DATE '" + d.String() + "'" }

func (postgresDialect) DaysBetween(from, to string) string { return to + " - " + from }

func (postgresDialect) EpochSecond(expr string) string {
	return "floor(date_part('epoch', " + expr + "))::bigint"
}

// SecondsSince uses the present time, not that of the beginning of the transaction.
func (postgresDialect) SecondsSince(expr string) string {
	return "EXTRACT(EPOCH FROM clock_timestamp() - " + expr + ")::double precision"
}

func (postgresDialect) deleteEffects(table string) (string, any) { return deleteEffectsPostgres, table }

func (postgresDialect) inspect(names []string) (string, any) { return inspectPostgres, names }

// Hashing configures how the rows of a server are hashed.
type Hashing struct {
	Portable bool // by md5 of text: for two servers whose internal hash functions differ
	Encoding Encoding
}

// hashProbe is hashed by both servers. If the hashes are equal, the servers' own functions are used. It is ASCII, which every
// encoding has.
const hashProbe = `SELECT hash_record_extended(ROW(1, 'text'::text COLLATE "C", '\x00ff'::bytea, '2024-02-29'::date, NULL::text), 0)::text`

// ProbeHash returns the hash of a fixed row by the server's own function, and the server's encoding. PostgreSQL only.
func (c *Conn) ProbeHash(ctx context.Context) (probe, encoding string, err error) {
	err = c.QueryRow(ctx, "SELECT ("+hashProbe+"), current_setting('server_encoding')", nil, &probe, &encoding)
	return probe, encoding, err
}

// Hash uses hash_record_extended, which is about three times as fast as md5 of text. bigint and timestamptz are hashed as
// bytes and jsonb as text, because their own hash functions confuse values (1 and 4294967296; 1 and 1.00). COLLATE "C"
// makes a case-insensitive collation irrelevant.
func (postgresDialect) Hash(alias string, t *models.Table, h Hashing) string {
	values := make([]string, len(t.Columns))
	for i, c := range t.Columns {
		value := alias + "." + c.Name
		isText := c.Kind == models.KindText || c.Kind == models.KindJSON
		if c.Kind == models.KindJSON || h.Portable && !isText {
			value += "::text"
		}
		switch {
		case h.Portable && isText:
			value = "encode(" + h.Encoding.utf8(value) + ", 'hex')"
		case h.Portable:
		case isText && h.Encoding.converts():
			value = h.Encoding.utf8(value)
		case isText:
			value = alias + "." + c.Name + `::text COLLATE "C"`
		case c.Type == "bigint":
			value = "int8send(" + value + ")"
		case c.Kind == models.KindTimestamp:
			value = "timestamptz_send(" + value + ")"
		}
		values[i] = value
	}
	if !h.Portable {
		return "hash_record_extended(ROW(" + strings.Join(values, ", ") + "), 0)"
	}
	// Hexadecimal text contains no separator, so no two rows give the same text.
	for i, value := range values {
		values[i] = "coalesce(" + value + ", '~')"
	}
	return "('x' || left(md5(concat_ws('|', " + strings.Join(values, ", ") + ")), 16))::bit(64)::bigint"
}

// HashID is a hash of an id, equal on all servers whose probes are equal.
func HashID(expr string) string { return "hashint8extended(" + expr + ", 0)" }
