package lifecycle_test

import (
	"slices"
	"testing"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/lifecycle"
	"lifecycle-sync/test/kit"
	"lifecycle-sync/test/kit/testdb"
)

func TestTx_WritesProductsAndStageRecords(t *testing.T) { //nolint:gocyclo // one story, step by step
	t.Parallel()
	testdb.Each(t, func(t *testing.T, url func(testing.TB) string) {
		t.Parallel()
		db, source := seeded(t, url(t), 0)
		kit.Exec(t, db.SQL, "INSERT INTO tbl_stage (stage) VALUES ('Introduction')")
		price := int64(1<<53 + 1)
		created := []models.Product{{Name: new("Gardu"), Price: &price, StageID: new(int64(1)), SegmentID: new(int64(7))}}
		histories := []models.StageHistory{{StageID: new(int64(1)), Metrics: models.JSON(`{"a": 1.00}`)}}
		err := source.InTx(t.Context(), func(tx *lifecycle.Tx) error {
			if err := tx.CreateProducts(t.Context(), created); err != nil {
				return err
			}
			product := created[0]
			histories[0].ProductID, histories[0].ChangedAt = &product.ID, new(models.InstantOf(tx.Now))
			if err := tx.CreateStageRecords(t.Context(), histories); err != nil {
				return err
			}
			history := histories[0]
			if product.ID != 1 || history.ID != 1 || !product.UpdatedAt.Time().Equal(tx.Now) || !history.CreatedAt.Time().Equal(tx.Now) {
				t.Errorf("created %+v and %+v", product, history)
			}
			unknown, err := tx.UnknownChoices(t.Context(), &product)
			if err != nil || len(unknown) != 1 || unknown[0].Column != "id_segmen" {
				t.Errorf("unknown choices are %v, %v", unknown, err)
			}
			moves, err := tx.NewestMoves(t.Context(), []int64{product.ID})
			newest := moves[product.ID]
			if err != nil || newest == nil || newest.ID != 1 || !newest.ChangedAt.Time().Equal(tx.Now) || !models.MoveTime(newest, tx.Now).After(tx.Now) {
				t.Errorf("the newest move is %+v, %v", newest, err)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		err = source.InTx(t.Context(), func(tx *lifecycle.Tx) error {
			if err := tx.UpdateProducts(t.Context(), []int64{1}, models.Product{Name: new("ignored"), Customer: new("PLN")}, "pelanggan", "harga"); err != nil {
				return err
			}
			if err := tx.UpdateStageRecord(t.Context(), 1, models.StageHistory{Notes: new("baru")}, "catatan", "performance_metrics"); err != nil {
				return err
			}
			products, err := tx.ListedProducts(t.Context(), []int64{1})
			if err != nil {
				return err
			}
			listed := products[0]
			if *listed.Name != "Gardu" || *listed.Customer != "PLN" || listed.Price != nil || *listed.Stage != "Introduction" ||
				!listed.UpdatedAt.Time().Equal(tx.Now) || *listed.CreatedAt != *created[0].CreatedAt {
				t.Errorf("updated to %+v, %v", listed, err)
			}
			record, err := tx.ListedRecord(t.Context(), 1)
			if err != nil || *record.Notes != "baru" || record.Metrics != nil || *record.ProductID != 1 || *record.StageID != 1 {
				t.Errorf("updated to %+v, %v", record, err)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		err = source.InTx(t.Context(), func(tx *lifecycle.Tx) error {
			err := tx.DeleteProduct(t.Context(), 1)
			if rows := tx.Rows(); err != nil || !slices.Equal(rows["tbl_produk"], []int64{1}) || !slices.Equal(rows["tbl_stage_histori"], []int64{1}) {
				t.Errorf("deleted %v, %v", rows, err)
			}
			if rows, err := tx.LockProducts(t.Context(), []int64{1}); len(rows) > 0 || err != nil {
				t.Errorf("the product is still there: %v", err)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}

func TestTx_ReportsSuppressedWrites(t *testing.T) {
	t.Parallel()
	db, source := seeded(t, testdb.Postgres(t), 0)
	kit.Exec(t, db.SQL, "INSERT INTO tbl_produk (produk) VALUES ('Gardu')")
	kit.Exec(t, db.SQL, "CREATE FUNCTION suppress() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'")
	kit.Exec(t, db.SQL, "CREATE TRIGGER suppress BEFORE INSERT OR UPDATE OR DELETE ON tbl_produk FOR EACH ROW EXECUTE FUNCTION suppress()")
	for name, write := range map[string]func(tx *lifecycle.Tx) error{
		"insert": func(tx *lifecycle.Tx) error { return tx.CreateProducts(t.Context(), make([]models.Product, 1)) },
		"update": func(tx *lifecycle.Tx) error {
			return tx.UpdateProducts(t.Context(), []int64{1}, models.Product{}, "produk")
		},
		"delete": func(tx *lifecycle.Tx) error { return tx.DeleteProduct(t.Context(), 1) },
	} {
		err := source.InTx(t.Context(), write)
		if e := models.AsError(err); e == nil || e.Class != models.Constraint || e.Text.Code != "lifecycle.suppressed" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestInTx_KeepsPermissionErrorsOfPMO does not report them as missing privileges in lifecycle_db.
func TestInTx_KeepsPermissionErrorsOfPMO(t *testing.T) {
	t.Parallel()
	_, source := opened(t, testdb.SQLite(t))
	other := &models.Error{Class: models.Permission, Text: models.NewText("database.permission", nil)}
	if err := source.InTx(t.Context(), func(*lifecycle.Tx) error { return other }); models.AsError(err) != other {
		t.Errorf("became %v", err)
	}
}
