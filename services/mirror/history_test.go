package mirror_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"lifecycle-sync/models"
)

// history is a random life of lifecycle_db. ids are the rows it has, by source table.
type history struct {
	*lab
	hostile
	ids map[string][]int64
}

// begin fills the tables.
func (h *history) begin() {
	h.Helper()
	for i, n := range []int{5, 4, 5, 60, 40} {
		for range n {
			h.insert(h.tables[i])
		}
	}
}

// step does something to lifecycle_db, a few times over.
func (h *history) step() {
	h.Helper()
	for range 1 + h.IntN(12) {
		t := h.tables[h.IntN(len(h.tables))]
		switch what := h.IntN(20); {
		case what < 7:
			h.insert(t)
		case what < 16:
			h.edit(t)
		case what < 19:
			h.remove(t, 1)
		default:
			h.remove(t, 1+h.IntN(20))
		}
	}
}

// insert mostly takes the next id, as an identity does; sometimes a special one.
func (h *history) insert(t *models.Table) {
	h.Helper()
	id := int64(1)
	if n := len(h.ids[t.Source]); n > 0 {
		id = max(slices.Max(h.ids[t.Source])+1+int64(h.IntN(3)), 1)
	}
	if special := []int64{0, -1, -1 << 31, 1 << 30}[h.IntN(4)]; h.IntN(20) == 0 && !slices.Contains(h.ids[t.Source], special) {
		id = special
	}
	values := []string{fmt.Sprint(id)}
	for _, c := range t.Columns[1:] {
		values = append(values, h.hostile.value(c, h.ids[c.References]))
	}
	h.change(fmt.Sprintf("INSERT INTO %s (%s) %s VALUES (%s)", t.Source, strings.Join(t.ColumnNames(), ", "),
		on(h.lab, "OVERRIDING SYSTEM VALUE", ""), strings.Join(values, ", ")))
	h.ids[t.Source] = append(h.ids[t.Source], id)
}

// edit changes a few columns of a row, with or without its updated_at.
func (h *history) edit(t *models.Table) {
	h.Helper()
	if len(h.ids[t.Source]) == 0 {
		return
	}
	set := map[string]string{}
	for range 1 + h.IntN(3) {
		c := t.Columns[1+h.IntN(len(t.Columns)-1)]
		set[c.Name] = h.hostile.value(c, h.ids[c.References])
	}
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(set)) {
		parts = append(parts, name+" = "+set[name])
	}
	h.change(fmt.Sprintf("UPDATE %s SET %s WHERE id = %d", t.Source, strings.Join(parts, ", "), h.ids[t.Source][h.IntN(len(h.ids[t.Source]))]))
}

// remove deletes n rows, never the last.
func (h *history) remove(t *models.Table, n int) {
	h.Helper()
	for ; n > 0 && len(h.ids[t.Source]) > 1; n-- {
		i := h.IntN(len(h.ids[t.Source]))
		h.change(fmt.Sprintf("DELETE FROM %s WHERE id = %d", t.Source, h.ids[t.Source][i]))
		h.ids[t.Source] = slices.Delete(h.ids[t.Source], i, i+1)
	}
}
