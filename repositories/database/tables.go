package database

import (
	"context"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"lifecycle-sync/models"
)

// TableInfo is a table's entry in the catalogue.
type TableInfo struct {
	Exists        bool
	Ordinary      bool // not a view, foreign or partitioned table
	Readable      bool // SELECT is granted
	Writable      bool // INSERT, UPDATE and DELETE are granted
	KeyOnID       bool // a unique index on id alone
	CannotHaveKey bool // cannot have a key: a view or a foreign table
	Owned         bool // the role may alter it
	HasTriggers   bool // or rules, none of which are ours
	HasChildren   bool // tables inherit from it: its key says nothing about their rows
	Unlogged      bool
	DeferrableKey string // quoted name of the key on id if the server checks it only at the end of a statement or transaction
	Role          string // our role, quoted for SQL
	Bytes         int64
	Rows          int64 // estimated by the last ANALYZE; 0 if unknown
	Columns       map[string]ColumnInfo
}

// ColumnInfo is a column's entry in the catalogue.
type ColumnInfo struct {
	Type     string
	NotNull  bool
	Default  bool // has a default or an identity, or is generated
	Identity bool // GENERATED ALWAYS AS IDENTITY
}

const inspectPostgres = `SELECT n.name, c.oid IS NOT NULL, coalesce(c.relkind = 'r', false), coalesce(has_table_privilege(c.oid, 'SELECT'), false),
	coalesce(has_table_privilege(c.oid, 'INSERT') AND has_table_privilege(c.oid, 'UPDATE') AND has_table_privilege(c.oid, 'DELETE'), false),
	key.name IS NOT NULL, coalesce(c.relkind NOT IN ('r', 'p'), false), coalesce(pg_has_role(c.relowner, 'USAGE'), false),
	EXISTS (SELECT FROM pg_trigger g WHERE g.tgrelid = c.oid AND NOT g.tgisinternal)
		OR c.relkind IN ('r', 'p') AND EXISTS (SELECT FROM pg_rewrite w WHERE w.ev_class = c.oid),
	coalesce(pg_relation_size(c.oid), 0), coalesce(greatest(c.reltuples, 0), 0)::bigint,
	coalesce(a.attname, ''), coalesce(format_type(a.atttypid, a.atttypmod), ''), coalesce(a.attnotnull, false),
	coalesce(a.atthasdef OR a.attidentity <> '', false), coalesce(a.attidentity = 'a', false), quote_ident(current_user),
	c.relkind = 'r' AND EXISTS (SELECT FROM pg_inherits h WHERE h.inhparent = c.oid), coalesce(c.relpersistence = 'u', false),
	CASE WHEN NOT key.immediate THEN key.name ELSE '' END
FROM unnest($1::text[]) AS n(name)
LEFT JOIN pg_class c ON c.oid = to_regclass(quote_ident(n.name))
LEFT JOIN LATERAL (SELECT max(quote_ident(x.relname)) AS name, bool_or(i.indimmediate) AS immediate FROM pg_index i
	JOIN pg_class x ON x.oid = i.indexrelid JOIN pg_attribute k ON k.attrelid = i.indrelid AND k.attnum = i.indkey[0]
	WHERE i.indrelid = c.oid AND i.indisunique AND i.indisvalid AND i.indpred IS NULL AND i.indnkeyatts = 1 AND k.attname = 'id') key ON TRUE
LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped`

const inspectSQLite = `SELECT n.value, t.name IS NOT NULL, coalesce(t.type = 'table', 0), t.name IS NOT NULL, t.name IS NOT NULL,
	EXISTS (SELECT 1 FROM pragma_table_info(n.value) k WHERE k.name = 'id' AND k.pk = 1), 0, 1, 0, 0, 0,
	coalesce(a.name, ''), coalesce(a.type, ''), coalesce(a."notnull" OR a.pk, 0), a.dflt_value IS NOT NULL, 0, '', 0, 0, ''
FROM json_each(?) n
LEFT JOIN sqlite_schema t ON t.name = n.value AND t.type IN ('table', 'view')
LEFT JOIN pragma_table_info(n.value) a`

