package faults_test

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"lifecycle-sync/test/kit"
	"lifecycle-sync/test/kit/testdb"
)

// exempt are the settings that the test leaves alone: lifecycle-sync respects them, a role cannot have them, or PostgreSQL
// itself does not work with other values.
var exempt = []string{
	"search_path", "default_transaction_read_only", // respected
	"role", "session_authorization", "transaction_isolation", "transaction_read_only", "transaction_deferrable", "seed", "is_superuser", // not for roles
	"local_preload_libraries", "session_preload_libraries", "dynamic_library_path", "default_tablespace", "temp_tablespaces", "default_table_access_method", // no connection or table at all
	"ignore_system_indexes", "post_auth_delay", "trace_sort", "ignore_checksum_failure", "zero_damaged_pages", "allow_system_table_mods", "temp_file_limit", "backtrace_functions", // for debugging
}

// hostileSettings returns a value far from the default for each setting that a role can have.
func (s *site) hostileSettings() map[string]string {
	s.Helper()
	rows, err := s.source.Query(`SELECT name, CASE
			WHEN vartype = 'bool' THEN CASE boot_val WHEN 'on' THEN 'off' ELSE 'on' END
			WHEN vartype = 'enum' THEN (SELECT v FROM unnest(enumvals) AS v WHERE v <> boot_val ORDER BY v LIMIT 1)
			WHEN vartype IN ('integer', 'real') AND name LIKE '%timeout' THEN '1'
			WHEN vartype IN ('integer', 'real') AND min_val <> boot_val THEN min_val
			WHEN vartype IN ('integer', 'real') AND name NOT LIKE '%debug%' THEN max_val
			WHEN name = 'DateStyle' THEN 'German, DMY'
			WHEN name = 'TimeZone' THEN 'Asia/Kathmandu'
			WHEN name = 'client_encoding' THEN 'LATIN1'
		END FROM pg_settings WHERE context IN ('user', 'superuser') AND NOT name = ANY (string_to_array($1, ','))`, strings.Join(exempt, ","))
	if err != nil {
		s.Fatal(err)
	}
	defer rows.Close()
	hostile := map[string]string{}
	for rows.Next() {
		var name string
		var value *string
		if err := rows.Scan(&name, &value); err != nil {
			s.Fatal(err)
		}
		if value != nil {
			hostile[name] = *value
		}
	}
	if err := rows.Err(); err != nil {
		s.Fatal(err)
	}
	return hostile
}

// TestSettings_OfARoleBreakNothing gives the role of both databases all hostile settings at once, and narrows a failure down to
// single settings.
func TestSettings_OfARoleBreakNothing(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	role, as := testdb.Role(t, s.SourceURL)
	s.exec(s.source, "ALTER ROLE "+role+" SUPERUSER")
	s.UseDatabases(as, strings.Replace(s.TargetURL, s.TargetURL[:strings.LastIndex(s.TargetURL, "/")], as[:strings.LastIndex(as, "/")], 1))
	t.Cleanup(func() {
		s.exec(s.source, "ALTER ROLE "+role+" RESET ALL")
		s.exec(s.target, "REASSIGN OWNED BY "+role+" TO CURRENT_USER")
	})
	hostile := s.hostileSettings()
	works := func(names []string) error {
		s.exec(s.source, "ALTER ROLE "+role+" RESET ALL")
		for _, name := range names {
			if _, err := s.source.Exec(fmt.Sprintf("ALTER ROLE %s SET %s = '%s'", role, name, hostile[name])); err != nil {
				t.Logf("the server refuses %s = %s: %v", name, hostile[name], err)
			}
		}
		s.change()
		for _, command := range [][]string{{"sync", "--mode", "incremental"}, {"sync"}, {"verify"}} {
			if run := s.Begin(command...); run.Wait() != 0 {
				return fmt.Errorf("%v: %s", command, run)
			}
		}
		return nil
	}
	var narrow func(names []string)
	narrow = func(names []string) {
		err := works(names)
		switch {
		case err == nil:
		case len(names) == 1:
			t.Errorf("%s = %s: %v", names[0], hostile[names[0]], err)
		default:
			narrow(names[:len(names)/2])
			narrow(names[len(names)/2:])
		}
	}
	all := slices.Sorted(maps.Keys(hostile))
	t.Logf("%d settings", len(all))
	narrow(all)
	if t.Failed() {
		return
	}
	if kit.IsLong() {
		for _, name := range all {
			narrow([]string{name})
		}
		_ = works(all)
	}
	v := s.serve()
	if status := v.send(http.MethodGet, "/products?search=a%5Cb%27c", ""); status != http.StatusOK {
		t.Errorf("a search: %d\n%s", status, v)
	}
	if status := v.send(http.MethodPost, "/products", uji); status != http.StatusCreated {
		t.Errorf("a write: %d\n%s", status, v)
	}
	v.end()
	s.wantRecovery()
}
