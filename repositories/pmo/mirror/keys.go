package mirror

import (
	"context"
	"fmt"
	"io"
	"strings"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/pmo"
)

// keyName returns the name that our migrations give a foreign key.
func keyName(t *models.Table, c models.Column) string { return t.Mirror + "_" + c.Name + "_fkey" }

// guardedKeys are the references that a valid foreign key of pmo_db guards, as reference writes them,
// with the key's name, which is not ours in an adopted table.
type guardedKeys map[string]string

func reference(t *models.Table, c models.Column) string {
	return t.Mirror + "." + c.Name + " > " + c.References + "_lifecycle"
}

// readKeys reads the guarded references. Raw, because GORM does not model the catalogue.
func readKeys(ctx context.Context, s *pmo.Session) (guardedKeys, error) {
	keys := guardedKeys{}
	for cells, err := range s.Query(ctx, `SELECT f.conrelid::regclass::text || '.' || a.attname || ' > ' || f.confrelid::regclass::text, quote_ident(f.conname)
		FROM pg_constraint f
		JOIN pg_attribute a ON a.attrelid = f.conrelid AND a.attnum = f.conkey[1]
		WHERE f.contype = 'f' AND f.convalidated AND cardinality(f.conkey) = 1`) {
		if err != nil {
			return nil, err
		}
		keys[string(cells[0])] = string(cells[1])
	}
	return keys, nil
}

// missing lists, by table name, the references between the present tables that are not guarded.
func (keys guardedKeys) missing(present []*models.Table) map[string][]models.Column {
	missing := map[string][]models.Column{}
	for _, t := range present {
		for _, c := range t.References() {
			if models.FindTable(present, c.References) != nil && keys[reference(t, c)] == "" {
				missing[t.Name] = append(missing[t.Name], c)
			}
		}
	}
	return missing
}

// DropObsoleteKeys drops the foreign keys to tables that lifecycle_db lacks: there the products' ids are the categories.
// After a drop the run continues in a new transaction with a new snapshot, because until then the table is also locked
// against the run's other connection. Raw, because it is DDL. PostgreSQL only. Errors: permission when the role does not own the table, busy.
func (tx *Tx) DropObsoleteKeys(ctx context.Context, present []*models.Table) (dropped bool, err error) {
	for _, t := range present {
		for _, c := range t.References() {
			if name := tx.guarded[reference(t, c)]; models.FindTable(present, c.References) == nil && name != "" {
				if _, err := tx.conn.Exec(ctx, "ALTER TABLE "+t.Mirror+" DROP CONSTRAINT "+name); err != nil {
					return false, err
				}
				dropped = true
			}
		}
	}
	if dropped {
		err = tx.restart(ctx)
	}
	return dropped, err
}

// AddKeys adds the missing foreign keys. It does not change a table that another role owns; the run's reason then says
// what the owner can do. Without the key the mirror is correct, but compared more slowly. Raw, because it is DDL.
// PostgreSQL only. Errors: constraint, connection.
func (tx *Tx) AddKeys(ctx context.Context, missing map[string][]models.Column, present []*models.Table) error {
	var left []string
	for _, t := range present {
		for _, c := range missing[t.Name] {
			statement := addKey(t, c, models.FindTable(present, c.References))
			if !tx.infos[t.Mirror].Owned {
				left = append(left, statement)
				continue
			}
			if _, err := tx.conn.Exec(ctx, statement); err != nil {
				return err
			}
		}
	}
	if left != nil {
		tx.Run.Reasons = append(tx.Run.Reasons, models.NewText("reason.keys_need_owner", models.Params{"statements": strings.Join(left, "; ")}))
	}
	return nil
}

func addKey(t *models.Table, c models.Column, parent *models.Table) string {
	return fmt.Sprintf("ALTER TABLE %[1]s DROP CONSTRAINT IF EXISTS %[2]s, ADD CONSTRAINT %[2]s FOREIGN KEY (%[3]s) REFERENCES %[4]s (id)",
		t.Mirror, keyName(t, c), c.Name, parent.Mirror)
}

// Bare is a mirror without its secondary indexes and foreign keys, and how to build them again.
type Bare struct{ indexes, keys map[string][]string } // DDL by mirror table

