package faults_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"

	"lifecycle-sync/test/kit"
	"lifecycle-sync/test/kit/testdb"
)

// exempt are the settings that the tests leave alone: lifecycle-sync respects them, a role cannot have them, or PostgreSQL
// itself does not work with other values.
var exempt = []string{
	"search_path", "default_transaction_read_only", // respected
	"role", "session_authorization", "transaction_isolation", "transaction_read_only", "transaction_deferrable", "seed", "is_superuser", // not for roles
	"local_preload_libraries", "session_preload_libraries", "dynamic_library_path", "extension_control_path", "default_tablespace", "temp_tablespaces", "default_table_access_method", // no connection or table at all
	"ignore_system_indexes", "post_auth_delay", "trace_sort", "ignore_checksum_failure", "zero_damaged_pages", "allow_system_table_mods", "temp_file_limit", "backtrace_functions", // for debugging
}

// hostileSettings returns values far from the default for each setting that a role can have. timeout is the value of timeouts.
func (s *site) hostileSettings(timeout string) map[string][]string {
	s.Helper()
	rows, err := s.source.Query(`SELECT name, unnest(CASE
			WHEN vartype = 'bool' THEN ARRAY[CASE boot_val WHEN 'on' THEN 'off' ELSE 'on' END]
			WHEN vartype = 'enum' THEN array_remove(enumvals, boot_val)
			WHEN name = 'transaction_timeout' THEN ARRAY['100'] -- parallel workers start with it
			WHEN vartype IN ('integer', 'real') AND name LIKE '%timeout' THEN ARRAY[$2]
			WHEN vartype IN ('integer', 'real') AND name LIKE '%debug%' THEN array_remove(ARRAY[min_val], boot_val)
			WHEN vartype IN ('integer', 'real') THEN array_remove(ARRAY[min_val, max_val], boot_val)
			WHEN name = 'DateStyle' THEN ARRAY['German, DMY', 'SQL, MDY', 'Postgres, DMY']
			WHEN name = 'TimeZone' THEN ARRAY['Asia/Kathmandu', '-12']
			WHEN name = 'client_encoding' THEN ARRAY['LATIN1', 'SQL_ASCII']
		END) FROM pg_settings WHERE context IN ('user', 'superuser') AND NOT name = ANY (string_to_array($1, ',')) ORDER BY 1, 2`, strings.Join(exempt, ","), timeout)
	if err != nil {
		s.Fatal(err)
	}
	defer rows.Close()
	hostile := map[string][]string{}
	for rows.Next() {
		var name, value string
		if err := rows.Scan(&name, &value); err != nil {
			s.Fatal(err)
		}
		hostile[name] = append(hostile[name], value)
	}
	if err := rows.Err(); err != nil {
		s.Fatal(err)
	}
	return hostile
}

// walk gives the role of both databases hostile settings.
type walk struct {
	*site
	role, sourceURL, targetURL string
	connect                    func() // makes the program connect with new settings
}

func newWalk(s *site) *walk {
	s.Helper()
	role, as := testdb.Role(s, s.SourceURL)
	s.exec(s.source, "ALTER ROLE "+role+" SUPERUSER")
	w := &walk{site: s, role: role, sourceURL: as}
	w.targetURL = strings.Replace(s.TargetURL, s.TargetURL[:strings.LastIndex(s.TargetURL, "/")], as[:strings.LastIndex(as, "/")], 1)
	w.connect = func() { s.UseDatabases(w.sourceURL, w.targetURL) }
	s.Cleanup(func() {
		s.exec(s.source, "ALTER ROLE "+role+" RESET ALL")
		s.exec(s.target, "REASSIGN OWNED BY "+role+" TO CURRENT_USER")
	})
	return w
}

// works returns an error if a run fails with settings.
func (w *walk) works(settings map[string]string) error {
	w.exec(w.source, "ALTER ROLE "+w.role+" RESET ALL")
	for name, value := range settings {
		if _, err := w.source.Exec(fmt.Sprintf("ALTER ROLE %s SET %s = '%s'", w.role, name, value)); err != nil && kit.IsLong() {
			w.Logf("the server refuses %s = %s: %v", name, value, err)
		}
	}
	w.connect()
	w.exec(w.source, "UPDATE tbl_produk SET harga = coalesce(harga, 0) + 1 WHERE id % 2 = 0")
	for _, command := range [][]string{{"sync", "--mode", "incremental"}, {"sync"}, {"verify"}} {
		if run := w.Begin(command...); run.Wait() != 0 {
			return fmt.Errorf("%v: %s", command, run)
		}
	}
	return nil
}

// narrow reports the fewest settings with which runs fail, if they fail with these.
func (w *walk) narrow(settings map[string]string) (failed bool) {
	err := w.works(settings)
	if err == nil {
		return false
	}
	narrower := false
	if names := slices.Sorted(maps.Keys(settings)); len(names) > 1 {
		for _, half := range [][]string{names[:len(names)/2], names[len(names)/2:]} {
			part := map[string]string{}
			for _, name := range half {
				part[name] = settings[name]
			}
			narrower = w.narrow(part) || narrower
		}
	}
	if !narrower { // one setting, or several that fail only together
		w.Errorf("%v: %v", settings, err)
	}
	return true
}

// batch chooses a value of each setting.
func batch(hostile map[string][]string, random *rand.Rand) map[string]string {
	chosen := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(hostile)) {
		chosen[name] = hostile[name][random.IntN(len(hostile[name]))]
	}
	return chosen
}

// loginSlowly makes logins take longer than transactions may.
func (w *walk) loginSlowly() {
	w.Helper()
	w.exec(w.source, "CREATE FUNCTION pause() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(0.05); END'")
	w.exec(w.source, "CREATE EVENT TRIGGER pause ON login EXECUTE FUNCTION pause()")
	w.narrow(map[string]string{"transaction_timeout": "10"})
	w.exec(w.source, "DROP EVENT TRIGGER pause")
}

// useAPI searches and writes.
func (w *walk) useAPI() {
	w.Helper()
	v := w.serve()
	if status := v.send(http.MethodGet, "/products?search=a%5Cb%27c", ""); status != http.StatusOK {
		w.Errorf("a search: %d\n%s", status, v)
	}
	if status := v.send(http.MethodPost, "/products", uji); status != http.StatusCreated {
		w.Errorf("a write: %d\n%s", status, v)
	}
	v.end()
}

// seed makes the walks repeatable.
const seed = 12

// TestSettings_OfARoleBreakNothing gives the role of both databases, on the oldest and the newest server, hostile values of all
// settings at once, and narrows a failure down to single settings. make test-long also tries each value alone.
func TestSettings_OfARoleBreakNothing(t *testing.T) {
	t.Parallel()
	for _, major := range []int{testdb.Oldest, testdb.Newest} {
		t.Run(fmt.Sprint(major), func(t *testing.T) {
			t.Parallel()
			server := testdb.NewClusterOf(t, major)
			w := newWalk(siteOn(t, server.Database(t), server.Database(t)))
			hostile := w.hostileSettings("1")
			random := rand.New(rand.NewPCG(seed, uint64(major)))
			t.Logf("%d settings", len(hostile))
			if kit.IsLong() {
				for range 10 {
					w.narrow(batch(hostile, random))
				}
				for name, values := range hostile {
					for _, value := range values {
						w.narrow(map[string]string{name: value})
					}
				}
			}
			w.narrow(batch(hostile, random))
			if major == testdb.Newest {
				w.loginSlowly()
			}
			if t.Failed() {
				return
			}
			w.useAPI()
			w.wantRecovery()
		})
	}
}
