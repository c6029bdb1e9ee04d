package lifecycle_test

import (
	"testing"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/lifecycle"
	"lifecycle-sync/test/kit/databases"
	"lifecycle-sync/test/kit/testdb"
)

// TestRightsOfTheOtherDatabase are not taken for those of lifecycle_db.
func TestRightsOfTheOtherDatabase(t *testing.T) {
	t.Parallel()
	db := databases.Open(t, testdb.SQLite(t), "lifecycle_db")
	other := &models.Error{Class: models.Permission, Text: models.NewText("database.permission", nil)}
	err := lifecycle.New(db).InTx(t.Context(), func(*lifecycle.Tx) error { return other })
	if models.AsError(err) != other {
		t.Errorf("became %v", err)
	}
}
