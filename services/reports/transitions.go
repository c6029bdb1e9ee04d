package reports

import (
	"context"
	"math/big"
	"time"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/pmo/catalog"
)

// secondsInDay is the unit of stays.
const secondsInDay = 24 * 60 * 60

// Speed is how long products stayed in a stage: from the transition into it to their next. A stay that
// still goes on is not counted.
type Speed struct {
	Label

	Transitions int64   `json:"transitions"` // how many stays are counted
	Average     Average `json:"averageDays"`
	Shortest    Average `json:"shortestDays"`
	Longest     Average `json:"longestDays"`
}

// TransitionsFrom is the transitions out of a stage.
type TransitionsFrom struct {
	LabelledCount

	To []TransitionsTo `json:"to"`
}

// TransitionsTo is the transitions into a stage, and how long those products had been in the one that
// they left, as far as the transition into that one is known.
type TransitionsTo struct {
	LabelledCount

	Average Average `json:"averageDays"`
}

// Transitions are those of all products, from each stage to each. now tells the time zone. Errors: connection,
// timeout, schema.
func Transitions(ctx context.Context, from Reader, now time.Time) ([]TransitionsFrom, error) {
	stages, err := from.Stages(ctx)
	if err != nil {
		return nil, err
	}
	calendar := calendarOf(now)
	groups, err := from.TransitionGroups(ctx, catalog.ProductFilter{}.On(now), calendar)
	if err != nil {
		return nil, err
	}
	var d Dashboard
	d.transitions(groups, stages, calendar)
	return d.StageTransitions, nil
}

// stays sums up how long products stayed.
type stays struct {
	seconds           big.Int
	count             int64
	shortest, longest int64 // seconds
}

func (s *stays) add(g catalog.TransitionGroup) {
	if g.Timed == 0 {
		return
	}
	if s.count == 0 || *g.Shortest < s.shortest {
		s.shortest = *g.Shortest
	}
	s.longest = max(s.longest, *g.Longest)
	s.seconds.Add(&s.seconds, whole(g.Seconds))
	s.count += g.Timed
}

func (s *stays) average() Average { return average(&s.seconds, s.count, secondsInDay) }

func (s *stays) speed(of Label) Speed {
	speed := Speed{Label: of, Transitions: s.count, Average: s.average()}
	if s.count > 0 {
		speed.Shortest, speed.Longest = average(big.NewInt(s.shortest), 1, secondsInDay), average(big.NewInt(s.longest), 1, secondsInDay)
	}
	return speed
}

// transitions fills in what is known from the stage history.
func (d *Dashboard) transitions(groups []catalog.TransitionGroup, stages []models.Stage, c catalog.Calendar) {
	in, out, into := newAxis(), newAxis(), newAxis()
	for _, s := range stages {
		for _, a := range []*axis{in, out, into} {
			a.add(&s.ID, s.Name)
		}
	}
	for _, g := range groups {
		if g.Timed > 0 {
			in.see(g.Entered)
		}
		out.see(g.FromID)
		into.see(g.ToID)
	}
	in.complete()
	out.complete()
	into.complete()
	speeds, matrix, months := make([]stays, len(in.labels)), newMatrix(out, into), make([]int64, len(c.Times)-1)
	for _, g := range groups {
		if g.Timed > 0 {
			speeds[in.at(g.Entered)].add(g)
		}
		matrix.add(out.at(g.FromID), into.at(g.ToID), g)
		countMonth(months, g.Month, g.Count)
	}
	d.Charts.TransitionsByMonth = monthCounts(c, months)
	d.Charts.TransitionSpeed = make([]Speed, len(speeds))
	for i := range speeds {
		d.Charts.TransitionSpeed[i] = speeds[i].speed(in.labels[i])
	}
	d.StageTransitions = matrix.rows()
}

// matrix counts transitions by the stages between which they are.
type matrix struct {
	out, into *axis
	counts    [][]int64
	stays     [][]stays // in the stage that was left
}

func newMatrix(out, into *axis) matrix {
	m := matrix{out: out, into: into, counts: make([][]int64, len(out.labels)), stays: make([][]stays, len(out.labels))}
	for i := range m.counts {
		m.counts[i], m.stays[i] = make([]int64, len(into.labels)), make([]stays, len(into.labels))
	}
	return m
}

func (m matrix) add(from, to int, g catalog.TransitionGroup) {
	m.counts[from][to] += g.Count
	if same(g.Entered, g.FromID) {
		m.stays[from][to].add(g)
	}
}

func (m matrix) rows() []TransitionsFrom {
	rows := make([]TransitionsFrom, len(m.counts))
	for i, counts := range m.counts {
		rows[i] = TransitionsFrom{LabelledCount{Label: m.out.labels[i]}, make([]TransitionsTo, len(counts))}
		for j, count := range counts {
			rows[i].Count += count
			rows[i].To[j] = TransitionsTo{LabelledCount{m.into.labels[j], count}, m.stays[i][j].average()}
		}
	}
	return rows
}

func same(a, b *int64) bool { return (a == nil) == (b == nil) && (a == nil || *a == *b) }

// whole reads a whole number that a database wrote.
func whole(digits string) *big.Int {
	n, ok := new(big.Int).SetString(digits, 10)
	if !ok {
		return new(big.Int)
	}
	return n
}
