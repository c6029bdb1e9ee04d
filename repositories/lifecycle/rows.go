package lifecycle

import (
	"context"
	"fmt"
	"io"
	"iter"
	"strings"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/database"
)

// nowhere makes of a SELECT one without rows, to be joined to a table's by UNION ALL: a union's columns have
// no statistics. From a table's the planner concludes that there are as many buckets as rows, and sorts all
// rows instead of summing them up in a hash table.
const nowhere = " FROM pg_class WHERE oid = 0"

// Buckets streams, in order, the fingerprints by id>>shift of the rows of the given ranges. PostgreSQL
// only.
func (s *Snapshot) Buckets(ctx context.Context, t *models.Table, ranges []database.Range, shift int) iter.Seq2[database.Bucket, error] {
	nothing := ""
	if shift > 0 {
		nothing = " UNION ALL SELECT 0, 0::bigint, 0" + nowhere
	}
	return s.conn.Buckets(ctx, ranges, shift, "s.id", func(condition string) string {
		return fmt.Sprintf("SELECT s.id, %s AS hash, 0 AS quarantined FROM %s s WHERE %s%s", s.source.db.Hash("s", t, s.hashing), t.Source, condition, nothing)
	})
}

// Rows streams the rows of the given ranges in id order, each with the reason why it cannot stand in
// the mirror, if there is one. With a horizon, Newer is filled (PostgreSQL only).
func (s *Snapshot) Rows(ctx context.Context, t *models.Table, ranges []database.Range, horizon *int64) iter.Seq2[database.Row, error] {
	query, args := s.source.db.InRanges(ranges, "s.id", func(condition string) string {
		return s.rowQuery(t, horizon, condition, "") + " ORDER BY q.id"
	})
	if len(ranges) == 1 {
		return s.conn.TableRows(ctx, t, query, args)
	}
	return func(yield func(database.Row, error) bool) {
		// Not knowing how narrow the ranges are, the planner would read a whole parent table for each.
		if err := s.conn.AvoidFullScans(ctx, true); err != nil {
			yield(database.Row{}, err)
			return
		}
		for row, err := range s.conn.TableRows(ctx, t, query, args) {
			if !yield(row, err) || err != nil {
				return // the setting ends with the snapshot, or at the next change
			}
		}
		if err := s.conn.AvoidFullScans(ctx, false); err != nil {
			yield(database.Row{}, err)
		}
	}
}

// Unfit streams the rows that cannot stand in the mirror, in id order.
func (s *Snapshot) Unfit(ctx context.Context, t *models.Table) iter.Seq2[database.Row, error] {
	return s.conn.TableRows(ctx, t, s.rowQuery(t, nil, "TRUE", " WHERE q.reason IS NOT NULL")+" ORDER BY q.id", nil)
}

// CopyFit writes the rows that can stand in the mirror to w, in binary COPY format. PostgreSQL only.
func (s *Snapshot) CopyFit(ctx context.Context, t *models.Table, w io.Writer) error {
	return s.conn.CopyOut(ctx, w, "SELECT "+strings.Join(t.ColumnNames(), ", ")+
		" FROM ("+s.classified(t, "TRUE", "NULL")+") q WHERE q.reason IS NULL")
}

// rowQuery selects cells, reason_code, reason_column, hash (of rows with a reason) and newer.
func (s *Snapshot) rowQuery(t *models.Table, horizon *int64, condition, where string) string {
	cells := make([]string, len(t.Columns))
	for i, c := range t.Columns {
		cells[i] = s.source.db.Cell("q."+c.Name, c) + " AS " + c.Name
	}
	newer := "NULL"
	if horizon != nil && s.Infos[t.Source].Ordinary {
		newer = fmt.Sprintf("age(s.xmin) <= age('%d'::xid)", uint32(*horizon))
	}
	code, column := "NULL", "NULL"
	if _, verdicts := s.judge(t); len(verdicts) > 0 {
		code, column = "CASE q.reason", "CASE q.reason"
		for i, v := range verdicts {
			code += fmt.Sprintf(" WHEN %d THEN '%s'", i, v.reason.Code)
			column += fmt.Sprintf(" WHEN %d THEN '%s'", i, v.reason.Column)
		}
		code, column = code+" END", column+" END"
	}
	return "SELECT " + strings.Join(cells, ", ") + ", " + code + " AS reason_code, " + column + " AS reason_column, CASE WHEN q.reason IS NOT NULL THEN " +
		s.source.db.Hash("q", t, s.hashing) + " END AS hash, q.newer FROM (" + s.classified(t, condition, newer) + ") q" + where
}

// classified selects a table's columns with the number of the first verdict on a row: NULL
// when its values fit and every row it refers to is there and fits, which is the same question asked
// of the parent tables, and so on up.
func (s *Snapshot) classified(t *models.Table, condition, newer string) string {
	joins, verdicts := s.judge(t)
	reason := "CAST(NULL AS integer)"
	if len(verdicts) > 0 {
		reason = "CASE"
		for i, v := range verdicts {
			reason += fmt.Sprintf(" WHEN %s THEN %d", v.condition, i)
		}
		reason += " END"
	}
	columns := make([]string, len(t.Columns))
	for i, c := range t.Columns {
		columns[i] = "s." + c.Name
	}
	return "SELECT " + strings.Join(columns, ", ") + ", " + reason + " AS reason, " + newer + " AS newer FROM " +
		t.Source + " s" + joins + " WHERE " + condition
}

// verdict is a condition under which a row s cannot stand in the mirror, and what to call it.
type verdict struct {
	condition string
	reason    models.QuarantineReason
}

// judge returns the joins from a table s to its parents and the verdicts on its rows.
func (s *Snapshot) judge(t *models.Table) (joins string, verdicts []verdict) {
	for _, c := range t.Columns {
		if condition := s.source.db.Fits("s."+c.Name, c); condition != "" {
			verdicts = append(verdicts, verdict{"NOT (" + condition + ")", models.QuarantineReason{Code: models.UnfitValue, Column: c.Name}})
		}
		if s.ascii && (c.Kind == models.KindText || c.Kind == models.KindJSON) {
			verdicts = append(verdicts, verdict{"NOT (" + database.ValidUTF8("s."+c.Name) + ")", models.QuarantineReason{Code: models.InvalidText, Column: c.Name}})
		}
	}
	for i, c := range t.References() {
		parent := s.table(c.References)
		if parent == nil {
			continue // an optional table that the source lacks
		}
		parentJoins, parentVerdicts := s.judge(parent)
		fits := "TRUE"
		if len(parentVerdicts) > 0 {
			fits = "CASE"
			for _, v := range parentVerdicts {
				fits += " WHEN " + v.condition + " THEN FALSE"
			}
			fits += " ELSE TRUE END"
		}
		p := fmt.Sprintf("p%d", i)
		joins += fmt.Sprintf(" LEFT JOIN (SELECT s.id, %s AS fits FROM %s s%s) %s ON %s.id = s.%s", fits, parent.Source, parentJoins, p, p, c.Name)
		verdicts = append(verdicts,
			verdict{fmt.Sprintf("s.%s IS NOT NULL AND %s.id IS NULL", c.Name, p), models.QuarantineReason{Code: models.DanglingReference, Column: c.Name}},
			verdict{"NOT " + p + ".fits", models.QuarantineReason{Code: models.ParentQuarantined, Column: c.Name}})
	}
	return joins, verdicts
}

// table finds a table of the snapshot by its source name.
func (s *Snapshot) table(source string) *models.Table {
	for _, t := range s.Tables {
		if t.Source == source {
			return t
		}
	}
	return nil
}
