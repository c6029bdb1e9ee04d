package faults_test

import (
	"net/http"
	"strings"
	"testing"

	"lifecycle-sync/test/kit"
	"lifecycle-sync/test/kit/program"
	"lifecycle-sync/test/kit/testdb"
)

func TestFollow_Failover(t *testing.T) {
	t.Parallel()
	kit.Rare(t)
	primary := testdb.NewCluster(t)
	source, target := primary.Database(t), testdb.Postgres(t)
	s := siteOn(t, source, target)
	follower := s.startFollower()
	s.wantMirrored(1)
	s.stopFollower(follower)
	standby := primary.Standby(t)
	s.change()
	end := s.number(s.source, "SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn")
	replica := testdb.Open(t, standby.At(source))
	s.Eventually("the standby is current", func() bool {
		return s.number(replica, "SELECT pg_last_wal_replay_lsn() - '0/0'::pg_lsn") >= end
	})
	primary.Stop("fast")
	standby.Promote()
	s.source = replica
	s.UseDatabases(standby.At(source), target)

	s.exec(s.source, "UPDATE tbl_produk SET harga = 7 WHERE id = 1")
	s.Begin("sync", "--mode", "incremental").Ends(0, "every row was compared: lifecycle_db was failed over or restored (timeline 2 instead of 1)")
	s.wantFullRun()
	s.Command("verify")

	if n := s.number(s.source, "SELECT count(*) FROM pg_replication_slots"); n != 0 {
		t.Fatalf("%d slots came with the standby", n)
	}
	follower = s.startFollower()
	follower.Says("slot was lost: every row was compared")
	s.wantFullRun()
	if n := s.number(s.source, "SELECT count(*) FROM pg_replication_slots WHERE active"); n != 1 {
		t.Errorf("%d slots", n)
	}
	s.wantMirrored(8)
	s.stopFollower(follower)
	s.wantRecovery()
}

func TestFollow_SlotInvalidated(t *testing.T) {
	t.Parallel()
	kit.Rare(t)
	server := testdb.NewCluster(t, "max_slot_wal_keep_size=1MB", "min_wal_size=32MB", "max_wal_size=32MB")
	s := siteOn(t, server.Database(t), testdb.Postgres(t))
	follower := s.startFollower()
	s.wantMirrored(1)
	s.stopFollower(follower)
	s.change()
	s.Eventually("the slot is lost", func() bool {
		s.exec(s.source, "SELECT pg_logical_emit_message(FALSE, '', ''), pg_switch_wal()")
		s.exec(s.source, "CHECKPOINT")
		return s.number(s.source, "SELECT count(*) FROM pg_replication_slots WHERE wal_status = 'lost'") == 1
	})
	follower = s.startFollower()
	follower.Says("slot was lost: every row was compared")
	s.wantFullRun()
	if n := s.number(s.source, "SELECT count(*) FROM pg_replication_slots WHERE active AND wal_status = 'reserved'"); n != 1 {
		t.Errorf("%d slots", n)
	}
	s.Command("verify")
	s.wantMirrored(2)
	s.stopFollower(follower)
	s.wantRecovery()
}

func TestFollow_WALLevel(t *testing.T) {
	t.Parallel()
	kit.Rare(t)
	source := testdb.NewCluster(t, "wal_level=replica").Database(t)
	s := siteOn(t, source, testdb.Postgres(t))
	const says, remedy = "Real-time sync needs wal_level logical; the server of lifecycle_db has replica.", "ALTER SYSTEM SET wal_level = logical"
	s.Begin("sync", "--follow").Ends(1, says, remedy)
	v := s.serve("SYNC_REALTIME=true", "SYNC_SCHEDULE=* * * * * *")
	v.Says(says)
	s.wantMirrored(1)
	s.wantMirrored(2)
	if n := strings.Count(v.Out.String(), says); n != 1 {
		t.Errorf("printed %d times:\n%s", n, &v.Out)
	}
	v.end()
	s.wantRecovery()
}

// TestServe_DropsUnusedSlot switches real-time sync off: the slot, because of which the source's disk would fill, is dropped
// once no process follows with it. Until then doctor and the metrics report it.
func TestServe_DropsUnusedSlot(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	slots := func() int64 {
		t.Helper()
		return s.number(s.source, "SELECT count(*) FROM pg_replication_slots WHERE database = current_database()")
	}
	follower := s.startFollower()
	v := s.serve("SYNC_SCHEDULE=* * * * * *")
	s.Eventually("a run of the server", func() bool {
		return s.number(s.target, "SELECT count(*) FROM lifecycle_sync_runs WHERE mode = 'incremental' AND state = 'succeeded'") > 1
	})
	if _, got, err := do(v.Address(), http.MethodGet, "/metrics", ""); err != nil || !strings.Contains(got, "lifecycle_sync_slot_retained_bytes ") {
		t.Errorf("no metric of the slot in %s, %v", got, err)
	}
	if slots() != 1 {
		t.Error("a slot in use was dropped")
	}
	v.end()
	s.stopFollower(follower)
	s.Begin("doctor").Ends(1, "is not followed, and SYNC_REALTIME is off", "SELECT pg_drop_replication_slot('lifecycle_sync_")
	v = s.serve()
	s.Eventually("the slot is dropped", func() bool { return slots() == 0 })
	v.end()
	s.wantRecovery()
}

// TestFollow_RenamedDatabase renames lifecycle_db while real-time sync is off for a moment: doctor reports it, and nothing is
// lost once the URL has the new name.
func TestFollow_RenamedDatabase(t *testing.T) {
	t.Parallel()
	source, target := testdb.Created(t, ""), testdb.Postgres(t)
	s := siteOn(t, source, target)
	s.stopFollower(s.startFollower())
	s.change()
	s.source.SetMaxIdleConns(0)
	renamed := testdb.Rename(t, source)
	s.Begin("sync", "--follow").Ends(1, "does not exist")
	s.Set("SYNC_REALTIME=true")
	s.Begin("doctor").Ends(1, "❌ lifecycle_db.database")
	s.source = testdb.Open(t, renamed)
	s.UseDatabases(renamed, target)
	follower := s.startFollower()
	s.wantMirrored(3)
	s.stopFollower(follower)
	s.wantRecovery()
}

const followed = "every change is mirrored"

// startFollower starts sync --follow and returns once it follows.
func (s *site) startFollower() *program.Running {
	s.Helper()
	c := s.Begin("sync", "--follow")
	c.Says(followed)
	return c
}

// stopFollower ends a follower and waits until the source's server has noticed.
func (s *site) stopFollower(c *program.Running) {
	s.Helper()
	c.Cancel()
	c.Ends(0)
	s.Eventually("the slot is free", func() bool {
		return s.number(s.source, "SELECT count(*) FROM pg_replication_slots WHERE active AND database = current_database()") == 0
	})
}

// wantFullRun fails unless the newest run was a full one with a reason.
func (s *site) wantFullRun() {
	s.Helper()
	if s.number(s.target, `SELECT count(*) FROM lifecycle_sync_runs WHERE mode = 'full' AND state = 'succeeded' AND reasons IS NOT NULL
		AND id = (SELECT max(id) FROM lifecycle_sync_runs WHERE mode IN ('full', 'incremental'))`) == 0 {
		s.Error("the newest run is not a full one with a reason")
	}
}
