package doctor

import (
	"context"
	"fmt"
	"slices"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/database"
	"lifecycle-sync/repositories/lifecycle"
)

func (e *examination) replication() []check {
	return []check{
		{name: "replication.slots", on: inSource, postgres: true, look: e.slots},
		{name: "replication.server", on: inSource, postgres: true, look: e.walLevel},
		{name: "replication.connection", on: inSource, postgres: true, look: e.replicates},
		{name: "replication.publication", on: inSource, postgres: true, look: e.publication},
		{name: "replication.identity", on: inSource, postgres: true, look: e.identities},
	}
}

// slot is one by which a pmo_db follows the source.
type slot struct {
	lifecycle.KeptSlot

	ours bool // and not another pmo_db's, as far as that is known
}

// slots looks also when real time is off: a slot that nobody follows fills the server's disk.
func (e *examination) slots(ctx context.Context) (found []Finding, err error) {
	kept, err := e.Source.Slots(ctx)
	if err != nil {
		return nil, err
	}
	ours := ""
	if kept != nil && e.mirror.stopped == "" {
		ours, _ = e.Store.SlotName(ctx) // else each is taken for ours
	}
	for _, k := range kept {
		s := slot{k, ours == "" || k.Name == ours}
		e.kept = append(e.kept, s)
		found = append(found, judgeSlot(s, e.Realtime))
	}
	return orOK(found, "no slot keeps the server's log"), nil
}

func judgeSlot(s slot, realtime bool) Finding {
	what := fmt.Sprintf("the slot %s keeps %s of the server's log", s.Name, size(s.Retained))
	drop := fmt.Sprintf("In lifecycle_db, as a superuser or a role with REPLICATION: SELECT pg_drop_replication_slot('%s')", s.Name)
	lost := s.WALStatus == "lost"
	switch {
	case lost && s.ours && realtime:
		return note("the slot "+s.Name+" has lost what it kept", "Nothing where serve or sync --follow runs: it makes a full run and a new slot by itself. Else "+drop)
	case lost && !s.ours:
		return note("the slot "+s.Name+", of another pmo_db, has lost what it kept", "If that pmo_db is gone: "+drop)
	case lost:
		return problem("the slot "+s.Name+" has lost what it kept, and nobody needs it: SYNC_REALTIME is off", drop)
	case s.WALStatus == "unreserved":
		return problem(what+" and is about to lose it", "See why the follower does not keep up, or raise max_slot_wal_keep_size there.")
	case !s.Active && !s.ours:
		return problem(what+", which grows until the disk is full: nobody follows it for another pmo_db", "Start lifecycle-sync there. If that pmo_db is gone: "+drop)
	case !s.Active && realtime:
		return note(what+", and nobody follows it at the moment", "Start lifecycle-sync serve or sync --follow.")
	case !s.Active:
		return problem(what+", which grows until the disk is full: nobody follows it, and SYNC_REALTIME is off", drop)
	case s.ours && !realtime:
		return note(what+", and somebody follows it although SYNC_REALTIME is off here", "Nothing, if another process is meant to follow; else end that process.")
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
	return judgeReplication(have, e.kept, e.Realtime), nil
}

// judgeReplication says what the server lacks for real time. A slot of ours that is there, and a follower
// that is connected, need no further room.
func judgeReplication(have lifecycle.Replication, kept []slot, realtime bool) (found []Finding) {
	const superuser, restart = "In lifecycle_db, as a superuser: ALTER SYSTEM SET ", ", then restart PostgreSQL"
	if !realtime {
		return []Finding{ok("wal_level is " + have.WALLevel + "; SYNC_REALTIME is off, and would need logical")}
	}
	there := slices.ContainsFunc(kept, func(s slot) bool { return s.ours })
	followed := slices.ContainsFunc(kept, func(s slot) bool { return s.ours && s.Active })
	if have.WALLevel != "logical" {
		found = append(found, problem("wal_level is "+have.WALLevel+": real time needs logical", superuser+"wal_level = logical"+restart))
	}
	if !there && have.Slots >= have.MaxSlots {
		found = append(found, problem(fmt.Sprintf("all %d replication slots are in use", have.MaxSlots),
			fmt.Sprintf("Drop one that nobody needs (pg_replication_slots). Or give it more. %smax_replication_slots = %d%s", superuser, have.MaxSlots+5, restart)))
	}
	if !followed && have.Senders >= have.MaxSenders {
		found = append(found, problem(fmt.Sprintf("all %d WAL senders are in use", have.MaxSenders),
			fmt.Sprintf("%smax_wal_senders = %d%s", superuser, have.MaxSenders+5, restart)))
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
		return problem("the server does not let us follow its log: "+failure.LegacyMessage, failure.LegacyRemedy)
	}
}

// publication may be made by a role that owns the tables; it is then made when real time begins.
func (e *examination) publication(ctx context.Context) ([]Finding, error) {
	if !e.Realtime {
		return []Finding{skipped("SYNC_REALTIME is off", "")}, nil
	}
	present := e.present()
	if len(present) == 0 {
		return []Finding{because("", "source.tables")}, nil
	}
	p, err := e.Source.Publishing(ctx, present)
	if failure := models.AsError(err); failure != nil && failure.Class == models.Schema {
		return []Finding{problem(failure.LegacyMessage, failure.LegacyRemedy)}, nil
	}
	if err != nil {
		return nil, err
	}
	owned := !slices.ContainsFunc(present, func(t *models.Table) bool { return !e.access[t.Source].Owned })
	switch {
	case p.Done:
		return []Finding{ok("every table's changes are published")}, nil
	case e.source.server.Superuser || owned && p.MayCreate:
		return []Finding{ok("the tables' changes are published when real time begins")}, nil
	default:
		return []Finding{problem("the tables' changes are not published, and "+e.source.server.Role+" may not do that", "In lifecycle_db, as the tables' owner: "+p.Statement)}, nil
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
	why, mend := a.Unfollowable(table, info)
	if why == "" {
		return nil
	}
	f := problem(why, mend)
	return &f
}
