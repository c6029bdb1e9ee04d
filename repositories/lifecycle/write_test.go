package lifecycle_test

import (
	"testing"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/lifecycle"
	"lifecycle-sync/test/kit/databases"
	"lifecycle-sync/test/kit/testdb"
)

// TestInTx_KeepsPermissionErrorsOfPMO does not report them as missing privileges in lifecycle_db.
func TestInTx_KeepsPermissionErrorsOfPMO(t *testing.T) {
	t.Parallel()
	db := databases.Open(t, testdb.SQLite(t), "lifecycle_db")
	other := &models.Error{Class: models.Permission, Text: models.NewText("database.permission", nil)}
	err := lifecycle.New(db).InTx(t.Context(), func(*lifecycle.Tx) error { return other })
	if models.AsError(err) != other {
		t.Errorf("became %v", err)
	}
}
