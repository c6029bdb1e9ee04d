package schedule

import (
	"testing"

	"go.uber.org/goleak"

	"lifecycle-sync/test/kit/testdb"
)

// TestMain fails if a goroutine is left running.
func TestMain(m *testing.M) { goleak.VerifyTestMain(testdb.Recycle(m)) }
