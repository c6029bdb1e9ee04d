package doctor

import (
	"context"
	"crypto/rand"
	"fmt"
	"time"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/database"
)

const (
	oldest, newest = 14, 18          // major versions of PostgreSQL that the tests run on
	clockTolerance = 5 * time.Second // between this machine and a server
	hearTime       = 2 * time.Second // for a notification to arrive
	rolesChapter   = "docs/operations.md, under roles and rights, has a role that can do just what is needed."
)

// server makes the checks of one database's server.
type server struct {
	*examination
	*known

	side    side
	setting string // where its URL stands
	ask     *database.Examiner
	reached database.Reached
	refusal error
}

func (e *examination) sourceServer() *server {
	return &server{examination: e, known: &e.source, side: inSource, setting: "LIFECYCLE_DATABASE_URL", ask: e.Source.Examiner()}
}

func (e *examination) mirrorServer() *server {
	return &server{examination: e, known: &e.mirror, side: inMirror, setting: "PMO_DATABASE_URL", ask: e.Store.Examiner()}
}

func (s *server) checks() []check {
	named := func(name string, look func(context.Context) ([]Finding, error)) check {
		return check{name: string(s.side) + "." + name, on: s.side, postgres: name != "reachable", look: look}
	}
	return []check{
		named("reachable", s.reachable), named("credentials", s.credentials), named("database", s.database), named("version", s.version),
		named("primary", s.primary), named("encoding", s.encoding), named("tls", s.tls), named("pooler", s.pooler), named("clock", s.clock),
		named("role", s.role),
	}
}

// reachable connects; the next two checks tell what became of it.
func (s *server) reachable(ctx context.Context) ([]Finding, error) {
	s.reached, s.refusal = s.ask.Reach(ctx)
	switch {
	case s.reached == database.Nowhere:
		return nil, s.refusal
	case !s.Source.Features().Server:
		return []Finding{ok("the file can be opened")}, nil
	default:
		return []Finding{ok("PostgreSQL answers")}, nil
	}
}

func (s *server) credentials(context.Context) ([]Finding, error) {
	if s.reached == database.Answered {
		return nil, s.refusal
	}
	return []Finding{ok("user name and password are taken")}, nil
}

func (s *server) database(context.Context) ([]Finding, error) {
	if s.reached == database.Inside {
		return []Finding{ok("the database is there")}, nil
	}
	if e := models.AsError(s.refusal); e.Class == models.Permission {
		return nil, &models.Error{Class: models.Permission, LegacyMessage: "the role may not connect to the database",
			LegacyRemedy: "As the database's owner: GRANT CONNECT ON DATABASE … TO the role of " + s.setting + "."}
	}
	return nil, s.refusal
}

func (s *server) version(ctx context.Context) (found []Finding, err error) {
	if s.server, err = s.ask.Server(ctx); err != nil {
		return nil, err
	}
	return []Finding{judgeVersion(s.server)}, nil
}

func judgeVersion(s database.Server) Finding {
	switch major := s.Version / 10_000; {
	case major < oldest:
		return problem(fmt.Sprintf("PostgreSQL %s is older than %d", s.Release, oldest), fmt.Sprintf("Upgrade the server to PostgreSQL %d or newer.", oldest))
	case major > newest:
		return note(fmt.Sprintf("PostgreSQL %s is newer than %d, the newest that was tested", s.Release, newest), "See whether there is a newer Lifecycle Sync.")
	default:
		return ok("PostgreSQL " + s.Release)
	}
}

func (s *server) primary(context.Context) ([]Finding, error) {
	return []Finding{judgePrimary(s.side, s.server, s.setting, s.Realtime)}, nil
}

