// Package doctor looks at everything that the synchronisation and the API stand on, and says what to do
// about what it finds. It changes nothing.
package doctor

import (
	"context"
	"log/slog"
	"slices"
	"time"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/lifecycle"
	"lifecycle-sync/repositories/pmo"
)

// Options are what a Doctor needs.
type Options struct {
	Source     *lifecycle.Source
	Store      *pmo.Store
	Tables     []*models.Table // parents before children
	Uploads    Place
	Data       Place
	StaleAfter time.Duration // how old the last success may be
	CheckTime  time.Duration // for each check: a database that hangs must not keep the others waiting
	Realtime   bool          // the source's log is to be followed
	Alerts     bool          // people are told by webhook
	Now        func() time.Time
	Log        *slog.Logger // for what nobody has foreseen
}

// Place is where files are kept. Errors of Check: permission, unavailable, canceled.
type Place interface {
	// Check tries whether something can be written there, and says for how many bytes there is room,
	// files.Unlimited where nobody knows.
	Check(ctx context.Context) (room int64, err error)
}

// Doctor examines one pair of databases and this machine.
type Doctor struct{ o Options }

// New returns the doctor.
func New(o Options) *Doctor { return &Doctor{o} }

// Examine makes every check, in a fixed order, and returns its findings, of which each check has at least
// one. What is wrong is a finding and no error; when ctx ends, the rest is skipped.
func (d *Doctor) Examine(ctx context.Context) []Finding {
	e := newExamination(d.o)
	for _, c := range e.checks() {
		e.make(ctx, c)
	}
	return e.findings
}

// checks lists every check, in the order in which people read them: later ones use what earlier ones have
// learnt.
func (e *examination) checks() []check {
	return slices.Concat(
		e.sourceServer().checks(), e.sourceTables(), e.sourceRows(),
		e.mirrorServer().checks(), e.mirrorTables(), e.replication(), e.runs(), e.places(),
	)
}
