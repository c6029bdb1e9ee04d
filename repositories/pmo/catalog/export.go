package catalog

import (
	"context"
	"iter"
	"strings"

	"gorm.io/gorm"

	"lifecycle-sync/models"
)

// ExportColumns are the columns of ExportRows: those of the list, as models.ListedProduct has them.
func (c *Catalog) ExportColumns() []models.Column {
	t := c.s.Table("tbl_produk")
	var columns []models.Column
	for _, name := range []string{"id", "produk", "deskripsi", "id_kategori", "id_segmen", "id_stage", "harga", "tanggal_launch", "pelanggan",
		"created_at", "updated_at", "tanggal_stage_start", "tanggal_stage_end"} {
		columns = append(columns, columnOf(t, name))
	}
	for _, name := range []string{"segmen", "stage", "kategori"} {
		columns = append(columns, models.Column{Name: name, Kind: models.KindText})
	}
	return append(columns, models.Column{Name: "attachments_count", Kind: models.KindInt})
}

// ExportRows streams all products that a filter lets through, in order, as canonical text, nil for NULL.
// A yielded row is valid until the next. Only for a view, which nothing else reads meanwhile. Errors:
// connection, canceled, timeout, schema.
func (c *Catalog) ExportRows(ctx context.Context, f DatedFilter, order ProductOrder) iter.Seq2[[][]byte, error] {
	columns := c.ExportColumns()
	names := make([]string, len(columns))
	for i, column := range columns {
		names[i] = c.exported(column)
	}
	files := c.s.Gorm(ctx).Table("lifecycle_attachments").Select("id_produk, count(*) AS n").Where("state <> ?", models.AttachmentPending).Group("id_produk")
	query := c.s.Gorm(ctx).Session(&gorm.Session{DryRun: true}).Table("(?) AS p", c.filtered(ctx, f)).
		Joins("LEFT JOIN tbl_segmen_lifecycle segment ON segment.id = p.id_segmen").
		Joins("LEFT JOIN tbl_stage_lifecycle stage ON stage.id = p.id_stage").
		Joins("LEFT JOIN tbl_kategori_lifecycle category ON category.id = p.id_kategori").
		Joins("LEFT JOIN (?) AS files ON files.id_produk = p.id", files).
		Select(strings.Join(names, ", ")).Order(order.by("p.")).Find(&[]map[string]any{}).Statement
	return c.s.Query(ctx, query.SQL.String(), query.Vars...)
}

// exported selects a column of the export.
func (c *Catalog) exported(of models.Column) string {
	switch of.Name {
	case "segmen":
		return "segment.segmen"
	case "stage":
		return "stage.stage"
	case "kategori":
		return "category.kategori"
	case "attachments_count":
		return "coalesce(files.n, 0)"
	}
	column := "p." + of.Name
	value := c.s.Cell(column, of)
	if fits := c.s.Fits(column, of); fits != "" {
		value = "CASE WHEN " + fits + " THEN " + value + " END"
	}
	return value
}
