package lifecycle

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"iter"
	"strconv"
	"strings"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/database"
)

// noRows makes a SELECT return nothing. Joined to a table's rows by UNION ALL it hides the table's statistics, from
// which the planner would expect as many buckets as rows, and sort instead of hashing.
const noRows = " FROM pg_class WHERE oid = 0"

// Buckets streams, in order, the fingerprints by id>>shift of the rows in the ranges. PostgreSQL only.
func (s *Snapshot) Buckets(ctx context.Context, t *models.Table, ranges []database.Range, shift int) iter.Seq2[database.Bucket, error] {
	union := ""
	if shift > 0 {
		union = " UNION ALL SELECT 0, 0::bigint, 0" + noRows
	}
	return s.conn.Buckets(ctx, ranges, shift, "s.id", func(condition string) string {
		return fmt.Sprintf("SELECT s.id, %s AS hash, 0 AS quarantined FROM %s s WHERE %s%s", s.source.db.Hash("s", t, s.hashing), t.Source, condition, union)
	})
}

// Rows streams the rows in the ranges by id, each with the reason for its quarantine, if any. With a horizon, Newer is
// set (PostgreSQL only). Raw, because the dialect converts every value.
func (s *Snapshot) Rows(ctx context.Context, t *models.Table, ranges []database.Range, horizon *int64) iter.Seq2[database.Row, error] {
	query, args := s.source.db.InRanges(ranges, "s.id", func(condition string) string {
		return s.rowQuery(t, horizon, condition, "") + " ORDER BY q.id"
	})
	if len(ranges) == 1 {
		return s.conn.TableRows(ctx, t, query, args)
	}
	return func(yield func(database.Row, error) bool) {
		// The planner cannot know how narrow the ranges are and would read a whole parent table for each.
		if err := s.conn.AvoidFullScans(ctx, true); err != nil {
			yield(database.Row{}, err)
			return
		}
		for row, err := range s.conn.TableRows(ctx, t, query, args) {
			if !yield(row, err) || err != nil {
				return // the setting ends with the snapshot or the next call
			}
		}
		if err := s.conn.AvoidFullScans(ctx, false); err != nil {
			yield(database.Row{}, err)
		}
	}
}

// Unfit streams the rows for the quarantine, by id.
func (s *Snapshot) Unfit(ctx context.Context, t *models.Table) iter.Seq2[database.Row, error] {
	return s.conn.TableRows(ctx, t, s.rowQuery(t, nil, "TRUE", " WHERE q.reason IS NOT NULL")+" ORDER BY q.id", nil)
}

// CopyFit writes the rows that can be mirrored to w in binary COPY format. PostgreSQL only.
func (s *Snapshot) CopyFit(ctx context.Context, t *models.Table, w io.Writer) error {
	return s.conn.CopyOut(ctx, w, "SELECT "+strings.Join(t.ColumnNames(), ", ")+
		" FROM ("+s.classified(t, "TRUE", "NULL AS newer")+") q WHERE q.reason IS NULL")
}

// rowQuery selects cells, reason_code, reason_column, hash (of rows with a reason) and newer.
func (s *Snapshot) rowQuery(t *models.Table, horizon *int64, condition, where string) string {
	cells := make([]string, len(t.Columns))
	for i, c := range t.Columns {
		cells[i] = s.hashing.Encoding.Sendable(s.source.db.Cell("q."+c.Name, c), c) + " AS " + c.Name
	}
	newer, xid := "NULL", "NULL"
	if s.Infos[t.Source].Ordinary && s.Features().RowVersions {
		xid = "s.xmin::text"
		if horizon != nil {
			newer = fmt.Sprintf("age(s.xmin) <= age('%d'::xid)", uint32(*horizon))
		}
	}
	code, column := "NULL", "NULL"
	if _, rules := s.rules(t); len(rules) > 0 {
		code, column = "CASE q.reason", "CASE q.reason"
		for i, r := range rules {
			code += fmt.Sprintf(" WHEN %d THEN '%s'", i, r.reason.Code)
			column += fmt.Sprintf(" WHEN %d THEN '%s'", i, r.reason.Column)
		}
		code, column = code+" END", column+" END"
	}
	return "SELECT " + strings.Join(cells, ", ") + ", " + code + " AS reason_code, " + column + " AS reason_column, CASE WHEN q.reason IS NOT NULL THEN " +
		s.source.db.Hash("q", t, s.hashing) + " END AS hash, q.newer, q.xid FROM (" + s.classified(t, condition, newer+" AS newer, "+xid+" AS xid") + ") q" + where
}

