package doctor

import (
	"context"
	"crypto/rand"
	"time"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/database"
)

const (
	oldestVersion, newestVersion = 14, 18          // major versions of PostgreSQL that the tests run on
	clockTolerance               = 5 * time.Second // accepted difference between this machine's clock and a server's
	notificationTimeout          = 2 * time.Second // maximum delivery time of a notification
)

// serverChecks are about the connection, the server and the role.
func (s *checkedDatabase) serverChecks() []check {
	all := []check{
		{name: "reachable", blocksRuns: true, find: s.reachable},
		{name: "credentials", blocksRuns: true, find: s.credentials, postgresOnly: true},
		{name: "database", blocksRuns: true, find: s.databaseExists, postgresOnly: true},
		{name: "version", find: s.version, postgresOnly: true},
		{name: "primary", blocksRuns: s.name == inMirror, find: oneFinding(func() Finding { return primaryFinding(s.name, s.server, s.setting, s.d.Realtime) }), postgresOnly: true},
		{name: "encoding", blocksRuns: s.name == inMirror, find: oneFinding(func() Finding { return encodingFinding(s.name, s.server.Encoding) }), postgresOnly: true},
		{name: "tls", find: s.tls, postgresOnly: true},
		{name: "pooler", find: s.pooler, postgresOnly: true},
		{name: "clock", find: s.clock, postgresOnly: true},
		{name: "role", find: oneFinding(func() Finding { return roleFinding(s.name, s.server, s.setting, s.d.Realtime) }), postgresOnly: true},
	}
	for i := range all {
		all[i].name, all[i].db = s.name+"."+all[i].name, s
	}
	return all
}

// reachable connects. The next two checks report how far that got.
func (s *checkedDatabase) reachable(ctx context.Context) ([]Finding, error) {
	s.reached, s.refusal = s.inspector.Connect(ctx)
	switch {
	case s.reached == database.Unreachable:
		return nil, s.refusal
	case !s.d.onServer():
		return []Finding{ok("doctor.file_opens", nil)}, nil
	default:
		return []Finding{ok("doctor.server_answers", nil)}, nil
	}
}

func (s *checkedDatabase) credentials(context.Context) ([]Finding, error) {
	if s.reached == database.LoginRefused {
		return nil, s.refusal
	}
	return []Finding{ok("doctor.credentials_ok", nil)}, nil
}

func (s *checkedDatabase) databaseExists(context.Context) ([]Finding, error) {
	if s.reached == database.Connected {
		return []Finding{ok("doctor.database_ok", nil)}, nil
	}
	if e := models.AsError(s.refusal); e.Class == models.Permission {
		return nil, models.NewError(models.Permission, "doctor.connect_denied", nil).
			WithCommand("doctor.connect_denied_remedy", params{"setting": s.setting}, "GRANT CONNECT ON DATABASE … TO …")
	}
	return nil, s.refusal
}

func (s *checkedDatabase) version(ctx context.Context) (found []Finding, err error) {
	if s.server, err = s.inspector.Server(ctx); err != nil {
		return nil, err
	}
	return []Finding{versionFinding(s.server)}, nil
}

func versionFinding(s database.ServerInfo) Finding {
	values := params{"version": s.Release, "oldest": oldestVersion, "newest": newestVersion}
	switch major := s.Version / 10_000; {
	case major < oldestVersion:
		return problem("doctor.version_too_old", values, models.NewRemedy("doctor.version_too_old_remedy", values))
	case major > newestVersion:
		return note("doctor.version_untested", values, models.NewRemedy("doctor.version_untested_remedy", nil))
	default:
		return ok("doctor.version_ok", values)
	}
}

// primaryFinding accepts a standby as a source, but real-time sync needs the primary.
func primaryFinding(at string, s database.ServerInfo, setting string, realtime bool) Finding {
	values := params{"setting": setting}
	switch {
	case !s.Standby:
		return ok("doctor.primary_ok", nil)
	case at == inMirror:
		return problem("doctor.mirror_on_standby", nil, models.NewRemedy("doctor.mirror_on_standby_remedy", values))
	case realtime:
		return problem("doctor.realtime_on_standby", nil, models.NewRemedy("doctor.realtime_on_standby_remedy", values))
	default:
		return note("doctor.source_on_standby", nil, models.NewRemedy("doctor.source_on_standby_remedy", values))
	}
}

