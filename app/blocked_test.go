package app_test

import (
	"bytes"
	"os/exec"
)

// blocked starts a run and returns when it waits for a table of the source that the test has locked.
func (s *site) blocked(args ...string) (cmd *exec.Cmd, stdout, stderr *bytes.Buffer, release func()) {
	s.Helper()
	release = s.locked()
	cmd, stdout, stderr = s.command(nil, args...)
	if err := cmd.Start(); err != nil {
		s.Fatal(err)
	}
	waiting := "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'tbl_stage_histori'::regclass AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
	for s.number(s.source, waiting) == 0 {
		if s.Context().Err() != nil {
			s.Fatal("the run never came to the locked table")
		}
	}
	return cmd, stdout, stderr, release
}

// locked keeps everybody from reading a table of the source, until it is released.
func (s *site) locked() (release func()) {
	s.Helper()
	tx, err := s.source.BeginTx(s.Context(), nil)
	if err != nil {
		s.Fatal(err)
	}
	if _, err := tx.ExecContext(s.Context(), "LOCK TABLE tbl_stage_histori IN ACCESS EXCLUSIVE MODE"); err != nil {
		s.Fatal(err)
	}
	return func() { _ = tx.Rollback() }
}
