package doctor_test

import (
	"os"
	"slices"
	"strings"
	"testing"

	"lifecycle-sync/services/doctor"
)

// TestHealth examines a healthy pair: every check is in order but for what only real time asks, and is
// explained in docs/operations.md.
func TestHealth(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	content, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	onlyRealtime := []string{"replication.connection", "replication.publication"}
	for _, f := range l.examine() {
		want := doctor.OK
		if slices.Contains(onlyRealtime, f.Name) {
			want = doctor.Skipped
		}
		if f.Status != want {
			t.Errorf("%+v", f)
		}
		if !strings.Contains(string(content), "`"+f.Name+"`") {
			t.Errorf("docs/operations.md does not explain %s", f.Name)
		}
	}
}
