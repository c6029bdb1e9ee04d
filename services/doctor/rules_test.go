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

// TestRules judges what no test server shows: other versions, standbys, a server without room.
func TestRules(t *testing.T) {
	t.Parallel()
	const url, on, off = "LIFECYCLE_DATABASE_URL", true, false
	room := lifecycle.Replication{WALLevel: "logical", Slots: 1, MaxSlots: 10, Senders: 1, MaxSenders: 10}
	replica, slots, senders := room, room, room
	replica.WALLevel, slots.Slots, senders.Senders = "replica", 10, 10
	kept := func(active bool, status string, retained int64, ours bool) slot {
		return slot{lifecycle.KeptSlot{Name: "lifecycle_sync_a", Active: active, WALStatus: status, Retained: retained}, ours}
	}
	active, idle, lost, endangered := kept(on, "reserved", 5_300_000, true), kept(off, "extended", 2_340_000_000, true), kept(off, "lost", 0, true), kept(on, "unreserved", 1, true)
	other, otherLost := idle, lost
	other.ours, otherLost.ours = false, false
	otherActive := active
	otherActive.ours = false
	hours := func(n int) *time.Duration { d := time.Duration(n) * time.Hour; return &d }
	reader := database.Server{Role: "reader"}
	refused := &models.Error{Class: models.Permission, LegacyMessage: "ditolak", LegacyRemedy: "obat"}
	for name, c := range map[string]struct {
		got          Finding
		status       Status
		says, remedy string
	}{
		"an old server":                     {judgeVersion(database.Server{Version: 130_012, Release: "13.12"}), Problem, "13.12 is older than 14", "Upgrade"},
		"the oldest":                        {judgeVersion(database.Server{Version: 140_000, Release: "14.0"}), OK, "14.0", ""},
		"the newest":                        {judgeVersion(database.Server{Version: 180_009, Release: "18.9"}), OK, "18.9", ""},
		"a new server":                      {judgeVersion(database.Server{Version: 190_000, Release: "19beta1"}), Note, "19beta1 is newer than 18", "newer Lifecycle Sync"},
		"a source on a standby":             {judgePrimary(inSource, database.Server{Standby: true, Version: 150_000}, url, off), Note, "cannot write", url},
		"a standby to be followed":          {judgePrimary(inSource, database.Server{Standby: true, Version: 160_000}, url, on), Problem, "no real time", "SYNC_REALTIME=false"},
		"a mirror on a standby":             {judgePrimary(inMirror, database.Server{Standby: true}, url, off), Problem, "takes no writes", "primary"},
		"a primary":                         {judgePrimary(inSource, database.Server{}, url, off), OK, "takes writes", ""},
		"a source without an encoding":      {judgeEncoding(inSource, "SQL_ASCII"), OK, "quarantine", ""},
		"a source of another encoding":      {judgeEncoding(inSource, "LATIN1"), OK, "LATIN1", ""},
		"a mirror without an encoding":      {judgeEncoding(inMirror, "SQL_ASCII"), Problem, "SQL_ASCII", "UTF8"},
		"an open line":                      {judgeLine(database.Line{}, url), Note, "not encrypted", "sslmode=verify-full"},
		"an encrypted line":                 {judgeLine(database.Line{Encrypted: true}, url), OK, "encrypted", ""},
		"a line within the machine":         {judgeLine(database.Line{Local: true}, url), OK, "this machine", ""},
		"a clock that is a little off":      {judgeClock(-5 * time.Second), OK, "agree", ""},
		"a role that follows":               {judgeRole(inSource, database.Server{Role: "reader", Replication: true}, url, on), OK, "reader", ""},
		"a role that follows for nothing":   {judgeRole(inMirror, database.Server{Role: "reader", Replication: true}, url, on), Note, "may replicate", "ALTER ROLE reader NOREPLICATION"},
		"a log without rows":                {judgeReplication(replica, nil, on)[0], Problem, "wal_level is replica", "ALTER SYSTEM SET wal_level = logical, then restart"},
		"a log without rows, not needed":    {judgeReplication(replica, nil, off)[0], OK, "SYNC_REALTIME is off", ""},
		"no slot left":                      {judgeReplication(slots, nil, on)[0], Problem, "all 10 replication slots", "max_replication_slots = 15"},
		"no slot left, and we have one":     {judgeReplication(slots, []slot{idle}, on)[0], OK, "room", ""},
		"no sender left":                    {judgeReplication(senders, nil, on)[0], Problem, "all 10 WAL senders", "max_wal_senders = 15"},
		"no sender left, and we have one":   {judgeReplication(senders, []slot{active}, on)[0], OK, "room", ""},
		"a slot that is followed":           {judgeSlot(active, on), OK, "keeps 5.3 MB", ""},
		"a slot that another one follows":   {judgeSlot(active, off), Note, "somebody follows it", "meant to follow"},
		"a slot that nobody follows":        {judgeSlot(idle, on), Note, "keeps 2.3 GB", "sync --follow"},
		"a slot left behind":                {judgeSlot(idle, off), Problem, "until the disk is full", "SELECT pg_drop_replication_slot('lifecycle_sync_a')"},
		"a slot that has lost":              {judgeSlot(lost, on), Note, "has lost", "by itself"},
		"a slot that has lost, left behind": {judgeSlot(lost, off), Problem, "has lost", "pg_drop_replication_slot"},
		"a slot that is about to lose":      {judgeSlot(endangered, on), Problem, "about to lose", "max_slot_wal_keep_size"},
		"another's slot":                    {judgeSlot(other, on), Problem, "another pmo_db", "If that pmo_db is gone: In lifecycle_db"},
		"another's slot, and we do not":     {judgeSlot(other, off), Problem, "another pmo_db", "pg_drop_replication_slot"},
		"another's slot that is followed":   {judgeSlot(otherActive, off), OK, "is followed", ""},
		"another's slot that has lost":      {judgeSlot(otherLost, on), Note, "another pmo_db", "pg_drop_replication_slot"},
		"only another's slot":               {judgeReplication(slots, []slot{other}, on)[0], Problem, "all 10 replication slots", "max_replication_slots = 15"},
		"a follower without the right":      {judgeFollowing(refused, reader, database.Line{}), Problem, "reader may not replicate", "ALTER ROLE reader REPLICATION"},
		"a follower behind a pooler":        {judgeFollowing(refused, database.Server{Superuser: true}, database.Line{Pooled: true}), Problem, "pooler", "own host and port"},
		"a follower refused otherwise":      {judgeFollowing(refused, database.Server{Superuser: true}, database.Line{}), Problem, "ditolak", "obat"},
		"a follower":                        {judgeFollowing(nil, reader, database.Line{}), OK, "follow its log", ""},
		"a fresh success":                   {judgeSuccess(hours(26), 26*time.Hour), OK, "26 hours old", ""},
		"a stale success":                   {judgeSuccess(hours(27), 26*time.Hour), Problem, "SYNC_STALE_AFTER is 26h0m0s", "lifecycle-sync sync"},
		"an interrupted run":                {judgeVerdict(&models.Run{ID: 7, State: models.Interrupted}), Note, "run 7 was interrupted", "next run"},
		"no run":                            {judgeVerdict(nil), Skipped, "no run yet", ""},
	} {
		if c.got.Status != c.status || !strings.Contains(c.got.Message, c.says) || !strings.Contains(c.got.Remedy, c.remedy) || (c.remedy == "") != (c.got.Remedy == "") {
			t.Errorf("%s: %+v", name, c.got)
		}
	}
}

// TestIdentity of what is no table: real time cannot follow it.
func TestIdentity(t *testing.T) {
	t.Parallel()
	if f := judgeIdentity("tbl_stage", database.TableInfo{Keyless: true}, lifecycle.Access{}); f == nil || f.Status != Problem || !strings.Contains(f.Message, "is no ordinary table") {
		t.Errorf("%+v", f)
	}
	if f := judgeIdentity("tbl_stage", database.TableInfo{Ordinary: true, KeyOnID: true}, lifecycle.Access{Identity: "f", Identified: true, IdentityOnID: true}); f != nil {
		t.Errorf("%+v", f)
	}
}

// TestUnforeseen says no more of an error than may be shown.
func TestUnforeseen(t *testing.T) {
	t.Parallel()
	e := &examination{}
	e.Log = slog.New(slog.DiscardHandler)
	if f := e.failed(check{name: "x"}, errors.New("rahasia")); f.Status != Problem || strings.Contains(f.Message+f.Remedy, "rahasia") {
		t.Errorf("%+v", f)
	}
}