// Inspect reads the catalogue's entries of the named tables, each of which is in the result.
func (c *Conn) Inspect(ctx context.Context, names []string) (map[string]TableInfo, error) {
	query, arg := c.db.inspect(names)
	tables := map[string]TableInfo{}
	for cells, err := range c.Rows(ctx, query, arg) {
		if err != nil {
			return nil, err
		}
		isTrue := func(i int) bool { v, _ := strconv.ParseBool(string(cells[i])); return v }
		name := string(cells[0])
		if _, seen := tables[name]; !seen {
			t := TableInfo{Exists: isTrue(1), Ordinary: isTrue(2), Readable: isTrue(3), Writable: isTrue(4), KeyOnID: isTrue(5),
				CannotHaveKey: isTrue(6), Owned: isTrue(7), HasTriggers: isTrue(8), Role: string(cells[16]),
				HasChildren: isTrue(17), Unlogged: isTrue(18), DeferrableKey: string(cells[19]), Columns: map[string]ColumnInfo{}}
			if err := ParseInts(cells[9:], &t.Bytes, &t.Rows); err != nil {
				return nil, err
			}
			tables[name] = t
		}
		if column := string(cells[11]); column != "" {
			tables[name].Columns[column] = ColumnInfo{Type: string(cells[12]), NotNull: isTrue(13), Default: isTrue(14), Identity: isTrue(15)}
		}
	}
	return tables, nil
}

// A partition repeats the foreign key of its table.
const deleteEffectsPostgres = `SELECT c.relname, f.conrelid::regclass::text, has_table_privilege(f.conrelid, 'SELECT'),
	(SELECT string_agg(format('r.%I = p.%I', a.attname, b.attname), ' AND ') FROM unnest(f.conkey, f.confkey) AS k(own, other)
		JOIN pg_attribute a ON a.attrelid = f.conrelid AND a.attnum = k.own JOIN pg_attribute b ON b.attrelid = f.confrelid AND b.attnum = k.other)
FROM pg_constraint f JOIN pg_class c ON c.oid = f.conrelid
WHERE f.contype = 'f' AND f.confrelid = to_regclass(quote_ident($1)) AND f.confdeltype IN ('c', 'n', 'd') AND f.conparentid = 0
ORDER BY 2, f.conname`

const deleteEffectsSQLite = `SELECT t.name, '"' || replace(t.name, '"', '""') || '"', 1,
	group_concat('r."' || replace(f."from", '"', '""') || '" = p."' || replace(coalesce(f."to", 'id'), '"', '""') || '"', ' AND ')
FROM sqlite_schema t JOIN pragma_foreign_key_list(t.name) f
WHERE t.type = 'table' AND f."table" = ? COLLATE NOCASE AND f.on_delete IN ('CASCADE', 'SET NULL', 'SET DEFAULT')
GROUP BY t.name, f.id ORDER BY t.name, f.id`

// DeleteEffect is a foreign key that deletes or changes rows of Table when the rows that they refer to are deleted.
type DeleteEffect struct {
	Table    string
	Readable bool
	quoted   string
	refers   string // the condition that a row r refers to a row p
}

// DeleteEffects reads the foreign keys to a table that delete or change rows when rows of the table are deleted. Raw, because it
// reads the catalogue.
func (c *Conn) DeleteEffects(ctx context.Context, table string) (effects []DeleteEffect, err error) {
	query, arg := c.db.deleteEffects(table)
	for cells, err := range c.Rows(ctx, query, arg) {
		if err != nil {
			return nil, err
		}
		readable, _ := strconv.ParseBool(string(cells[2]))
		effects = append(effects, DeleteEffect{Table: string(cells[0]), quoted: string(cells[1]), Readable: readable, refers: string(cells[3])})
	}
	return effects, nil
}

// Affects reports whether deleting the rows with some ids from a table would have the effect. Raw, because the columns are those
// of the foreign key.
func (c *Conn) Affects(ctx context.Context, effect DeleteEffect, table string, ids []int64) (affects bool, err error) {
	condition, args := c.db.AnyOf("p.id", ids)
	err = c.QueryRow(ctx, "SELECT EXISTS (SELECT 1 FROM "+effect.quoted+" r JOIN "+table+" p ON "+effect.refers+" WHERE "+condition+")", args, &affects)
	return affects, err
}

// UniqueIDs reports whether the catalogue guarantees that every row has an id of its own.
func (t TableInfo) UniqueIDs() bool {
	return t.KeyOnID && !t.HasChildren && t.Columns["id"].NotNull
}

// TableCheck is a condition of the catalogue that blocks runs. Preflight and doctor share one list of them per database.
type TableCheck struct {
	Name  string // in doctor's output, such as "source.columns"
	Class models.Class
	Find  func(t *models.Table) []models.Problem
}

