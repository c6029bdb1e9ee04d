package console_test

import (
	"testing"

	"lifecycle-sync/test/kit/program"
)

func TestMain(m *testing.M) { program.Main(m) }