func encodingFinding(at, encoding string) Finding {
	values := params{"encoding": encoding}
	switch {
	case at == inMirror && encoding != "UTF8":
		return problem("schema.encoding", values, models.NewRemedy("schema.encoding_remedy", nil))
	case encoding == "SQL_ASCII":
		return ok("doctor.encoding_ascii", nil)
	default:
		return ok("doctor.encoding_ok", values)
	}
}

func (s *checkedDatabase) tls(ctx context.Context) (found []Finding, err error) {
	if s.transport, err = s.inspector.Transport(ctx); err != nil {
		return nil, err
	}
	return []Finding{tlsFinding(s.transport, s.setting)}, nil
}

func tlsFinding(transport database.Transport, setting string) Finding {
	switch {
	case transport.Encrypted:
		return ok("doctor.tls_ok", nil)
	case transport.Local:
		return ok("doctor.tls_local", nil)
	default:
		return note("doctor.tls_off", nil, models.NewRemedy("doctor.tls_off_remedy", params{"setting": setting}))
	}
}

// pooler tests what a pooler may break: LISTEN in pmo_db, replication in lifecycle_db. Runs and the API need neither.
func (s *checkedDatabase) pooler(ctx context.Context) ([]Finding, error) {
	pooled, direct := s.transport.Pooled, params{"setting": s.directSetting}
	if s.inspector.HasDirectURL() {
		bypassed, err := s.inspector.CheckDirect(ctx)
		if err != nil {
			e := models.AsError(err)
			return []Finding{problem("doctor.direct_url_fails", params{"setting": s.directSetting, "reason": e.Text}, e.Remedy)}, nil
		}
		pooled = bypassed
	}
	switch {
	case pooled && s.name == inSource:
		return []Finding{note("doctor.pooler_no_realtime", nil, models.NewRemedy("doctor.pooler_no_realtime_remedy", direct))}, nil
	case pooled && !s.server.Standby:
		return []Finding{note("doctor.pooler_polls", nil, models.NewRemedy("doctor.pooler_polls_remedy", direct))}, nil
	case s.name == inMirror && !s.server.Standby:
		delivered, err := s.d.Store.DeliversNotifications(ctx, rand.Text(), notificationTimeout)
		if err != nil {
			return nil, err
		}
		if !delivered {
			return []Finding{note("doctor.listen_broken", nil, models.NewRemedy("doctor.pooler_polls_remedy", direct))}, nil
		}
	}
	switch {
	case s.transport.Pooled:
		return []Finding{ok("doctor.pooler_bypassed", direct)}, nil
	case s.name == inSource || s.server.Standby:
		return []Finding{ok("doctor.no_pooler", nil)}, nil
	default:
		return []Finding{ok("doctor.listen_ok", nil)}, nil
	}
}

func (s *checkedDatabase) clock(ctx context.Context) ([]Finding, error) {
	ahead, err := s.inspector.ClockOffset(ctx, s.d.Now)
	if err != nil {
		return nil, err
	}
	return []Finding{clockFinding(ahead)}, nil
}

func clockFinding(ahead time.Duration) Finding {
	values, remedy := params{"difference": ahead.Abs()}, models.NewRemedy("doctor.clock_remedy", nil)
	switch {
	case ahead.Abs() <= clockTolerance:
		return ok("doctor.clock_ok", nil)
	case ahead < 0:
		return note("doctor.clock_behind", values, remedy)
	default:
		return note("doctor.clock_ahead", values, remedy)
	}
}

func roleFinding(at string, s database.ServerInfo, setting string, realtime bool) Finding {
	values := params{"role": s.Role, "setting": setting}
	switch {
	case s.Superuser:
		return note("doctor.role_superuser", values, models.NewRemedy("doctor.other_role_remedy", values))
	case s.Replication && (at == inMirror || !realtime):
		return note("doctor.role_replication", values, asSuperuser(at, "ALTER ROLE "+s.Role+" NOREPLICATION"))
	default:
		return ok("doctor.role_ok", values)
	}
}