// StripEmpty drops the secondary indexes and foreign keys of our migrations from an empty mirror. It returns nil if the
// mirror is not empty or cannot be locked within a second: the rows are then loaded in place. Raw, because it is DDL.
// PostgreSQL only.
func (tx *Tx) StripEmpty(ctx context.Context, tables []*models.Table) (*Bare, error) {
	for _, t := range tables {
		var used bool
		if err := tx.conn.QueryRow(ctx, "SELECT EXISTS (SELECT FROM "+t.Mirror+") OR EXISTS (SELECT FROM lifecycle_sync_quarantine)", nil, &used); err != nil || used {
			return nil, err
		}
	}
	if _, err := tx.conn.Exec(ctx, "SAVEPOINT strip"); err != nil {
		return nil, err
	}
	bare, err := tx.strip(ctx, tables)
	if class := models.AsError(err); err != nil && (class.Class == models.Timeout || class.Class == models.Permission) {
		_, err = tx.conn.Exec(ctx, "ROLLBACK TO SAVEPOINT strip")
		return nil, err
	}
	if err != nil {
		return nil, err
	}
	// Otherwise the rows would have a later transaction id than the run's, as if edited after it.
	_, err = tx.conn.Exec(ctx, "RELEASE SAVEPOINT strip")
	return bare, err
}

func (tx *Tx) strip(ctx context.Context, tables []*models.Table) (*Bare, error) {
	if _, err := tx.conn.Exec(ctx, "SET LOCAL lock_timeout = '1s'"); err != nil {
		return nil, err
	}
	bare := &Bare{indexes: map[string][]string{}, keys: map[string][]string{}}
	var drops []string
	for _, t := range tables {
		for cells, err := range tx.conn.Rows(ctx, `SELECT 'k', conname, format('ALTER TABLE %I ADD CONSTRAINT %I %s', $1::text, conname, pg_get_constraintdef(oid))
			FROM pg_constraint WHERE conrelid = $1::regclass AND contype = 'f' AND conname LIKE $1 || '\_%\_fkey'
			UNION ALL SELECT 'i', indexrelid::regclass::text, pg_get_indexdef(indexrelid)
			FROM pg_index WHERE indrelid = $1::regclass AND NOT indisprimary AND NOT indisunique AND indexrelid::regclass::text LIKE $1 || '\_%\_idx'
			UNION ALL SELECT 's', indexrelid::regclass::text, '' FROM pg_index WHERE indrelid = $1::regclass AND indexrelid = to_regclass($2)`, t.Mirror, searchIndex) {
			if err != nil {
				return nil, err
			}
			kind, name, definition := string(cells[0]), string(cells[1]), string(cells[2])
			switch kind {
			case "k":
				drops = append(drops, "ALTER TABLE "+t.Mirror+" DROP CONSTRAINT "+name)
				bare.keys[t.Mirror] = append(bare.keys[t.Mirror], definition)
			case "i":
				drops = append(drops, "DROP INDEX "+name)
				bare.indexes[t.Mirror] = append(bare.indexes[t.Mirror], definition)
			default: // the search's, which takes longer to build than the load; see IndexSearch
				drops = append(drops, "DROP INDEX "+name)
			}
		}
	}
	for _, statement := range append(drops, "SET LOCAL lock_timeout = '"+lockWait+"'") {
		if _, err := tx.conn.Exec(ctx, statement); err != nil {
			return nil, err
		}
	}
	return bare, nil
}

// Load fills a bare table from binary COPY data and returns the number of rows. Raw, because GORM has no COPY.
func (tx *Tx) Load(ctx context.Context, t *models.Table, r io.Reader) (int64, error) {
	return tx.conn.CopyIn(ctx, r, t.Mirror+" ("+strings.Join(t.ColumnNames(), ", ")+")", "binary")
}

// Rebuild builds the indexes and foreign keys of a loaded table again. Raw, because it is DDL.
func (tx *Tx) Rebuild(ctx context.Context, t *models.Table, bare *Bare) error {
	for _, statement := range append(bare.indexes[t.Mirror], bare.keys[t.Mirror]...) {
		if _, err := tx.conn.Exec(ctx, statement); err != nil {
			return err
		}
	}
	return nil
}