// classified selects a table's columns, further ones, and the number of the first quarantine rule that a row breaks. It is NULL if
// the values fit and every referenced row exists and fits, which is the same question for the parents, and so on up.
func (s *Snapshot) classified(t *models.Table, condition, further string) string {
	joins, rules := s.rules(t)
	reason := caseWhen(rules, strconv.Itoa, "CAST(NULL AS integer)")
	return "SELECT s." + strings.Join(t.ColumnNames(), ", s.") + ", " + reason + " AS reason, " + further + " FROM " +
		t.Source + " s" + joins + " WHERE " + condition
}

// rule is a condition under which a row s is quarantined, and the reason.
type rule struct {
	condition string
	reason    models.QuarantineReason
}

// caseWhen is the SQL value of the first rule that a row breaks, otherwise that of a row that breaks none.
func caseWhen(rules []rule, value func(i int) string, none string) string {
	if len(rules) == 0 {
		return none
	}
	var cases strings.Builder
	for i, r := range rules {
		cases.WriteString(" WHEN " + r.condition + " THEN " + value(i))
	}
	return "CASE" + cases.String() + " ELSE " + none + " END"
}

// rules returns the joins from a table s to its parents and the quarantine rules for its rows.
func (s *Snapshot) rules(t *models.Table) (joins string, rules []rule) {
	for _, c := range t.Columns {
		if condition := s.source.db.Fits("s."+c.Name, c); condition != "" {
			rules = append(rules, rule{"NOT (" + condition + ")", models.QuarantineReason{Code: models.UnfitValue, Column: c.Name}})
		}
		if invalid := s.hashing.Encoding.Invalid("s."+c.Name, c); invalid != "" {
			rules = append(rules, rule{invalid, models.QuarantineReason{Code: models.InvalidText, Column: c.Name}})
		}
	}
	for i, c := range t.References() {
		parent := models.FindTable(s.Tables, c.References)
		if parent == nil {
			continue // an optional table that the source lacks
		}
		parentJoins, parentRules := s.rules(parent)
		fits := caseWhen(parentRules, func(int) string { return "FALSE" }, "TRUE")
		p := fmt.Sprintf("p%d", i)
		joins += fmt.Sprintf(" LEFT JOIN (SELECT s.id, %s AS fits FROM %s s%s) %s ON %s.id = s.%s", fits, parent.Source, parentJoins, p, p, c.Name)
		rules = append(rules,
			rule{fmt.Sprintf("s.%s IS NOT NULL AND %s.id IS NULL", c.Name, p), models.QuarantineReason{Code: models.DanglingReference, Column: c.Name}},
			rule{"NOT " + p + ".fits", models.QuarantineReason{Code: models.ParentQuarantined, Column: c.Name}})
	}
	return joins, rules
}

// Delta describes the rows whose id>>shift is ID without reading them: their number, the exclusive or of the hashes of
// their ids, and which of them were written at or after a horizon.
type Delta struct {
	database.Bucket
	Newer []int64
}

// Deltas streams, in order, the deltas of a whole table since a horizon; Newer is unordered. One statement reads ids
// and transaction ids, so that age() means the same for both. updated_at plays no role: late commits and unstamped
// edits are found. PostgreSQL only.
func (s *Snapshot) Deltas(ctx context.Context, t *models.Table, horizon int64, shift int) iter.Seq2[Delta, error] {
	query := fmt.Sprintf("SELECT x.id >> %d, count(*), bit_xor(%s), array_agg(x.id) FILTER (WHERE x.newer) FROM "+
		"(SELECT s.id, age(s.xmin) <= age('%d'::xid) AS newer FROM %s s UNION ALL SELECT 0, FALSE%s) x GROUP BY 1 ORDER BY 1",
		shift, database.HashID("x.id"), uint32(horizon), t.Source, noRows)
	return database.Parsed(s.conn.Rows(ctx, query), readDelta)
}

func readDelta(cells [][]byte) (d Delta, err error) {
	if err = database.ParseInts(cells, &d.ID, &d.Rows, &d.Hash); err != nil || cells[3] == nil {
		return d, err
	}
	for text := range bytes.SplitSeq(bytes.Trim(cells[3], "{}"), []byte(",")) {
		var id int64
		if err = database.ParseInts([][]byte{text}, &id); err != nil {
			return d, err
		}
		d.Newer = append(d.Newer, id)
	}
	return d, nil
}
