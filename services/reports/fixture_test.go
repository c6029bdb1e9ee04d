package reports_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/database"
	"lifecycle-sync/repositories/pmo"
	"lifecycle-sync/test/kit"
	"lifecycle-sync/test/kit/databases"
)

// fixture is a mirror filled with random rows, and the oracle's copy of them.
type fixture struct {
	db     *database.DB
	store  *pmo.Store
	oracle oracle
}

func newFixture(t *testing.T, url string, seed uint64, now time.Time) *fixture {
	t.Helper()
	l := &fixture{oracle: oracle{now: now}}
	l.db, l.store = databases.PMO(t, url)
	l.fill(t, rand.New(rand.NewPCG(seed, 1)))
	return l
}

func (l *fixture) insert(t *testing.T, table string, rows any) {
	t.Helper()
	if err := l.db.Table(table).CreateInBatches(rows, 200).Error; err != nil {
		t.Fatal(err)
	}
}

func (l *fixture) fill(t *testing.T, dice *rand.Rand) {
	t.Helper()
	name := func(id int64, name string) named { return named{&id, &name} }
	l.oracle.stages = []named{name(1, "Introduction"), name(2, "Growth"), {new(int64(3)), nil}, name(4, "Decline")}
	l.oracle.segments = []named{name(3, "Distribusi"), name(1, "Transmisi"), name(2, "énergie & <co>")} // in the order of the folded names
	l.oracle.categories = []named{name(9, "Hardware"), name(7, "Software")}
	for column, list := range map[string][]named{"stage": l.oracle.stages, "segmen": l.oracle.segments, "kategori": l.oracle.categories} {
		for _, n := range list {
			kit.Exec(t, l.db.SQL, "INSERT INTO tbl_"+column+"_lifecycle (id, "+column+") VALUES ($1, $2)", *n.id, n.name)
		}
	}
	l.fillProducts(t, dice)
	l.fillHistories(t, dice)
}

func maybe[T any](dice *rand.Rand, value T) *T {
	if dice.IntN(6) == 0 {
		return nil
	}
	return &value
}

func (l *fixture) fillProducts(t *testing.T, dice *rand.Rand) {
	t.Helper()
	day := func(spread int) models.Date {
		d := l.oracle.now.AddDate(0, 0, dice.IntN(2*spread)-spread)
		return models.NewDate(d.Date())
	}
	for id := range int64(300) {
		p := models.Product{ID: id + 1, Name: maybe(dice, fmt.Sprintf("Produk %d", dice.IntN(40))), SegmentID: maybe(dice, 1+dice.Int64N(3)), StageID: maybe(dice, 1+dice.Int64N(4)),
			CategoryID: maybe(dice, 7+2*dice.Int64N(2)), Price: maybe(dice, dice.Int64N(1e9)-1e6), LaunchDate: maybe(dice, day(900)), StageStart: maybe(dice, day(500)), StageEnd: maybe(dice, day(300)),
			CreatedAt: maybe(dice, models.InstantOf(l.oracle.now.Add(-time.Duration(dice.IntN(1e6))*time.Second))),
			UpdatedAt: maybe(dice, models.InstantOf(l.oracle.now.Add(-time.Duration(dice.IntN(1e6))*time.Second)))}
		if id == 150 || id == 8 { // the ends of ranges
			p.UpdatedAt, p.Price = new(models.InstantOf(l.oracle.now.AddDate(0, 0, -5))), new(int64(2e8))
		}
		if dice.IntN(10) == 0 {
			p.Price = new(int64(math.MaxInt64))
		}
		if dice.IntN(20) == 0 { // at the edges
			d := models.NewDate(l.oracle.now.AddDate(-dice.IntN(2), 0, dice.IntN(3)-1).Date())
			p.LaunchDate, p.StageStart, p.StageEnd = &d, &d, &d
		}
		if dice.IntN(8) == 0 { // implausible, or just not
			days := []models.Date{models.NewDate(1970, 1, 1), models.NewDate(1900, 1, 1), models.NewDate(2101, 1, 1), models.NewDate(9999, 12, 31),
				models.NewDate(1970, 1, 2), models.NewDate(1899, 12, 31), models.NewDate(2100, 12, 31)}
			p.LaunchDate = &days[dice.IntN(len(days))]
		}
		l.oracle.products = append(l.oracle.products, p)
	}
	l.insert(t, "tbl_produk_lifecycle", l.oracle.products)
	// What only a hand edit can put there.
	future, past, beyond, price := "'infinity'", "'-infinity'", "'20000-01-01'", "NULL"
	if l.db.Kind() == database.SQLite {
		future, past, beyond, price = "'soon'", "'!ago'", "17", "'much'"
	}
	kit.Exec(t, l.db.SQL, "UPDATE tbl_produk_lifecycle SET harga = "+price+", id_kategori = "+price+" WHERE id = 7")
	l.oracle.products[6].Price, l.oracle.products[6].CategoryID = nil, nil
	for i, value := range []string{future, past, beyond} {
		kit.Exec(t, l.db.SQL, fmt.Sprintf("UPDATE tbl_produk_lifecycle SET tanggal_launch = %[1]s, tanggal_stage_start = %[1]s, tanggal_stage_end = %[1]s WHERE id = %[2]d", value, i+1))
		p := &l.oracle.products[i]
		p.LaunchDate, p.StageStart, p.StageEnd = nil, nil, nil
	}
}

func (l *fixture) fillHistories(t *testing.T, dice *rand.Rand) {
	t.Helper()
	for id := range int64(700) {
		at := l.oracle.now.AddDate(0, -dice.IntN(30), -dice.IntN(30)).Add(time.Duration(dice.Int64N(1e12)) * 100).Truncate(time.Microsecond).UTC()
		if dice.IntN(15) == 0 { // where months meet, in the time zone that counts
			y, m, _ := at.Date()
			at = time.Date(y, m, 1, 0, 0, 0, 0, l.oracle.now.Location()).Add(time.Duration(dice.IntN(3)-1) * time.Microsecond).UTC()
		}
		if dice.IntN(50) == 0 {
			at = []time.Time{time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(9999, 12, 31, 23, 0, 0, 0, time.UTC)}[dice.IntN(2)]
		}
		l.oracle.histories = append(l.oracle.histories, models.StageHistory{ID: id + 1, ProductID: new(1 + dice.Int64N(150)), PreviousStageID: maybe(dice, 1+dice.Int64N(4)),
			StageID: maybe(dice, 1+dice.Int64N(4)), ChangedAt: maybe(dice, models.InstantOf(at))})
	}
	for i := 40; i < 60; i++ { // ties
		l.oracle.histories[i].ChangedAt, l.oracle.histories[i].ProductID = l.oracle.histories[40].ChangedAt, l.oracle.histories[40].ProductID
	}
	l.insert(t, "tbl_stage_histori_lifecycle", l.oracle.histories)
	values := []string{"'infinity'", "'-infinity'"}
	if l.db.Kind() == database.SQLite {
		values = []string{"'soon'", "'!ago'"}
	}
	for i, value := range values {
		kit.Exec(t, l.db.SQL, fmt.Sprintf("UPDATE tbl_stage_histori_lifecycle SET tanggal_perubahan = %s WHERE id BETWEEN 100 AND 129 AND id %% 2 = %d", value, i))
	}
	for i := range 30 {
		l.oracle.histories[99+i].ChangedAt = nil
	}
}
