package doctor

import (
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/database"
	"lifecycle-sync/repositories/lifecycle"
)

// What no test server shows: other versions, standbys, a server without capacity.
func TestFindings(t *testing.T) {
	t.Parallel()
	const url, on, off = "LIFECYCLE_DATABASE_URL", true, false
	capacity := lifecycle.Replication{WALLevel: "logical", Slots: 1, MaxSlots: 10, Senders: 1, MaxSenders: 10}
	replica, slots, senders, prepared := capacity, capacity, capacity, capacity
	replica.WALLevel, slots.Slots, senders.Senders, prepared.Prepared = "replica", 10, 10, true
	newSlot := func(active bool, status string, retained int64, ours bool) slot {
		return slot{lifecycle.SlotStatus{Name: "lifecycle_sync_a", Active: active, WALStatus: status, Retained: retained}, ours}
	}
	active, idle, lost := newSlot(on, "reserved", 5_300_000, true), newSlot(off, "extended", 2_340_000_000, true), newSlot(off, "lost", 0, true)
	endangered := newSlot(on, "unreserved", 1, true)
	creating := active
	creating.Creating = true
	other, otherLost, otherActive := idle, lost, active
	other.ours, otherLost.ours, otherActive.ours = false, false, false
	const drop = "SELECT pg_drop_replication_slot('lifecycle_sync_a')"
	hours := func(n int) *time.Duration { d := time.Duration(n) * time.Hour; return &d }
	reader := database.ServerInfo{Role: "reader"}
	refused := models.NewError(models.Permission, "test.refused", nil).WithRemedy("test.remedy", nil)
	for name, c := range map[string]struct {
		got           Finding
		status        Status
		code, command string
	}{
		"version too old":                       {versionFinding(database.ServerInfo{Version: 130_012, Release: "13.12"}), Problem, "doctor.version_too_old", ""},
		"oldest version":                        {versionFinding(database.ServerInfo{Version: 140_000, Release: "14.0"}), OK, "doctor.version_ok", ""},
		"newest version":                        {versionFinding(database.ServerInfo{Version: 180_009, Release: "18.9"}), OK, "doctor.version_ok", ""},
		"version too new":                       {versionFinding(database.ServerInfo{Version: 190_000, Release: "19beta1"}), Note, "doctor.version_untested", ""},
		"source on standby":                     {primaryFinding(inSource, database.ServerInfo{Standby: true}, url, off), Note, "doctor.source_on_standby", ""},
		"real-time sync from standby":           {primaryFinding(inSource, database.ServerInfo{Standby: true}, url, on), Problem, "doctor.realtime_on_standby", ""},
		"mirror on standby":                     {primaryFinding(inMirror, database.ServerInfo{Standby: true}, url, off), Problem, "doctor.mirror_on_standby", ""},
		"source in SQL_ASCII":                   {encodingFinding(inSource, "SQL_ASCII"), OK, "doctor.encoding_ascii", ""},
		"source in LATIN1":                      {encodingFinding(inSource, "LATIN1"), OK, "doctor.encoding_ok", ""},
		"mirror in SQL_ASCII":                   {encodingFinding(inMirror, "SQL_ASCII"), Problem, "schema.encoding", ""},
		"unencrypted connection":                {tlsFinding(database.Transport{}, url), Note, "doctor.tls_off", ""},
		"encrypted connection":                  {tlsFinding(database.Transport{Encrypted: true}, url), OK, "doctor.tls_ok", ""},
		"local connection":                      {tlsFinding(database.Transport{Local: true}, url), OK, "doctor.tls_local", ""},
		"clock within tolerance":                {clockFinding(-5 * time.Second), OK, "doctor.clock_ok", ""},
		"needed REPLICATION":                    {roleFinding(inSource, database.ServerInfo{Role: "reader", Replication: true}, url, on), OK, "doctor.role_ok", ""},
		"wal_level too low":                     {replicationFindings(replica, nil, on)[0], Problem, "doctor.wal_level", "ALTER SYSTEM SET wal_level = logical"},
		"wal_level too low, not needed":         {replicationFindings(replica, nil, off)[0], OK, "doctor.wal_level_unused", ""},
		"no free slot":                          {replicationFindings(slots, nil, on)[0], Problem, "doctor.slots_in_use", "ALTER SYSTEM SET max_replication_slots = 15"},
		"no free slot, but ours exists":         {replicationFindings(slots, []slot{idle}, on)[0], OK, "doctor.replication_ok", ""},
		"no free slot, another pmo_db has one":  {replicationFindings(slots, []slot{other}, on)[0], Problem, "doctor.slots_in_use", "max_replication_slots = 15"},
		"no free sender":                        {replicationFindings(senders, nil, on)[0], Problem, "doctor.senders_in_use", "ALTER SYSTEM SET max_wal_senders = 15"},
		"no free sender, but we have one":       {replicationFindings(senders, []slot{active}, on)[0], OK, "doctor.replication_ok", ""},
		"prepared transaction":                  {replicationFindings(prepared, nil, on)[0], Problem, "doctor.prepared_transaction", "FROM pg_prepared_xacts"},
		"prepared transaction, but ours exists": {replicationFindings(prepared, []slot{idle}, on)[0], OK, "doctor.replication_ok", ""},
		"followed slot":                         {slotFinding(active, on), OK, "doctor.slot_ok", ""},
		"slot followed elsewhere":               {slotFinding(active, off), Note, "doctor.slot_followed_elsewhere", ""},
		"inactive slot":                         {slotFinding(idle, on), Note, "doctor.slot_inactive", ""},
		"lost slot":                             {slotFinding(lost, on), Note, "doctor.slot_lost", drop},
		"lost slot, unused":                     {slotFinding(lost, off), Problem, "doctor.unused_slot_lost", drop},
		"slot about to lose WAL":                {slotFinding(endangered, on), Problem, "doctor.slot_endangered", ""},
		"other slot abandoned":                  {slotFinding(other, on), Problem, "doctor.other_slot_abandoned", drop},
		"other slot followed":                   {slotFinding(otherActive, off), OK, "doctor.slot_ok", ""},
		"other slot lost":                       {slotFinding(otherLost, on), Note, "doctor.other_slot_lost", drop},
		"connection through a pooler": {replicationConnectionFinding(models.NewError(models.Schema, "database.pooler_blocks_replication", nil).WithRemedy("database.pooler_blocks_replication_remedy", nil), database.ServerInfo{}), Problem,
			"database.pooler_blocks_replication", ""},
		"connection refused":     {replicationConnectionFinding(refused, database.ServerInfo{Superuser: true}), Problem, "test.refused", ""},
		"replication connection": {replicationConnectionFinding(nil, reader), OK, "doctor.replication_connection_ok", ""},
		"fresh success":          {lastSuccessFinding(hours(26), 26*time.Hour), OK, "doctor.success_ok", ""},
		"interrupted run":        {lastRunFinding(&models.Run{ID: 7, State: models.Interrupted}), Note, "doctor.run_interrupted", ""},
		"no run":                 {lastRunFinding(nil), Skipped, "doctor.no_run", ""},
	} {
		needsRemedy, command := c.status == Note || c.status == Problem, ""
		if c.got.Remedy != nil {
			command = c.got.Remedy.Command
		}
		if c.got.Status != c.status || c.got.Code != c.code || (c.got.Remedy != nil) != needsRemedy || !strings.Contains(command, c.command) || (c.command == "") != (command == "") {
			t.Errorf("%s: %+v", name, c.got)
		}
	}
}

func TestReplicationProblem(t *testing.T) {
	t.Parallel()
	if p := (lifecycle.Access{}).ReplicationProblem("tbl_stage", database.TableInfo{CannotHaveKey: true}); p == nil || p.Code != "realtime.not_a_table" {
		t.Errorf("a view: %+v", p)
	}
	full := lifecycle.Access{Identity: "f", Identified: true, IdentityOnID: true}
	if p := full.ReplicationProblem("tbl_stage", database.TableInfo{Ordinary: true, KeyOnID: true}); p != nil {
		t.Errorf("a table with REPLICA IDENTITY FULL: %+v", p)
	}
}

func TestDiagnose_HidesUnexpectedErrors(t *testing.T) {
	t.Parallel()
	d := &diagnosis{Doctor: &Doctor{Log: slog.New(slog.DiscardHandler)}}
	if f := d.checkFailed(check{name: "x"}, errors.New("rahasia")); f.Status != Problem || strings.Contains(f.String(), "rahasia") {
		t.Errorf("%+v", f)
	}
}