// Preflight runs the checks. It returns one error with all their problems, nil if there are none. Errors: the class of
// the first check that failed.
func Preflight(checks []TableCheck, tables []*models.Table, code, remedy string) error {
	var failure *models.Error
	for _, check := range checks {
		for _, t := range tables {
			problems := check.Find(t)
			if len(problems) > 0 && failure == nil {
				failure = models.NewError(check.Class, code, nil).WithRemedy(remedy, nil)
			}
			if len(problems) > 0 {
				failure.Problems = append(failure.Problems, problems...)
			}
		}
	}
	if failure == nil {
		return nil
	}
	return failure
}

// Problem returns a problem that a statement in this database fixes.
func (db *DB) Problem(code string, params models.Params, statement string) models.Problem {
	return models.Problem{Text: models.NewText(code, params), Remedy: models.NewSQL(db.Name, statement)}
}

// CheckColumns lists missing columns and wrong types. SQLite does not enforce types.
func (db *DB) CheckColumns(name string, t *models.Table, info TableInfo) (problems []models.Problem) {
	for _, c := range t.Columns {
		params := models.Params{"column": name + "." + c.Name}
		found, exists := info.Columns[c.Name]
		switch {
		case !exists:
			problems = append(problems, db.Problem("schema.column_missing", params, fmt.Sprintf("ALTER TABLE %s ADD COLUMN %s %s", name, c.Name, c.Type)))
		case db.Features().TypedColumns && !isCompatible(found.Type, c):
			params["have"], params["want"] = found.Type, c.Type
			problems = append(problems, models.Problem{Text: models.NewText("schema.column_type", params), Remedy: models.NewCommand(conversion(found.Type, c),
				models.Params{"database": db.Name}, fmt.Sprintf("ALTER TABLE %s ALTER COLUMN %s TYPE %s", name, c.Name, c.Type))})
		}
	}
	return problems
}

// conversion returns the code of the remedy that converts a column, and says what the conversion may lose.
func conversion(from string, to models.Column) string {
	switch isTime := strings.HasPrefix(from, "timestamp"); {
	case isTime && to.Kind == models.KindTimestamp:
		return "remedy.run_sql_time_zone"
	case isTime && to.Kind == models.KindDate:
		return "remedy.run_sql_loses_time"
	case to.Kind == models.KindInt && (strings.HasPrefix(from, "numeric") || from == "double precision" || from == "real"):
		return "remedy.run_sql_rounds"
	default:
		return "remedy.run_sql"
	}
}

// CheckImmediateKey returns a problem if the key on id is deferrable, so that upserts cannot use it.
func (db *DB) CheckImmediateKey(name string, info TableInfo) []models.Problem {
	if info.DeferrableKey == "" {
		return nil
	}
	return []models.Problem{db.Problem("schema.key_deferrable", models.Params{"table": name}, "ALTER TABLE "+name+" DROP CONSTRAINT "+info.DeferrableKey+", ADD PRIMARY KEY (id)")}
}

// CheckKey returns a problem if a table that can have a primary key has none on id.
func (db *DB) CheckKey(name string, info TableInfo) []models.Problem {
	if info.KeyOnID || info.CannotHaveKey {
		return nil
	}
	return []models.Problem{db.Problem("schema.key_missing", models.Params{"table": name}, "ALTER TABLE "+name+" ADD PRIMARY KEY (id)")}
}

func isCompatible(columnType string, c models.Column) bool {
	switch c.Kind {
	case models.KindText:
		return columnType == "text" || strings.HasPrefix(columnType, "character varying")
	case models.KindTimestamp:
		return strings.HasPrefix(columnType, "timestamp") && strings.HasSuffix(columnType, "with time zone")
	default:
		return columnType == c.Type
	}
}

// WholeMicroseconds reports whether a timestamp column of a type keeps six digits of a second.
func WholeMicroseconds(columnType string) bool {
	return !strings.HasPrefix(columnType, "timestamp(") || strings.HasPrefix(columnType, "timestamp(6)")
}

var textLimit = regexp.MustCompile(`^character varying\((\d+)\)$`)

// TextLimit returns the number of characters that a text column of a type can hold, 0 for any number.
func TextLimit(columnType string) int {
	n := 0
	if m := textLimit.FindStringSubmatch(columnType); m != nil {
		n, _ = strconv.Atoi(m[1])
	}
	return n
}