// judgePrimary knows that a standby can be read, and that there is no real time from it.
func judgePrimary(at side, s database.Server, setting string, realtime bool) Finding {
	primary := "Name the primary in " + setting + ", not a standby."
	switch {
	case !s.Standby:
		return ok("the server takes writes")
	case at == inMirror:
		return problem("the server is a standby, which takes no writes", primary)
	case realtime:
		return problem("the server is a standby, from which there is no real time", primary+" Or set SYNC_REALTIME=false.")
	default:
		return note("the server is a standby: runs read it, and the API cannot write", "Where people write through the API: "+primary)
	}
}

func (s *server) encoding(context.Context) ([]Finding, error) {
	return []Finding{judgeEncoding(s.side, s.server.Encoding)}, nil
}

func judgeEncoding(at side, encoding string) Finding {
	switch {
	case at == inMirror && encoding != "UTF8":
		return problem("pmo_db has the encoding "+encoding, "Create it anew with ENCODING 'UTF8', so that it can hold every text.")
	case encoding == "SQL_ASCII":
		return ok("SQL_ASCII: rows whose text is no UTF-8 go into quarantine")
	default:
		return ok(encoding)
	}
}

func (s *server) tls(ctx context.Context) (found []Finding, err error) {
	if s.line, err = s.ask.Line(ctx); err != nil {
		return nil, err
	}
	return []Finding{judgeLine(s.line, s.setting)}, nil
}

func judgeLine(line database.Line, setting string) Finding {
	switch {
	case line.Encrypted:
		return ok("the connection is encrypted")
	case line.Local:
		return ok("the connection does not leave this machine")
	default:
		return note("the connection is not encrypted: others on the way can read it",
			"Switch TLS on in the server, and write sslmode=verify-full (or at least require) into "+setting+".")
	}
}

// pooler looks whether what a session needs works: LISTEN in pmo_db, replication in lifecycle_db. Runs need
// neither.
func (s *server) pooler(ctx context.Context) ([]Finding, error) {
	if s.side == inSource || s.server.Standby {
		if s.line.Pooled {
			return []Finding{note("a pooler answers: real time does not work through it", "For SYNC_REALTIME, write the server's own host and port into "+s.setting+".")}, nil
		}
		return []Finding{ok("the server itself answers")}, nil
	}
	direct := "Write the server's own host and port into " + s.setting + ", or use the pooler's session mode."
	heard, err := s.Store.Hears(ctx, rand.Text(), hearTime)
	switch {
	case err != nil:
		return nil, err
	case !heard:
		return []Finding{note("LISTEN does not work, as through a pooler: the API sees what other processes write up to 3 s late", direct)}, nil
	case s.line.Pooled:
		return []Finding{note("a pooler answers; LISTEN works for the moment, which only its session mode guarantees", direct)}, nil
	default:
		return []Finding{ok("the server itself answers, and LISTEN works")}, nil
	}
}

func (s *server) clock(ctx context.Context) ([]Finding, error) {
	ahead, err := s.ask.Ahead(ctx, s.Now)
	if err != nil {
		return nil, err
	}
	return []Finding{judgeClock(ahead)}, nil
}

func judgeClock(ahead time.Duration) Finding {
	if ahead.Abs() <= clockTolerance {
		return ok("its clock and this machine's agree")
	}
	word := "ahead of"
	if ahead < 0 {
		word = "behind"
	}
	return note("its clock is "+inWords(ahead.Abs())+" "+word+" this machine's: nothing depends on it, but times in the logs do not agree",
		"Let both take their time from NTP.")
}

func (s *server) role(context.Context) ([]Finding, error) {
	return []Finding{judgeRole(s.side, s.server, s.setting, s.Realtime)}, nil
}

func judgeRole(at side, s database.Server, setting string, realtime bool) Finding {
	switch {
	case s.Superuser:
		return note("the role "+s.Role+" is a superuser, which can do far more than is needed", "Give "+setting+" another role: "+rolesChapter)
	case s.Replication && (at == inMirror || !realtime):
		return note("the role "+s.Role+" may replicate, which nothing needs here", "As a superuser: ALTER ROLE "+s.Role+" NOREPLICATION")
	default:
		return ok("the role " + s.Role + " is no superuser")
	}
}
