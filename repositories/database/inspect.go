package database

import (
	"context"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"lifecycle-sync/models"
)

// TableInfo is what a database's catalogue says of a table.
type TableInfo struct {
	Exists   bool
	Ordinary bool   // a plain table, not a view, foreign or partitioned table
	Readable bool   // SELECT is granted
	Writable bool   // INSERT, UPDATE and DELETE are granted
	KeyOnID  bool   // a unique index on id alone
	Keyless  bool   // it is of a kind that cannot have a key: a view or a foreign table
	Owned    bool   // the role may alter it
	Altered  bool   // it has triggers or rules of somebody's own
	Role     string // our role, as written in SQL
	Bytes    int64
	Rows     int64 // about, as of the last ANALYZE; 0 when unknown
	Columns  map[string]ColumnInfo
}

// ColumnInfo is what the catalogue says of a column.
type ColumnInfo struct {
	Type     string
	NotNull  bool
	Default  bool // it has a default, an identity or is generated
	Identity bool // GENERATED ALWAYS AS IDENTITY
}

const inspectPostgres = `
SELECT n.name, c.oid IS NOT NULL, coalesce(c.relkind = 'r', false), coalesce(has_table_privilege(c.oid, 'SELECT'), false),
	coalesce(has_table_privilege(c.oid, 'INSERT') AND has_table_privilege(c.oid, 'UPDATE') AND has_table_privilege(c.oid, 'DELETE'), false),
	EXISTS (SELECT FROM pg_index i JOIN pg_attribute k ON k.attrelid = i.indrelid AND k.attnum = i.indkey[0]
		WHERE i.indrelid = c.oid AND i.indisunique AND i.indisvalid AND i.indpred IS NULL AND i.indnkeyatts = 1 AND k.attname = 'id'),
	coalesce(c.relkind NOT IN ('r', 'p'), false), coalesce(pg_has_role(c.relowner, 'USAGE'), false),
	EXISTS (SELECT FROM pg_trigger g WHERE g.tgrelid = c.oid AND NOT g.tgisinternal)
		OR c.relkind IN ('r', 'p') AND EXISTS (SELECT FROM pg_rewrite w WHERE w.ev_class = c.oid),
	coalesce(pg_relation_size(c.oid), 0), coalesce(greatest(c.reltuples, 0), 0)::bigint,
	coalesce(a.attname, ''), coalesce(format_type(a.atttypid, a.atttypmod), ''), coalesce(a.attnotnull, false),
	coalesce(a.atthasdef OR a.attidentity <> '', false), coalesce(a.attidentity = 'a', false), quote_ident(current_user)
FROM unnest($1::text[]) AS n(name)
LEFT JOIN pg_class c ON c.oid = to_regclass(quote_ident(n.name))
LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped`

const inspectSQLite = `
SELECT n.value, t.name IS NOT NULL, coalesce(t.type = 'table', 0), t.name IS NOT NULL, t.name IS NOT NULL,
	EXISTS (SELECT 1 FROM pragma_table_info(n.value) k WHERE k.name = 'id' AND k.pk = 1), 0, 1, 0, 0, 0,
	coalesce(a.name, ''), coalesce(a.type, ''), coalesce(a."notnull" OR a.pk, 0), a.dflt_value IS NOT NULL, 0, ''
FROM json_each(?) n
LEFT JOIN sqlite_schema t ON t.name = n.value AND t.type IN ('table', 'view')
LEFT JOIN pragma_table_info(n.value) a`

// Inspect reads the catalogue's entries of the named tables, each of which is in the result.
func (c *Conn) Inspect(ctx context.Context, names []string) (map[string]TableInfo, error) {
	query, arg := inspectPostgres, any(names)
	if c.db.Kind() == SQLite {
		query, arg = inspectSQLite, `["`+strings.Join(names, `","`)+`"]`
	}
	out := map[string]TableInfo{}
	for cells, err := range c.Rows(ctx, query, arg) {
		if err != nil {
			return nil, err
		}
		yes := func(i int) bool { v, _ := strconv.ParseBool(string(cells[i])); return v }
		name := string(cells[0])
		t, seen := out[name]
		if !seen {
			t = TableInfo{Exists: yes(1), Ordinary: yes(2), Readable: yes(3), Writable: yes(4), KeyOnID: yes(5),
				Keyless: yes(6), Owned: yes(7), Altered: yes(8), Role: string(cells[16]), Columns: map[string]ColumnInfo{}}
			t.Bytes, _ = strconv.ParseInt(string(cells[9]), 10, 64)
			t.Rows, _ = strconv.ParseInt(string(cells[10]), 10, 64)
		}
		if column := string(cells[11]); column != "" {
			t.Columns[column] = ColumnInfo{Type: string(cells[12]), NotNull: yes(13), Default: yes(14), Identity: yes(15)}
		}
		out[name] = t
	}
	return out, nil
}

// CheckColumns returns what keeps a table from holding or supplying the columns of t. SQLite does not enforce
// types, so only presence is checked there.
func (db *DB) CheckColumns(name string, t *models.Table, info TableInfo) (problems []models.Problem) {
	for _, c := range t.Columns {
		column := name + "." + c.Name
		have, ok := info.Columns[c.Name]
		switch {
		case !ok:
			problems = append(problems, db.Problem("schema.column_missing", models.Params{"column": column}, fmt.Sprintf("ALTER TABLE %s ADD COLUMN %s %s", name, c.Name, c.Type)))
		case db.Features().TypedColumns && !sameFamily(have.Type, c):
			problems = append(problems, db.Problem("schema.column_type", models.Params{"column": column, "have": have.Type, "want": c.Type},
				fmt.Sprintf("ALTER TABLE %s ALTER COLUMN %s TYPE %s", name, c.Name, c.Type)))
		}
	}
	return problems
}

// CheckKey returns a problem when a table that can have a primary key has none on id.
func (db *DB) CheckKey(name string, info TableInfo) []models.Problem {
	if info.KeyOnID || info.Keyless {
		return nil
	}
	return []models.Problem{db.Problem("schema.key_missing", models.Params{"table": name}, "ALTER TABLE "+name+" ADD PRIMARY KEY (id)")}
}

func sameFamily(have string, c models.Column) bool {
	switch c.Kind {
	case models.KindText:
		return have == "text" || strings.HasPrefix(have, "character varying")
	case models.KindTimestamp:
		return strings.HasPrefix(have, "timestamp") && strings.HasSuffix(have, "with time zone")
	default:
		return have == c.Type
	}
}

var lengthLimit = regexp.MustCompile(`^character varying\((\d+)\)$`)

// WholeMicroseconds reports whether a timestamp column of the given type keeps six digits of a second.
func WholeMicroseconds(columnType string) bool {
	return !strings.HasPrefix(columnType, "timestamp(") || strings.HasPrefix(columnType, "timestamp(6)")
}

// TextLimit is how many characters a text column of the given type holds, 0 for any number.
func TextLimit(columnType string) int {
	n := 0
	if m := lengthLimit.FindStringSubmatch(columnType); m != nil {
		n, _ = strconv.Atoi(m[1])
	}
	return n
}
