package demo

import (
	"strconv"

	"lifecycle-sync/models"
)

// numberedFrom is the product from which names carry a number, so that a large demonstration is not
// all duplicates.
const numberedFrom = 1000

// productRows streams tbl_produk.
func (d Data) productRows(yield func(models.Row) bool) {
	p := planner{data: d}
	w := productWriter{}
	for i := range d.products {
		if !yield(w.write(i, p.plan())) {
			return
		}
	}
}

type productWriter struct {
	record
	dice dice
}

func (w *productWriter) write(i int64, p plan) models.Row {
	w.dice.seed(forProduct, i)
	w.begin(p.id)
	segment := 1 + w.dice.below(int64(len(segments)))
	work, brand := w.dice.pick(works[segment-1]), w.dice.pick(brands)
	w.name(i, work, brand)
	w.description(work)
	w.reference(w.unless(25, 1+w.dice.below(int64(len(categories)))))
	w.reference(w.unless(40, segment))
	w.reference(p.stage)
	w.price()
	w.day(p.launch)
	w.customer()
	w.moment(w.unless(40, p.entered))
	w.moment(w.updated(p.entered))
	end := w.stageEnd(p)
	w.day(p.stageStart)
	w.day(end)
	return w.row
}

// unless returns value, and 0, which is written as NULL, once in n times.
func (w *productWriter) unless(n, value int64) int64 {
	if w.dice.oneIn(n) {
		return 0
	}
	return value
}

// name writes the product's name: a tenth is called what many others are called, and some end in
// blanks that nobody sees.
func (w *productWriter) name(i int64, work, brand string) {
	blank, number := "", ""
	if w.dice.oneIn(18) {
		blank = "  "
	}
	if i >= numberedFrom {
		number = " " + strconv.FormatInt(i, 10)
	}
	switch kind := w.dice.below(10); {
	case kind == 0:
		w.text(work, blank)
	case kind < 5:
		w.text(work, " ", brand, number, blank)
	default:
		w.text(work, " ", brand, " ", w.dice.pick(regions), number, blank)
	}
}

func (w *productWriter) description(work string) {
	switch kind := w.dice.below(60); {
	case kind < 6:
		w.null()
	case kind < 8:
		w.text("nan")
	case kind < 9:
		w.text("")
	default:
		w.text(work, " untuk ", w.dice.pick(buyers), " di ", w.dice.pick(regions), ": ", w.dice.pick(benefits),
			", dengan ", w.dice.pick(deliveries), ".")
	}
}

func (w *productWriter) customer() {
	switch kind := w.dice.below(60); {
	case kind < 7:
		w.null()
	case kind < 10:
		w.text("nan")
	case kind < 11:
		w.text("NaT")
	case kind < 14:
		w.text("")
	case kind < 18:
		w.text(w.dice.pick(forms), w.dice.pick(brands), " ")
	default:
		w.text(w.dice.pick(forms), w.dice.pick(brands), " ", w.dice.pick(regions))
	}
}

// price writes rupiah, up to more than an integer holds.
func (w *productWriter) price() {
	switch kind := w.dice.below(20); {
	case kind < 3:
		w.null()
	case kind < 5:
		w.number(0)
	default:
		price := (1 + w.dice.below(999)) * 1000
		for range w.dice.below(5) {
			price *= 10
		}
		w.number(price)
	}
}

// updated is between the row's making and today, or 0: many rows were never touched, or not by what
// keeps the column.
func (w *productWriter) updated(entered int64) int64 {
	if w.dice.below(5) < 2 {
		return 0
	}
	return entered + w.dice.below(today*int64(microsecondsInDay)-entered)
}

// stageEnd is planned around today, after the stage's start, so that a fifth or so is overdue.
func (w *productWriter) stageEnd(p plan) int64 {
	planned := int64(today) - 330 + w.dice.below(1000)
	if p.stageStart == 0 || w.dice.oneIn(10) {
		return 0
	}
	return max(planned, p.stageStart+90)
}
