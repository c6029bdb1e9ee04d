package app_test

import (
	"encoding/json"
	"strings"
	"testing"

	"lifecycle-sync/models"
	"lifecycle-sync/services/doctor"
	"lifecycle-sync/test/kit/testdb"
)

// diagnosis is what doctor --json prints on its last line.
type diagnosis struct {
	Checks []struct {
		Name, Message, Remedy string
		Status                doctor.Status
		BlocksRuns            bool           `json:"blocks_runs"`
		MessageDetail         models.Text    `json:"message_detail"`
		RemedyDetail          *models.Remedy `json:"remedy_detail"`
	}
	OK *bool
}

// doctorJSON runs doctor --json and reads what it prints on standard output, which is one line.
func (s *site) doctorJSON(code int, env ...string) diagnosis {
	s.Helper()
	e := s.runWith(env, "doctor", "--json")
	var v diagnosis
	if err := json.Unmarshal([]byte(e.stdout), &v); e.code != code || err != nil || strings.Count(e.stdout, "\n") != 1 {
		s.Fatalf("%d expected, %v: %s", code, err, e)
	}
	if v.OK == nil || *v.OK != (code == 0) || len(v.Checks) == 0 {
		s.Fatalf("%s", e)
	}
	for _, f := range v.Checks {
		needsRemedy := f.Status == doctor.Note || f.Status == doctor.Problem
		if f.Name == "" || f.Status == "" || f.Message == "" || f.MessageDetail.Code == "" || needsRemedy && (f.Remedy == "" || f.RemedyDetail == nil) {
			s.Errorf("%+v", f)
		}
	}
	return v
}

// status is the worst that a check has found.
func (v diagnosis) status(name string) (worst doctor.Status) {
	for _, f := range v.Checks {
		if f.Name == name && worst != doctor.Problem {
			worst = f.Status
		}
	}
	return worst
}

func TestDoctor_ExitCodesAndOutput(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, url func(testing.TB) string) {
		t.Parallel()
		s := newSite(t, url)
		s.must(0, "seed")
		s.must(0, "migrate")
		if v := s.doctorJSON(1); v.status("sync.last_success") != doctor.Problem {
			t.Errorf("never synchronised: %+v", v)
		}
		s.must(0, "sync")
		s.doctorJSON(0)
		e := s.must(0, "doctor")
		for _, part := range []string{"✅ source.tables: Every table exists.\n", "🎉 No problems found\n", "⚠️ source.required_values: tbl_produk.id_segmen is NULL", "\n   These rows are mirrored", "\n   SELECT id FROM tbl_produk"} {
			if !strings.Contains(e.stdout, part) {
				t.Errorf("%q is not in %s", part, e)
			}
		}
		before := s.mirror()
		s.exec(s.source, "ALTER TABLE tbl_produk DROP COLUMN harga")
		if v := s.doctorJSON(1); v.status("source.columns") != doctor.Problem {
			t.Errorf("a column is missing: %+v", v)
		}
		if e := s.must(1, "doctor"); !strings.Contains(e.stdout, "❌ source.columns (blocks runs): tbl_produk.harga is missing.\n   Run in lifecycle_db:\n   ALTER TABLE tbl_produk ADD COLUMN harga bigint\n") ||
			!strings.Contains(e.stdout, "❌ Problems need action\n") || e.stderr != "" {
			t.Errorf("%s", e)
		}
		if after := s.mirror(); strings.Join(after, "\n") != strings.Join(before, "\n") {
			t.Error("doctor has changed the mirror")
		}
		if e := s.runWith([]string{"PORT=99999"}, "doctor", "--json"); e.code != 2 || e.stdout != "" || !strings.Contains(e.stderr, "PORT") {
			t.Errorf("a wrong port: %s", e)
		}
		s.must(2, "doctor", "--whatever")
	})
}

func TestDoctor_ChecksTheRestWithoutDatabases(t *testing.T) {
	t.Parallel()
	s := &site{TB: t, dir: t.TempDir(), sourceURL: "postgres://u:p@127.0.0.1:1/db", targetURL: "postgres://u:p@127.0.0.1:1/db"}
	v := s.doctorJSON(1, "SYNC_REALTIME=true")
	for name, want := range map[string]doctor.Status{
		"lifecycle_db.reachable": doctor.Problem, "pmo_db.reachable": doctor.Problem, "source.tables": doctor.Skipped, "sync.last_success": doctor.Skipped,
		"replication.connection": doctor.Skipped, "machine.uploads": doctor.OK, "machine.data": doctor.OK,
	} {
		if got := v.status(name); got != want {
			t.Errorf("%s: %s", name, got)
		}
	}
}
