package doctor

import (
	"context"
	"fmt"
	"slices"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/database"
	"lifecycle-sync/repositories/lifecycle"
	"lifecycle-sync/repositories/pmo/journal"
)

func (d *diagnosis) replicationChecks() []check {
	return []check{
		{name: "replication.slots", db: &d.source, postgresOnly: true, find: d.replicationSlots},
		{name: "replication.server", db: &d.source, postgresOnly: true, find: d.replicationServer},
		{name: "replication.connection", db: &d.source, postgresOnly: true, find: d.replicationConnection},
		{name: "replication.publication", db: &d.source, postgresOnly: true, find: d.publication},
		{name: "replication.identity", db: &d.source, postgresOnly: true, find: d.replicaIdentities},
	}
}

// slot is a replication slot of this or another pmo_db.
type slot struct {
	lifecycle.SlotStatus

	ours bool // true if that is not known
}

// replicationSlots also runs when real-time sync is off: an abandoned slot fills the server's disk.
func (d *diagnosis) replicationSlots(ctx context.Context) (found []Finding, err error) {
	all, err := d.Source.Slots(ctx)
	if err != nil {
		return nil, err
	}
	ours := ""
	if all != nil && d.mirror.failedCheck == "" {
		ours, _ = journal.New(d.Store.Session).SlotName(ctx)
	}
	for _, one := range all {
		s := slot{one, ours == "" || one.Name == ours}
		d.slots = append(d.slots, s)
		found = append(found, slotFinding(s, d.Realtime))
	}
	return okIfNone(found, ok("doctor.no_slots", nil)), nil
}

func slotFinding(s slot, realtime bool) Finding {
	values := params{"slot": s.Name, "retained": s.Retained}
	drop := func(code string) *models.Remedy {
		return models.NewCommand(code, nil, fmt.Sprintf("SELECT pg_drop_replication_slot('%s')", s.Name))
	}
	lost := s.WALStatus == "lost"
	switch {
	case s.Creating:
		return note("doctor.slot_creating", values, models.NewRemedy("doctor.slot_creating_remedy", nil))
	case lost && s.ours && realtime:
		return note("doctor.slot_lost", values, drop("doctor.slot_lost_remedy"))
	case lost && !s.ours:
		return note("doctor.other_slot_lost", values, drop("doctor.drop_other_slot_remedy"))
	case lost:
		return problem("doctor.unused_slot_lost", values, drop("doctor.drop_slot_remedy"))
	case s.WALStatus == "unreserved":
		return problem("doctor.slot_endangered", values, models.NewRemedy("doctor.slot_endangered_remedy", nil))
	case !s.Active && !s.ours:
		return problem("doctor.other_slot_abandoned", values, drop("doctor.other_slot_abandoned_remedy"))
	case !s.Active && realtime:
		return note("doctor.slot_inactive", values, models.NewRemedy("doctor.slot_inactive_remedy", nil))
	case !s.Active:
		return problem("doctor.slot_abandoned", values, drop("doctor.drop_slot_remedy"))
	case s.ours && !realtime:
		return note("doctor.slot_followed_elsewhere", values, models.NewRemedy("doctor.slot_followed_elsewhere_remedy", nil))
	default:
		return ok("doctor.slot_ok", values)
	}
}

func (d *diagnosis) replicationServer(ctx context.Context) ([]Finding, error) {
	have, err := d.Source.Replication(ctx)
	if err != nil {
		return nil, err
	}
	return replicationFindings(have, d.slots, d.Realtime), nil
}

