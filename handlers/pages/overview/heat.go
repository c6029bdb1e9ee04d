package overview

import (
	"math/big"

	"lifecycle-sync/services/reports"
)

// heat is the table of segments and stages, each cell the warmer the more products it has.
type heat struct {
	Stages []heatCell // heads of the columns, with their totals
	Rows   []heatRow
	Total  int64
}

type heatRow struct {
	heatCell

	Cells []heatCell
}

// heatCell is a number of products and where they are listed. Level is 0 for none, and up to 5 for the most
// that a cell has.
type heatCell struct {
	Text, Address string // of a cell, the text is its stage
	Count, Level  int64
}

func (n charts) heat(rows []reports.SegmentRow, stages []reports.Share, total int64) heat {
	h := heat{Total: total}
	for _, s := range stages {
		h.Stages = append(h.Stages, n.cell(axis("stage").text(s.Label), s.Count, axis("stage").filter(s.Label)))
	}
	warmest := int64(0)
	for _, row := range rows {
		for _, c := range row.Stages {
			warmest = max(warmest, c.Count)
		}
	}
	for _, row := range rows {
		segment := axis("segment").filter(row.Label)
		shown := heatRow{heatCell: n.cell(axis("segment").text(row.Label), row.Count, segment)}
		for _, c := range row.Stages {
			cell := n.cell(axis("stage").text(c.Label), c.Count, append(axis("stage").filter(c.Label), segment...))
			cell.Level = level(c.Count, warmest)
			shown.Cells = append(shown.Cells, cell)
		}
		h.Rows = append(h.Rows, shown)
	}
	return h
}

func (n charts) cell(text string, count int64, filter []string) heatCell {
	c := heatCell{Text: text, Count: count}
	if count > 0 {
		c.Address = n.Products(filter...)
	}
	return c
}

// level is 1 for up to a fifth of the most, and 5 for more than four fifths.
func level(count, warmest int64) int64 {
	part := hundredths(big.NewInt(count), big.NewInt(warmest))
	return (part + 19) / 20
}
