package lifecycle

import (
	"context"
	"time"

	"lifecycle-sync/models"
)

// Transition reads an entry of the stage history as the API shows it.
func (tx *Tx) Transition(ctx context.Context, t *models.Table, id int64) (transition models.ListedTransition, err error) {
	err = tx.conn.Gorm(ctx).Table(HistoryTable+" h").
		Joins("LEFT JOIN tbl_produk product ON product.id = h.id_produk").
		Joins("LEFT JOIN tbl_stage previous ON previous.id = h.stage_previous").
		Joins("LEFT JOIN tbl_stage present ON present.id = h.stage_now").
		Select(tx.db.Readable("h", t)+", product.produk, previous.stage AS stage_previous_name, present.stage AS stage_now_name").
		Where("h.id = ?", id).Take(&transition).Error
	return transition, tx.db.Translate(err)
}

// HasLaterTransition reports whether a product has a transition later than a time. One whose time is none,
// such as infinity, is in quarantine and does not count: nothing could ever be newer.
func (tx *Tx) HasLaterTransition(ctx context.Context, t *models.Table, productID int64, than time.Time) (later bool, err error) {
	for _, c := range t.Columns {
		if c.Name == "tanggal_perubahan" {
			err = tx.conn.Gorm(ctx).Raw("SELECT EXISTS (SELECT 1 FROM tbl_stage_histori WHERE id_produk = ? AND "+tx.db.Fits(c.Name, c)+
				" AND "+tx.db.Cell(c.Name, c)+" > ?)", productID, than).Scan(&later).Error
		}
	}
	return later, tx.db.Translate(err)
}
