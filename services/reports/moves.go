package reports

import (
	"context"
	"math/big"
	"slices"
	"time"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/pmo/catalog"
)

// secondsInDay is the unit of stays.
const secondsInDay = 24 * 60 * 60

// Speed describes the time that products stayed in a stage: from the move into it to their next move. Stays that have not ended do
// not count.
type Speed struct {
	Label
	Moves    int64   `json:"transitions"` // number of stays
	Average  Average `json:"averageDays"`
	Shortest Average `json:"shortestDays"`
	Longest  Average `json:"longestDays"`
}

// MovesFrom counts the moves out of a stage.
type MovesFrom struct {
	LabelledCount
	To []MovesTo `json:"to"`
}

// MovesTo counts the moves into a stage. Average is how long the products had been in the stage that they left, if the
// move into it is known.
type MovesTo struct {
	LabelledCount
	Average Average `json:"averageDays"`
}

// Moves counts the moves of all products from each stage to each. Months are those of now's time zone. Errors: connection,
// timeout, schema.
func Moves(ctx context.Context, from Reader, now time.Time) ([]MovesFrom, error) {
	stages, err := from.Stages(ctx)
	if err != nil {
		return nil, err
	}
	calendar := calendarOf(now)
	groups, err := from.MoveGroups(ctx, catalog.ProductFilter{}.On(now), calendar)
	if err != nil {
		return nil, err
	}
	var d Dashboard
	d.addMoves(groups, stages, calendar)
	return d.StageMoves, nil
}

// addMoves computes the figures that follow from the stage history.
func (d *Dashboard) addMoves(groups []catalog.MoveGroup, stages []models.Stage, c catalog.Calendar) {
	timed := slices.DeleteFunc(slices.Clone(groups), func(g catalog.MoveGroup) bool { return g.Timed == 0 })
	left := newAxis(stages, stageLabel, timed, func(g catalog.MoveGroup) *int64 { return g.Entered })
	from := newAxis(stages, stageLabel, groups, func(g catalog.MoveGroup) *int64 { return g.FromID })
	to := newAxis(stages, stageLabel, groups, func(g catalog.MoveGroup) *int64 { return g.ToID })
	type cell struct {
		count int64
		stays stays // in the stage that was left
	}
	all, months := make([]stays, len(left.labels)), make([]int64, len(c.Times)-1)
	matrix := along(from, func(int, Label) []cell { return make([]cell, len(to.labels)) })
	for _, g := range timed {
		all[left.at(g.Entered)].add(g)
	}
	for _, g := range groups {
		at := &matrix[from.at(g.FromID)][to.at(g.ToID)]
		at.count += g.Count
		if same(g.Entered, g.FromID) {
			at.stays.add(g)
		}
		countMonth(months, g.Month, g.Count)
	}
	d.Charts.MovesByMonth = monthCounts(c, months)
	d.Charts.TimeInStage = along(left, func(i int, l Label) Speed { return all[i].speed(l) })
	d.StageMoves = along(from, func(i int, l Label) MovesFrom {
		row := MovesFrom{LabelledCount: LabelledCount{Label: l}}
		row.To = along(to, func(j int, l Label) MovesTo {
			at := &matrix[i][j]
			row.Count += at.count
			return MovesTo{LabelledCount{l, at.count}, at.stays.average()}
		})
		return row
	})
}

// stays sums up how long products stayed.
type stays struct {
	seconds           big.Int
	count             int64
	shortest, longest int64 // seconds
}

func (s *stays) add(g catalog.MoveGroup) {
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
	speed := Speed{Label: of, Moves: s.count, Average: s.average()}
	if s.count > 0 {
		speed.Shortest, speed.Longest = average(big.NewInt(s.shortest), 1, secondsInDay), average(big.NewInt(s.longest), 1, secondsInDay)
	}
	return speed
}

func same(a, b *int64) bool { return (a == nil) == (b == nil) && (a == nil || *a == *b) }

// whole parses an integer from a database, 0 if it is none.
func whole(digits string) *big.Int {
	n, ok := new(big.Int).SetString(digits, 10)
	if !ok {
		return new(big.Int)
	}
	return n
}
