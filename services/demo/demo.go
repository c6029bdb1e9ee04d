// Package demo makes demo data for lifecycle_db: the products of an invented electricity company, with the volume and
// the quirks of real data, or millions of them. The same numbers always give the same rows.
package demo

import (
	"context"
	"fmt"
	"math/bits"
	"math/rand/v2"
	"time"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/lifecycle"
)

// The volume of a typical source.
const (
	Products  = 211
	Histories = 45
)

// maxRows keeps every id, gaps included, within an integer column.
const maxRows = 1_500_000_000

// Fill puts products, stage history records and the rows that they refer to into an empty lifecycle_db. progress may be
// nil. Errors: configuration for impossible numbers, and those of Source.Seed: constraint when it is not empty, schema,
// permission, connection, canceled.
func Fill(ctx context.Context, source *lifecycle.Source, products, histories int, progress func(done, total int64)) error {
	fillings, err := Generate(products, histories)
	if err != nil {
		return err
	}
	return source.Seed(ctx, fillings, progress)
}

// Generate describes the rows of every mirrored table, in id order. They are made while they are read, so their number
// costs no memory. Segments, stages and categories are always the same. Errors: configuration for impossible numbers.
func Generate(products, histories int) ([]lifecycle.SeedTable, error) {
	switch {
	case products < 0 || products > maxRows || histories < 0 || histories > maxRows:
		return nil, models.NewError(models.Config, "demo.numbers_out_of_range", models.Params{"max": maxRows})
	case products == 0 && histories > 0:
		return nil, models.NewError(models.Config, "demo.history_without_products", nil)
	}
	d := data{products: int64(products), histories: int64(histories)}
	fillings := make([]lifecycle.SeedTable, 0, len(models.Tables()))
	for _, table := range models.Tables() {
		filling := lifecycle.SeedTable{Table: table}
		switch table.Name {
		case "segments":
			filling.Count, filling.Rows = int64(len(segments)), nameRows(segments, "segmen")
		case "stages":
			filling.Count, filling.Rows = int64(len(stages)), nameRows(stages, "tahap")
		case "categories":
			filling.Count, filling.Rows = int64(len(categories)), nameRows(categories, "kategori")
		case "products":
			filling.Count, filling.Rows = d.products, d.productRows
		case "stage_history":
			filling.Count, filling.Rows = d.histories, d.historyRows
		default:
			filling.Rows = nameRows(nil, "")
		}
		fillings = append(fillings, filling)
	}
	return fillings, nil
}

// data generates products and stage history records.
type data struct{ products, histories int64 }

// newRow returns a row of values in the table's column order, the id first; nil is NULL.
func newRow(id int64, values ...any) models.Row {
	row := models.Row{ID: id, Cells: [][]byte{fmt.Append(nil, id)}}
	for _, value := range values {
		var cell []byte
		if value != nil {
			cell = fmt.Append([]byte{}, value)
		}
		row.Cells = append(row.Cells, cell)
	}
	return row
}

// date returns NULL for the zero time.
func date(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return models.NewDate(t.Date())
}

// reference returns NULL for the id 0.
func reference(id int64) any {
	if id == 0 {
		return nil
	}
	return id
}

const (
	day       = 24 * time.Hour
	groupSize = 10 // products that divide their stage history records among themselves
)

// purpose selects a sequence of random numbers, so that rows can be made independently of each other.
type purpose uint64

const (
	forQuotas purpose = iota + 1
	forPlan
	forProduct
	forMove
)

// random are reproducible random numbers. The numbers of PCG never change; those of the methods of rand.Rand may.
type random struct{ pcg *rand.PCG }

// newRandom returns the numbers of the i-th item.
func newRandom(p purpose, i int64) random {
	return random{rand.NewPCG(uint64(p), uint64(i)*0x9E3779B97F4A7C15)} // neighbours far apart
}

// below returns a number from 0 to n-1.
func (d random) below(n int64) int64 {
	high, _ := bits.Mul64(d.pcg.Uint64(), uint64(n))
	return int64(high)
}

// oneIn is true once in n times.
func (d random) oneIn(n int64) bool { return d.below(n) == 0 }

// within returns a duration below limit, in whole microseconds.
func (d random) within(limit time.Duration) time.Duration {
	return time.Duration(d.below(limit.Microseconds())) * time.Microsecond
}

