package catalog

import (
	"context"
	"iter"
	"strings"

	"gorm.io/gorm"

	"lifecycle-sync/models"
)

// exportColumn is a column of the export with the SQL expression that reads it.
type exportColumn struct {
	models.Column

	expression string
}

// exportColumns lists the columns of models.ListedProduct in field order: those of models.Product first. What has no name is
// named by its id.
func (c *Catalog) exportColumns() []exportColumn {
	var columns []exportColumn
	for _, column := range c.s.Table("tbl_produk").Columns {
		columns = append(columns, exportColumn{column, c.s.Fitting("p."+column.Name, column)})
	}
	return append(columns,
		exportColumn{models.Column{Name: "segmen", Kind: models.KindText}, "coalesce(segment.segmen, CAST(p.id_segmen AS text))"},
		exportColumn{models.Column{Name: "stage", Kind: models.KindText}, "coalesce(stage.stage, CAST(p.id_stage AS text))"},
		exportColumn{models.Column{Name: "kategori", Kind: models.KindText}, "coalesce(category.kategori, CAST(p.id_kategori AS text))"},
		exportColumn{models.Column{Name: "attachments_count", Kind: models.KindInt}, "coalesce(files.n, 0)"})
}

// ExportColumns returns the columns of ExportRows.
func (c *Catalog) ExportColumns() []models.Column {
	var columns []models.Column
	for _, column := range c.exportColumns() {
		columns = append(columns, column.Column)
	}
	return columns
}

// ProductRows streams the products with some ids, in any order, as the columns of tbl_produk in canonical text, nil for NULL.
// A yielded row is valid until the next. Only in a view that nothing else reads from at the same time. Errors: connection,
// canceled, timeout, schema.
func (c *Catalog) ProductRows(ctx context.Context, ids []int64) iter.Seq2[[][]byte, error] {
	columns := c.s.Table("tbl_produk").Columns
	expressions := make([]string, len(columns))
	for i, column := range columns {
		expressions[i] = c.s.Fitting("p."+column.Name, column)
	}
	condition, args := c.s.AnyOf("p.id", ids)
	// Raw, because GORM would scan values and bind every id.
	return c.s.Query(ctx, "SELECT "+strings.Join(expressions, ", ")+" FROM "+productTable+" p WHERE "+condition, args...)
}

// ExportRows streams all products that match a filter, in order, as canonical text, nil for NULL. A yielded row is valid
// until the next. Only in a view that nothing else reads from at the same time. Errors: connection, canceled, timeout,
// schema.
func (c *Catalog) ExportRows(ctx context.Context, f DatedFilter, order ProductOrder) iter.Seq2[[][]byte, error] {
	var expressions []string
	for _, column := range c.exportColumns() {
		expressions = append(expressions, column.expression)
	}
	files := c.s.Attached(ctx).Select("id_produk, count(*) AS n").Group("id_produk")
	query := c.s.Gorm(ctx).Session(&gorm.Session{DryRun: true}).Table("(?) AS p", c.filtered(ctx, f)).
		Joins(namesJoin).
		Joins("LEFT JOIN (?) AS files ON files.id_produk = p.id", files).
		Select(strings.Join(expressions, ", ")).Order(order.by("p.")).Find(&[]map[string]any{}).Statement
	// Raw, because GORM would scan values; the export needs their canonical text.
	return c.s.Query(ctx, query.SQL.String(), query.Vars...)
}
