package demo

import (
	"strconv"

	"lifecycle-sync/models"
)

// historyRows streams tbl_stage_histori, product by product.
func (d Data) historyRows(yield func(models.Row) bool) {
	p := planner{data: d}
	w := historyWriter{}
	var written int64
	for written < d.histories {
		product := p.plan()
		for j := range product.transitions {
			if !yield(w.write(historyID(written), product, j)) {
				return
			}
			written++
		}
	}
}

type historyWriter struct {
	record
	dice dice
}

func (w *historyWriter) write(id int64, p plan, j int64) models.Row {
	changed := p.changed(j, &w.dice) // which seeds the dice
	w.begin(id)
	w.number(p.id)
	w.reference(p.stageBefore(j))
	w.reference(p.stageAfter(j))
	w.note()
	entered := max(changed, p.entered) + w.dice.below(2*microsecondsInDay)
	w.moment(entered)
	if w.dice.oneIn(2) {
		w.null()
	} else {
		w.moment(entered + w.dice.below(20*microsecondsInDay))
	}
	w.moment(changed)
	w.metrics()
	return w.row
}

func (w *historyWriter) note() {
	switch kind := w.dice.below(12); {
	case kind < 2:
		w.null()
	case kind < 3:
		w.text("nan")
	case kind < 4:
		w.text(w.dice.pick(notes), " ")
	default:
		w.text(w.dice.pick(notes), "; ", w.dice.pick(benefits), ".")
	}
}

// metrics writes a document as jsonb writes it, so that both databases hold the same text: keys by
// length and then by letter, decimals with all their digits.
func (w *historyWriter) metrics() {
	if w.dice.oneIn(6) {
		w.null()
		return
	}
	b := w.buffer
	b = append(b, `{"roi": `...)
	b = w.appendDecimal(b, 40)
	b = append(b, `, "kepuasan": `...)
	b = w.appendDecimal(b, 5)
	b = append(b, `, "pelanggan": `...)
	b = strconv.AppendInt(b, w.dice.below(20_000), 10)
	b = append(b, `, "pendapatan": `...)
	b = w.appendDecimal(b, 90_000_000_000)
	w.cell(append(b, '}'))
}

// appendDecimal writes a number below limit with two decimals.
func (w *historyWriter) appendDecimal(b []byte, limit int64) []byte {
	b = strconv.AppendInt(b, w.dice.below(limit), 10)
	return appendDigits(append(b, '.'), w.dice.below(100), 2)
}
