package alerts_test

import (
	"testing"

	"go.uber.org/goleak"

	"lifecycle-sync/test/kit/testdb"
)

// TestMain fails the package when something leaves a goroutine behind.
func TestMain(m *testing.M) { goleak.VerifyTestMain(testdb.Recycle(m)) }