// replicationFindings finds what the server lacks for real-time sync. An existing slot of ours and a connected follower
// need no further capacity.
func replicationFindings(have lifecycle.Replication, slots []slot, realtime bool) (found []Finding) {
	const spare = 5
	alter := func(setting string, value any) *models.Remedy {
		return models.NewCommand("doctor.alter_system_remedy", nil, fmt.Sprintf("ALTER SYSTEM SET %s = %v", setting, value))
	}
	if !realtime {
		return []Finding{ok("doctor.wal_level_unused", params{"level": have.WALLevel})}
	}
	exists := slices.ContainsFunc(slots, func(s slot) bool { return s.ours && !s.Creating })
	followed := slices.ContainsFunc(slots, func(s slot) bool { return s.ours && s.Active && !s.Creating })
	if have.WALLevel != "logical" {
		found = append(found, problem("doctor.wal_level", params{"level": have.WALLevel}, alter("wal_level", "logical")))
	}
	if !exists && have.Slots >= have.MaxSlots {
		found = append(found, problem("doctor.slots_in_use", params{"max": have.MaxSlots}, alter("max_replication_slots", have.MaxSlots+spare)))
	}
	if !exists && have.Prepared {
		found = append(found, problem("doctor.prepared_transaction", nil,
			models.NewCommand("doctor.prepared_transaction_remedy", nil, "SELECT gid, prepared, owner, database FROM pg_prepared_xacts ORDER BY prepared")))
	}
	if !followed && have.Senders >= have.MaxSenders {
		found = append(found, problem("doctor.senders_in_use", params{"max": have.MaxSenders}, alter("max_wal_senders", have.MaxSenders+spare)))
	}
	return okIfNone(found, ok("doctor.replication_ok", nil))
}

// replicationConnection tries to open a replication connection, which privileges, pg_hba.conf or a pooler can prevent.
func (d *diagnosis) replicationConnection(ctx context.Context) ([]Finding, error) {
	if !d.Realtime {
		return []Finding{skipped("doctor.realtime_off", nil)}, nil
	}
	return []Finding{replicationConnectionFinding(d.Source.Inspector().CheckReplication(ctx), d.source.server)}, nil
}

func replicationConnectionFinding(err error, s database.ServerInfo) Finding {
	switch e := models.AsError(err); {
	case e == nil:
		return ok("doctor.replication_connection_ok", nil)
	case e.Class != models.Schema && !s.Superuser && !s.Replication: // not a pooler's refusal
		return problem("doctor.role_cannot_replicate", params{"role": s.Role}, asSuperuser(inSource, "ALTER ROLE "+s.Role+" REPLICATION"))
	default:
		return failed(Problem, e)
	}
}

// publication accepts a missing publication that the role can create: real-time sync creates it when it starts.
func (d *diagnosis) publication(ctx context.Context) ([]Finding, error) {
	if !d.Realtime {
		return []Finding{skipped("doctor.realtime_off", nil)}, nil
	}
	tables := d.source.existing()
	if len(tables) == 0 {
		return []Finding{skippedBecause("source.tables")}, nil
	}
	p, err := d.Source.PublicationStatus(ctx, tables)
	if e := models.AsError(err); e != nil && e.Class == models.Schema {
		return []Finding{failed(Problem, e)}, nil
	}
	if err != nil {
		return nil, err
	}
	owned := !slices.ContainsFunc(tables, func(t *models.Table) bool { return !d.access[t.Source].Owned })
	switch {
	case p.Complete:
		return []Finding{ok("doctor.publication_ok", nil)}, nil
	case d.source.server.Superuser || owned && p.MayCreate:
		return []Finding{ok("doctor.publication_later", nil)}, nil
	default:
		return []Finding{problem("doctor.publication_missing", params{"role": d.source.server.Role},
			models.NewCommand("remedy.run_sql_as_owner", params{"database": inSource}, p.Statement))}, nil
	}
}

// replicaIdentities finds tables whose changes would not carry the row's id.
func (d *diagnosis) replicaIdentities(context.Context) (found []Finding, err error) {
	for _, t := range d.source.existing() {
		obstacle := d.access[t.Source].ReplicationProblem(t.Source, d.source.tables[t.Source])
		if obstacle == nil {
			continue
		}
		status := Note // real-time sync is off
		if d.Realtime || d.access[t.Source].Harmful() {
			status = Problem
		}
		found = append(found, Finding{Status: status, Problem: *obstacle})
	}
	return d.source.withSkippedTables(found, ok("doctor.identities_ok", nil)), nil
}
