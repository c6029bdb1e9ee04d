package database

import (
	"context"

	"lifecycle-sync/models"
)

// Encoding is that of a PostgreSQL database, whose text may have no equivalent in UTF-8.
type Encoding struct {
	Name    string
	foreign string // a bracket expression of the characters without an equivalent in UTF-8, in hex; "" if there are none
}

// ASCII reports whether text may hold any bytes, because the server does not check them.
func (e Encoding) ASCII() bool { return e.Name == "SQL_ASCII" }

// converts reports whether text must be converted to UTF-8.
func (e Encoding) converts() bool { return e.Name != "" && e.Name != "UTF8" && !e.ASCII() }

// utf8Pattern matches the byte sequences that are valid UTF-8, in a database whose characters are
// bytes (Unicode 15, table 3-7).
const utf8Pattern = `^(?:[\x01-\x7f]|[\xc2-\xdf][\x80-\xbf]` +
	`|\xe0[\xa0-\xbf][\x80-\xbf]|[\xe1-\xec\xee\xef][\x80-\xbf]{2}|\xed[\x80-\x9f][\x80-\xbf]` +
	`|\xf0[\x90-\xbf][\x80-\xbf]{2}|[\xf1-\xf3][\x80-\xbf]{3}|\xf4[\x80-\x8f][\x80-\xbf]{2})*$`

// Invalid is the condition under which the text of a column is not valid in UTF-8, "" if it always is.
func (e Encoding) Invalid(expr string, c models.Column) string {
	switch isText := c.Kind == models.KindText || c.Kind == models.KindJSON; {
	case isText && e.ASCII():
		return `(` + expr + `)::text COLLATE "C" !~ '` + utf8Pattern + `'`
	case isText && e.foreign != "":
		return e.hasForeign("(" + expr + ")::text")
	default:
		return ""
	}
}

// Sendable is an expression for a column's value that the server can send. Text without an equivalent in UTF-8 is sent
// with its bytes as \\nnn, in octal.
func (e Encoding) Sendable(expr string, c models.Column) string {
	invalid := e.Invalid(expr, c)
	if invalid == "" || e.ASCII() {
		return expr
	}
	return "CASE WHEN " + invalid + " THEN encode(" + e.bytes(expr+"::text") + ", 'escape') ELSE " + expr + "::text END"
}

// hasForeign is the condition under which a text contains a character without an equivalent in UTF-8. The pattern is made of the
// characters themselves, because an escape cannot express one of four bytes.
func (e Encoding) hasForeign(text string) string {
	return text + ` COLLATE "C" ~ convert_from(decode('` + e.foreign + `', 'hex'), '` + e.Name + `')`
}

// bytes is an expression for the bytes of a text.
func (Encoding) bytes(text string) string { return "convert_to(" + text + ", getdatabaseencoding())" }

// utf8 is an expression for the bytes of a text in UTF-8; its own bytes if it has no equivalent.
func (e Encoding) utf8(text string) string {
	converted := "convert_to(" + text + ", 'UTF8')"
	switch {
	case !e.converts():
		return e.bytes(text)
	case e.foreign != "":
		return "CASE WHEN " + e.hasForeign(text) + " THEN " + e.bytes(text) + " ELSE " + converted + " END"
	default:
		return converted
	}
}

// findForeign looks for the characters of the database's encoding that the server cannot convert. Only PL/pgSQL can go on after
// a failed conversion. Multi-byte encodings of a server are variants of EUC; the one with four bytes is EUC_TW.
const findForeign = `DO $$
DECLARE
	own CONSTANT name := getdatabaseencoding();
	one record;
	first text;
	last text;
	class text := '';
BEGIN
	FOR one IN
		WITH high(hex) AS (SELECT to_hex(generate_series(161, 254))),
			encoding(width) AS (SELECT pg_encoding_max_length(encoding) FROM pg_database WHERE datname = current_database())
		SELECT code, decode(code, 'hex') AS bytes FROM (
			SELECT to_hex(generate_series(128, 255)) AS code FROM encoding WHERE width = 1
			UNION ALL SELECT '8e' || hex FROM encoding, high WHERE width > 1
			UNION ALL SELECT a.hex || b.hex FROM encoding, high a, high b WHERE width > 1
			UNION ALL SELECT '8f' || a.hex || b.hex FROM encoding, high a, high b WHERE width > 1
			UNION ALL SELECT '8e' || to_hex(plane) || a.hex || b.hex FROM encoding, generate_series(161, 167) plane, high a, high b WHERE width > 3) AS codes ORDER BY length(code), code
	LOOP
		BEGIN
			PERFORM convert(one.bytes, own, 'UTF8');
			IF first IS NOT NULL THEN
				class := class || first || '2d' || last; -- a hyphen between them
				first := NULL;
			END IF;
		EXCEPTION
			WHEN untranslatable_character THEN
				first := coalesce(first, one.code);
				last := one.code;
			WHEN character_not_in_repertoire THEN NULL; -- no character at all
		END;
	END LOOP;
	IF first IS NOT NULL THEN
		class := class || first || '2d' || last; -- a hyphen between them
	END IF;
	PERFORM set_config('lifecycle_sync.foreign', class, true);
END $$`

// Encoding examines the database's encoding, in a transaction. PostgreSQL only. Errors: connection.
func (c *Conn) Encoding(ctx context.Context) (e Encoding, err error) {
	if err := c.QueryRow(ctx, "SELECT getdatabaseencoding()::text", nil, &e.Name); err != nil || !e.converts() {
		return e, err
	}
	if known, ok := c.db.encodings.Load(e.Name); ok {
		return known.(Encoding), nil //nolint:forcetypeassert // nothing else is stored
	}
	if _, err := c.ExecAll(ctx, findForeign); err != nil {
		return e, err
	}
	if err := c.QueryRow(ctx, "SELECT current_setting('lifecycle_sync.foreign')", nil, &e.foreign); err != nil {
		return e, err
	}
	if e.foreign != "" {
		e.foreign = "5b" + e.foreign + "5d" // brackets
	}
	c.db.encodings.Store(e.Name, e)
	return e, nil
}
