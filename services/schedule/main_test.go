package schedule

import (
	"testing"

	"go.uber.org/goleak"

	"lifecycle-sync/repositories/database/databasetest"
)

// TestMain fails if a goroutine is left running.
func TestMain(m *testing.M) { goleak.VerifyTestMain(databasetest.Recycle(m)) }
