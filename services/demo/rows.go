package demo

import (
	"fmt"
	"iter"
	"strconv"
	"strings"
	"time"

	"lifecycle-sync/models"
)

// numberedFrom is the product from which names carry a number, so that many products are not all duplicates.
const numberedFrom = 1000

// nameRows generates the rows of a lookup table. Some were never updated, and the last has no icons.
func nameRows(names []string, folder string) iter.Seq[models.Row] {
	return func(yield func(models.Row) bool) {
		for i, name := range names {
			id := time.Duration(i + 1)
			entered := firstEntry.Add(-id*day + officeHour(id*9000*time.Second) + id*41_803*time.Microsecond) //nolint:durationcheck // id is a number
			var updated, light, dark any
			if i%2 != 0 {
				updated = models.InstantOf(entered.Add(400 * day))
			}
			if i < len(names)-1 {
				icon := "/icons/" + folder + "/" + strings.ToLower(strings.Fields(name)[0])
				light, dark = icon+"-terang.svg", icon+"-gelap.svg"
			}
			if !yield(newRow(int64(id), name, models.InstantOf(entered), updated, light, dark)) {
				return
			}
		}
	}
}

// productRows makes the rows of tbl_produk.
func (d data) productRows(yield func(models.Row) bool) {
	for i := range d.products {
		if !yield(productRow(i, d.plan(i))) {
			return
		}
	}
}

func productRow(i int64, p plan) models.Row {
	r := newRandom(forProduct, i)
	segment := 1 + r.below(int64(len(segments)))
	work, brand := r.pick(services[segment-1]), r.pick(brands)
	return newRow(p.id, r.productName(i, work, brand), r.description(work), r.nullOneIn(25, 1+r.below(int64(len(categories)))),
		r.nullOneIn(40, segment), reference(p.stage), r.price(), date(p.launch), r.customer(), r.nullOneIn(40, models.InstantOf(p.entered)),
		r.productUpdated(p), date(p.stageStart), r.stageEnd(p))
}

// nullOneIn returns value, or NULL once in n times.
func (d random) nullOneIn(n int64, value any) any {
	if d.oneIn(n) {
		return nil
	}
	return value
}

// productName returns a name; a tenth are duplicates, and some have trailing spaces.
func (d random) productName(i int64, work, brand string) string {
	blank, number := "", ""
	if d.oneIn(18) {
		blank = "  "
	}
	if i >= numberedFrom {
		number = " " + strconv.FormatInt(i, 10)
	}
	switch kind := d.below(10); {
	case kind == 0:
		return work + blank
	case kind < 5:
		return work + " " + brand + number + blank
	default:
		return work + " " + brand + " " + d.pick(regions) + number + blank
	}
}

func (d random) description(work string) any {
	switch kind := d.below(60); {
	case kind < 6:
		return nil
	case kind < 8:
		return "nan"
	case kind < 9:
		return ""
	default:
		return work + " untuk " + d.pick(buyers) + " di " + d.pick(regions) + ": " + d.pick(benefits) + ", dengan " + d.pick(deliverables) + "."
	}
}

func (d random) customer() any {
	switch kind := d.below(60); {
	case kind < 7:
		return nil
	case kind < 10:
		return "nan"
	case kind < 11:
		return "NaT"
	case kind < 14:
		return ""
	case kind < 18:
		return d.pick(legalForms) + d.pick(brands) + " "
	default:
		return d.pick(legalForms) + d.pick(brands) + " " + d.pick(regions)
	}
}

// price returns a price in rupiah; some exceed 32 bits.
func (d random) price() any {
	switch kind := d.below(20); {
	case kind < 3:
		return nil
	case kind < 5:
		return 0
	}
	price := (1 + d.below(999)) * 1000
	for range d.below(5) {
		price *= 10
	}
	return price
}

// productUpdated is NULL for many rows: never updated, or by a program that does not set updated_at.
func (d random) productUpdated(p plan) any {
	if d.below(5) < 2 {
		return nil
	}
	return models.InstantOf(p.entered.Add(d.within(today.Sub(p.entered))))
}

// stageEnd returns a planned stage end near today, after the stage's start; about a fifth are overdue.
func (d random) stageEnd(p plan) any {
	planned := today.AddDate(0, 0, int(d.below(1000)-330))
	if p.stageStart.IsZero() || d.oneIn(10) {
		return nil
	}
	if earliest := p.stageStart.AddDate(0, 0, 90); planned.Before(earliest) {
		planned = earliest
	}
	return date(planned)
}

// historyRows makes the rows of tbl_stage_histori, product by product.
func (d data) historyRows(yield func(models.Row) bool) {
	written := int64(0)
	for i := int64(0); written < d.histories; i++ {
		p := d.plan(i)
		for _, m := range p.moves {
			if !yield(historyRow(1+written+written/7, p, m)) { // deleted records have left gaps
				return
			}
			written++
		}
	}
}

func historyRow(id int64, p plan, m move) models.Row {
	note, entered := m.random.note(), m.at
	if entered.Before(p.entered) {
		entered = p.entered
	}
	entered = entered.Add(m.random.within(2 * day))
	var updated any
	if !m.random.oneIn(2) {
		updated = models.InstantOf(entered.Add(m.random.within(20 * day)))
	}
	return newRow(id, p.id, reference(m.from), m.to, note, models.InstantOf(entered), updated, models.InstantOf(m.at), m.random.metrics())
}

func (d random) note() any {
	switch kind := d.below(12); {
	case kind < 2:
		return nil
	case kind < 3:
		return "nan"
	case kind < 4:
		return d.pick(notes) + " "
	default:
		return d.pick(notes) + "; " + d.pick(benefits) + "."
	}
}

// metrics returns a document as jsonb writes it, so that both databases hold the same text: keys by
// length, then alphabetically; decimals keep trailing zeros.
func (d random) metrics() any {
	if d.oneIn(6) {
		return nil
	}
	return fmt.Sprintf(`{"roi": %s, "kepuasan": %s, "pelanggan": %d, "pendapatan": %s}`,
		d.decimal(40), d.decimal(5), d.below(20_000), d.decimal(90_000_000_000))
}

// decimal returns a number below limit with two decimals.
func (d random) decimal(limit int64) string {
	return fmt.Sprintf("%d.%02d", d.below(limit), d.below(100))
}
