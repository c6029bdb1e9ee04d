package doctor

import (
	"context"
	"fmt"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/database"
	"lifecycle-sync/repositories/lifecycle"
)

func (e *examination) replication() []check {
	return []check{
		{name: "replication.slots", on: inSource, postgres: true, look: e.slots},
		{name: "replication.wal_level", on: inSource, postgres: true, look: e.walLevel},
		{name: "replication.connection", on: inSource, postgres: true, look: e.replicates},
		{name: "replication.identity", on: inSource, postgres: true, look: e.identities},
	}
}

// slots looks also when real time is off: a slot that nobody reads fills the server's disk.
func (e *examination) slots(ctx context.Context) (found []Finding, err error) {
	slots, err := e.Source.Slots(ctx)
	if err != nil {
		return nil, err
	}
	for _, s := range slots {
		found = append(found, judgeSlot(s, e.Realtime))
	}
	return orOK(found, "we have no replication slot, and none keeps the server's log"), nil
}

func judgeSlot(s lifecycle.Slot, realtime bool) Finding {
	what := fmt.Sprintf("the slot %s keeps %s of the server's log", s.Name, size(s.Retained))
	drop := fmt.Sprintf("In lifecycle_db, as a superuser or the role of LIFECYCLE_DATABASE_URL: SELECT pg_drop_replication_slot('%s')", s.Name)
	switch {
	case s.WALStatus == "lost" && !realtime:
		return problem("the slot "+s.Name+" has lost what it kept, and nobody needs it: SYNC_REALTIME is off", drop)
	case s.WALStatus == "lost":
		return note("the slot "+s.Name+" has lost what it kept", "Nothing where serve or sync --follow runs: it makes a full run and a new slot by itself. Else "+drop)
	case s.Active && !realtime:
		return note(what+", and somebody follows it although SYNC_REALTIME is off here", "Nothing, if another process is meant to follow; else end that process.")
	case !realtime:
		return problem(what+", which grows until the disk is full: nobody follows it, and SYNC_REALTIME is off", drop)
	case s.WALStatus == "unreserved":
		return problem(what+" and is about to lose it", "See why the follower does not keep up, or raise max_slot_wal_keep_size there.")
	case !s.Active:
		return note(what+", and nobody follows it at the moment", "Start lifecycle-sync serve or sync --follow. If the slot is of a pmo_db that is gone: "+drop)
	default:
		return ok(what + ", and is followed")
	}
}

// size writes a number of bytes in the unit in which people think of disks.
func size(bytes int64) string {
	const mega, giga = 1_000_000, 1_000_000_000
	if bytes >= giga {
		return fmt.Sprintf("%.1f GB", float64(bytes)/giga)
	}
	return fmt.Sprintf("%.1f MB", float64(bytes)/mega)
}

func (e *examination) walLevel(ctx context.Context) ([]Finding, error) {
	have, err := e.Source.Replication(ctx)
	if err != nil {
		return nil, err
	}
	slots, err := e.Source.Slots(ctx)
	if err != nil {
		return nil, err
	}
	return judgeReplication(have, slots, e.Realtime), nil
}

// judgeReplication says what the server lacks for real time. A slot of ours that is there, and a follower
// that is connected, need no further room.
func judgeReplication(have lifecycle.Replication, slots []lifecycle.Slot, realtime bool) (found []Finding) {
	const restart = ", then restart PostgreSQL"
	followed := false
	for _, s := range slots {
		followed = followed || s.Active
	}
	if !realtime {
		return []Finding{ok("wal_level is " + have.WALLevel + "; SYNC_REALTIME is off, and would need logical")}
	}
	if have.WALLevel != "logical" {
		found = append(found, problem("wal_level is "+have.WALLevel+": real time needs logical", "In lifecycle_db, as a superuser: ALTER SYSTEM SET wal_level = logical"+restart))
	}
	if slots == nil && have.Slots >= have.MaxSlots {
		found = append(found, problem(fmt.Sprintf("all %d replication slots are in use", have.MaxSlots),
			fmt.Sprintf("Drop one that nobody needs (pg_replication_slots), or in lifecycle_db, as a superuser: ALTER SYSTEM SET max_replication_slots = %d%s", have.MaxSlots+5, restart)))
	}
	if !followed && have.Senders >= have.MaxSenders {
		found = append(found, problem(fmt.Sprintf("all %d WAL senders are in use", have.MaxSenders),
			fmt.Sprintf("In lifecycle_db, as a superuser: ALTER SYSTEM SET max_wal_senders = %d%s", have.MaxSenders+5, restart)))
	}
	return orOK(found, "wal_level is logical, and there is room for a slot and a follower")
}

// replicates tries it: rights, pg_hba.conf and poolers can each be in the way.
func (e *examination) replicates(ctx context.Context) ([]Finding, error) {
	if !e.Realtime {
		return []Finding{skipped("SYNC_REALTIME is off", "")}, nil
	}
	return []Finding{judgeFollowing(e.Source.Examiner().Replicates(ctx), e.source.server, e.source.line)}, nil
}

func judgeFollowing(err error, s database.Server, line database.Line) Finding {
	failure := models.AsError(err)
	switch {
	case failure == nil:
		return ok("the server lets us follow its log")
	case !s.Superuser && !s.Replication:
		return problem(s.Role+" may not replicate", "As a superuser: ALTER ROLE "+s.Role+" REPLICATION")
	case line.Pooled:
		return problem("the pooler lets nobody follow the server's log", "Write the server's own host and port into LIFECYCLE_DATABASE_URL, or set SYNC_REALTIME=false.")
	default:
		return problem("the server does not let us follow its log: "+failure.Message, failure.Remedy)
	}
}

func (e *examination) identities(context.Context) (found []Finding, err error) {
	for _, t := range e.present() {
		if f := judgeIdentity(t.Source, e.source.tables[t.Source], e.access[t.Source]); f != nil {
			if !e.Realtime { // it does not matter yet
				f.Status = Note
			}
			found = append(found, *f)
		}
	}
	return e.ofTables(inSource, found, "changes and deletes in every table tell the row's id"), nil
}

// judgeIdentity is nil when real time can follow the table.
func judgeIdentity(table string, info database.TableInfo, a lifecycle.Access) *Finding {
	var f Finding
	mend := "In lifecycle_db: ALTER TABLE " + table + " REPLICA IDENTITY FULL"
	switch {
	case info.Keyless:
		f = problem(table+" is no table: real time cannot follow it", "Nothing: the scheduled runs bring its changes. Or set SYNC_REALTIME=false.")
		return &f
	case a.IdentityOnID:
		return nil
	case a.PrimaryOnID:
		mend = "In lifecycle_db: ALTER TABLE " + table + " REPLICA IDENTITY DEFAULT"
	case !info.KeyOnID && a.Identity == "d" && !a.Identified:
		mend = "In lifecycle_db: ALTER TABLE " + table + " ADD PRIMARY KEY (id)"
	}
	if !a.Identified {
		f = problem(table+" has no replica identity: once real time publishes it, lifecycle_db itself refuses every UPDATE and DELETE there", mend)
	} else {
		f = problem(table+" has a replica identity without id: real time would not know which row was changed or deleted", mend)
	}
	return &f
}