// dayBetween returns a day from first to the day before end.
func (d random) dayBetween(first, end time.Time) time.Time {
	return first.AddDate(0, 0, int(d.below(int64(end.Sub(first)/day))))
}

// pick returns one of the words.
func (d random) pick(words []string) string { return words[d.below(int64(len(words)))] }

// plan holds the values that a product and its stage history share. Days are midnight UTC.
type plan struct {
	id         int64
	launch     time.Time // day; zero if not launched yet
	entered    time.Time // when its row was created
	stage      int64     // the current stage's id, 0 if unknown
	stageStart time.Time // day; zero if unknown
	moves      []move
}

// move is a product's move from one stage to the next, or a confirmation of its stage.
type move struct {
	from, to int64 // stage ids; from is 0 for none
	at       time.Time
	random   random // for the rest of its row
}

// plan plans the i-th product.
func (d data) plan(i int64) plan {
	r := newRandom(forPlan, i)
	p := plan{id: 1 + i + i/9 + 3*(i/40)}                                                    // deleted products have left gaps
	period := (today.Sub(firstEntry) / time.Duration(d.products)).Truncate(time.Microsecond) // rows are created in id order
	p.entered = firstEntry.Add(time.Duration(i)*period + r.within(period))
	if moves := d.quota(i); moves > 0 {
		p.planMoves(r, moves)
	} else {
		p.planStage(r)
	}
	return p
}

// quota is the i-th product's number of moves: some have none, and most have no more than there are stages.
func (d data) quota(i int64) int64 {
	start := i - i%groupSize
	end := min(start+groupSize, d.products)
	left := d.histories*end/d.products - d.histories*start/d.products
	n, quotas := end-start, [groupSize]int64{}
	r := newRandom(forQuotas, start)
	turn := r.below(n)
	for k := range n {
		give := min(left, 1+r.below(4))
		quotas[(turn+k)%n] = give
		left -= give
	}
	for k := range n {
		give := min(left, max(0, 4-quotas[k]))
		quotas[k] += give
		left -= give
	}
	quota := quotas[i-start] + left/n
	if i-start < left%n {
		quota++
	}
	return quota
}

// planMoves plans a product with stage history. It begins without a stage, or at one that leaves room for all moves. With
// more moves than stages, some only confirm the stage.
func (p *plan) planMoves(r random, moves int64) {
	count := int64(len(stages))
	p.launch = r.dayBetween(firstLaunch, today.AddDate(0, 0, -int(150+200*min(moves, count))))
	first, pauses, current := int64(1), moves, moves-1 // current is the move into the current stage
	if moves < count && !r.oneIn(3) {
		first = 2 + r.below(count-moves)
		pauses++
	}
	if moves > count {
		current = (3*moves + 3) / 4
	}
	step := int64(today.Sub(p.launch)/time.Second) / pauses // seconds
	stage := first - 1
	for j := range moves {
		m := move{from: stage, to: first + j, random: newRandom(forMove, p.id<<32+j)}
		if moves > count {
			m.to = 1 + j*count/moves
		}
		m.at = m.random.changed(p.launch, j+pauses-moves, step)
		p.moves, stage = append(p.moves, m), m.to
	}
	p.stage, p.stageStart = stage, p.moves[current].at.Truncate(day)
}

// changed returns the time of a move that is made some steps after the launch: in order, in office hours, and until today.
// Office hours are 08:00 to 17:00 in Jakarta, which is the same day in UTC.
func (d random) changed(launch time.Time, steps, step int64) time.Time {
	second := steps*step + d.below(step*7/10+1)
	if steps == 0 { // the introduction is the launch
		second = d.below(min(step*7/10, int64(day/time.Second)) + 1)
	}
	elapsed := time.Duration(second) * time.Second
	return launch.Add(elapsed.Truncate(day) + officeHour(elapsed%day) + d.within(time.Second))
}

// officeHour maps a time of day to office hours and keeps the order.
func officeHour(timeOfDay time.Duration) time.Duration {
	return time.Hour + (timeOfDay * 9 / 24).Truncate(time.Second)
}

// planStage plans a product without stage history: its stage follows from its age.
func (p *plan) planStage(r random) {
	if r.oneIn(25) {
		p.stage = 1
		return
	}
	p.launch = r.dayBetween(firstLaunch, lastLaunch.Add(day))
	age := int64(today.Sub(p.launch) / day)
	p.stage = min(1+(age+r.below(700))/900, int64(len(stages)))
	p.stageStart = p.launch
	if p.stage > 1 {
		p.stageStart = p.launch.AddDate(0, 0, int(age/2+r.below(age/2)))
	}
	if r.oneIn(12) {
		p.stageStart = time.Time{}
	}
	if r.oneIn(60) {
		p.stage = 0
	}
}

