package lifecycle_test

import (
	"testing"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/database"
	"lifecycle-sync/repositories/database/databasetest"
	"lifecycle-sync/repositories/lifecycle"
)

// TestRightsOfTheOtherDatabase are not taken for those of lifecycle_db.
func TestRightsOfTheOtherDatabase(t *testing.T) {
	t.Parallel()
	db, err := database.Open(databasetest.SQLite(t), database.Options{Name: "lifecycle_db", MaxConns: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	other := &models.Error{Class: models.Permission, Text: models.NewText("database.permission", nil)}
	err = lifecycle.New(db).InTx(t.Context(), func(*lifecycle.Tx) error { return other })
	if models.AsError(err) != other {
		t.Errorf("became %v", err)
	}
}
