package doctor

import (
	"context"
	"strings"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/database"
	"lifecycle-sync/repositories/lifecycle"
	"lifecycle-sync/repositories/pmo"
)

// side is the database that a check asks.
type side string

const (
	inSource side = "lifecycle_db"
	inMirror side = "pmo_db"
	here     side = "" // neither
)

// check is one named look at something.
type check struct {
	name     string
	on       side
	also     side // the other database, of which it must know something
	postgres bool // it is about something that SQLite does not have
	// look returns what it finds. After an error, its database is not asked any more.
	look func(ctx context.Context) ([]Finding, error)
}

// known is what was learnt of a database.
type known struct {
	server  database.Server
	line    database.Line
	tables  map[string]database.TableInfo // by name
	stopped string                        // the check after which it is not asked any more
}

// examination is one Examine at work.
type examination struct {
	Options

	source, mirror known
	access         map[string]lifecycle.Access // by table name
	kept           []slot                      // in lifecycle_db's server
	migrated       bool                        // our tables in pmo_db are those of this binary
	standing       pmo.Standing
	findings       []Finding
}

func newExamination(o Options) *examination {
	e := &examination{Options: o}
	if !o.Source.Features().Server {
		e.findings = []Finding{{Name: "postgresql", Status: Skipped,
			Message: "both databases are SQLite files, which have no server, roles, rights, column types, clocks or replication to look at"}}
	}
	return e
}

// of is what is known of a database, nil for neither.
func (e *examination) of(s side) *known {
	switch s {
	case inSource:
		return &e.source
	case inMirror:
		return &e.mirror
	default:
		return nil
	}
}

// because is the finding that something was not looked at, which what an earlier check found prevents.
func because(what, earlier string) Finding {
	return skipped(strings.TrimSpace(what+" not looked at, because of "+earlier), "")
}

// ofTables is what a check of a database's tables has found, or the good news that nothing was. It says of
// which tables nothing is known.
func (e *examination) ofTables(at side, found []Finding, good string) []Finding {
	var missing []string
	for _, t := range e.Tables {
		name := t.Source
		if at == inMirror {
			name = t.Mirror
		} else if t.Optional {
			continue
		}
		if !e.of(at).tables[name].Exists {
			missing = append(missing, name)
		}
	}
	switch {
	case missing != nil && at == inSource:
		return append(found, because(strings.Join(missing, ", "), "source.tables"))
	case missing != nil:
		return append(found, because(strings.Join(missing, ", "), "mirror.tables"))
	default:
		return orOK(found, good)
	}
}

// make makes one check, if that is possible.
func (e *examination) make(ctx context.Context, c check) {
	if c.postgres && !e.Source.Features().Server {
		return
	}
	for _, s := range []side{c.on, c.also} {
		if k := e.of(s); k != nil && k.stopped != "" {
			e.add(c, because("", k.stopped))
			return
		}
	}
	if ctx.Err() != nil {
		e.add(c, because("", "the examination's end"))
		return
	}
	looking, cancel := context.WithTimeout(ctx, e.CheckTime)
	defer cancel()
	findings, err := c.look(looking)
	if err != nil {
		findings = append(findings, e.failed(c, err))
		if k := e.of(c.on); k != nil {
			k.stopped = c.name
		}
	}
	e.add(c, findings...)
}

func (e *examination) add(c check, findings ...Finding) {
	for _, f := range findings {
		f.Name = c.name
		e.findings = append(e.findings, f)
	}
}

// failed is the finding that a check could not be made.
func (e *examination) failed(c check, err error) Finding {
	failure := models.AsError(err)
	switch failure.Class {
	case models.Timeout:
		return problem("no answer within "+e.CheckTime.String(), "See that what is asked runs, can be reached and is not overloaded, or raise CONNECT_TIMEOUT.")
	case models.Internal:
		e.Log.Warn("a check failed", "check", c.name, "error", failure, "cause", failure.Cause)
	default:
	}
	return problem(failure.LegacyMessage, failure.LegacyRemedy)
}
