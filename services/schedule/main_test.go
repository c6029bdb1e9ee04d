package schedule

import (
	"testing"

	"go.uber.org/goleak"

	"lifecycle-sync/repositories/database/databasetest"
)

// TestMain fails the package when a schedule leaves a goroutine behind.
func TestMain(m *testing.M) { goleak.VerifyTestMain(databasetest.Recycle(m)) }
