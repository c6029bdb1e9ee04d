package schedule

import (
	"testing"

	"go.uber.org/goleak"
)

// TestMain fails the package when a schedule leaves a goroutine behind.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }
