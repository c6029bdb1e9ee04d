package catalog

import (
	"context"

	"gorm.io/gorm"

	"lifecycle-sync/models"
)

// Attachments lists a product's files, oldest first. Errors: connection, timeout, schema.
func (c *Catalog) Attachments(ctx context.Context, productID int64) ([]models.ListedAttachment, error) {
	rows := []models.ListedAttachment{}
	err := c.attached(ctx).Where("id_produk = ?", productID).Order("id").Find(&rows).Error
	return rows, c.s.Translate(err)
}

// HasProduct reports whether a product is in the mirror. Errors: connection, timeout, schema.
func (c *Catalog) HasProduct(ctx context.Context, id int64) (has bool, err error) {
	err = c.s.Gorm(ctx).Raw("SELECT EXISTS (SELECT 1 FROM "+productTable+" WHERE id = ?)", id).Scan(&has).Error
	return has, c.s.Translate(err)
}

// CountAttachments is how many files a product has. Errors: connection.
func (c *Catalog) CountAttachments(ctx context.Context, productID int64) (n int64, err error) {
	err = c.attached(ctx).Where("id_produk = ?", productID).Count(&n).Error
	return n, c.s.Translate(err)
}

// countAttachments sets how many files each of the products has.
func (c *Catalog) countAttachments(ctx context.Context, products []models.ListedProduct) error {
	if len(products) == 0 {
		return nil
	}
	ids := make([]int64, len(products))
	for i, p := range products {
		ids[i] = p.ID
	}
	var counts []struct{ ID, N int64 }
	if err := c.attached(ctx).Select("id_produk AS id, count(*) AS n").Where("id_produk IN ?", ids).Group("id_produk").Scan(&counts).Error; err != nil {
		return c.s.Translate(err)
	}
	of := make(map[int64]int64, len(counts))
	for _, count := range counts {
		of[count.ID] = count.N
	}
	for i := range products {
		products[i].AttachmentsCount = of[products[i].ID]
	}
	return nil
}

// attached are the files that belong to products.
func (c *Catalog) attached(ctx context.Context) *gorm.DB {
	return c.s.Gorm(ctx).Model(&models.Attachment{}).Where("state <> ?", models.AttachmentPending)
}
