package mirror_test

import (
	"testing"

	"go.uber.org/goleak"

	"lifecycle-sync/repositories/database/databasetest"
)

// TestMain fails the package when a run leaves a goroutine behind.
func TestMain(m *testing.M) { goleak.VerifyTestMain(databasetest.Recycle(m)) }