// The calendar is fixed: no clock is read. The rows have been kept in a database since firstEntry.
var (
	firstLaunch = time.Date(2017, time.January, 1, 0, 0, 0, 0, time.UTC)
	firstEntry  = time.Date(2023, time.February, 1, 0, 0, 0, 0, time.UTC)
	lastLaunch  = time.Date(2026, time.June, 15, 0, 0, 0, 0, time.UTC)
	today       = time.Date(2026, time.June, 30, 0, 0, 0, 0, time.UTC)
)

// The tables that products refer to; ids are positions from 1. Stages are in lifecycle order.
var (
	segments   = []string{"EP & Pembangkit", "Transmisi", "Distribusi", "Korporat", "Pelayanan Pelanggan"}
	stages     = []string{"Introduction", "Growth", "Maturity", "Decline"}
	categories = []string{"Jasa Rekayasa", "Operasi & Pemeliharaan", "Energi Bersih", "Produk Digital", "Material & Peralatan"}
)

// services lists each segment's kind of work, in the order of segments.
var services = [...][]string{
	{"Inspeksi Turbin", "Uji Kinerja Boiler", "Sewa Genset", "Pemantauan Cerobong", "Kajian Tapak PLTS", "Perawatan Generator", "Manajemen Suku Cadang", "Simulator Operator"},
	{"Inspeksi Menara", "Pemetaan Jalur dengan Drone", "Uji Isolator", "Perkuatan Fondasi Menara", "Pemantauan Konduktor", "Studi Aliran Daya", "Pemeliharaan Gardu Induk", "Uji Minyak Trafo"},
	{"Pemeliharaan Gardu Distribusi", "Deteksi Gangguan", "Kabel Bawah Tanah", "Penyeimbangan Beban", "Pangkas Pohon Jaringan", "Trafo Bergerak", "Sensor Penyulang", "Kubikel Cerdas"},
	{"Audit Energi", "Sertifikat Energi Hijau", "Pelatihan Keselamatan", "Konsultasi Tarif", "Pusat Data Energi", "Kajian Investasi", "Jaminan Pasokan", "Pelaporan Emisi"},
	{"Stasiun Pengisian Mobil Listrik", "Pasang Meter Digital", "Langganan Daya Tambahan", "Asisten Tagihan", "Panel Surya Atap", "Perawatan Instalasi Rumah", "Pesta Daya Sementara", "Kompor Induksi"},
}

var (
	brands       = []string{"Arunika", "Bayu Dana", "Cakra Wisesa", "Daksa", "Ekata", "Gantari", "Indurasmi", "Jatiraga", "Kalingga", "Laksita", "Mandaraka", "Nirmala", "Padmarini", "Rengganis", "Sagara", "Tirtamas", "Utpala", "Wanodya"}
	regions      = []string{"Ambon", "Banjarbaru", "Bengkulu", "Cirebon", "Ende", "Gorontalo", "Jember", "Kendari", "Kupang", "Magelang", "Mamuju", "Mataram", "Palu", "Pekanbaru", "Singkawang", "Sorong", "Ternate"}
	buyers       = []string{"pabrik semen", "rumah sakit", "kawasan industri", "hotel dan restoran", "pelabuhan", "kampus", "tambang", "peternakan", "pusat belanja", "rumah tangga"}
	benefits     = []string{"menekan gangguan", "menghemat biaya energi", "mempercepat penyambungan", "memperpanjang umur peralatan", "menurunkan susut", "memudahkan pelaporan", "mengurangi emisi"}
	deliverables = []string{"laporan bulanan", "dasbor daring", "tim siaga 24 jam", "garansi satu tahun", "kunjungan berkala", "pelatihan petugas"}
	legalForms   = []string{"PT ", "CV ", "Koperasi ", "Kawasan Industri ", "RS ", "Universitas "}
	notes        = []string{"Target penjualan tercapai", "Uji coba selesai, siap diperluas", "Permintaan melambat sejak kuartal lalu", "Disetujui dalam rapat bulanan", "Menunggu kontrak payung yang baru", "Pesaing menawarkan harga lebih rendah", "Pelanggan lama memperpanjang kontrak"}
)
