package database

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Range is a closed interval of ids.
type Range struct{ Lo, Hi int64 }

// The ids that an integer column can hold.
const lowest, highest = -1 << 31, 1<<31 - 1

// Everything returns the one range of all ids.
func Everything() []Range { return []Range{{lowest, highest}} }

// MaxRanges bounds the memory that ranges take, and the size of a query's parameters.
const MaxRanges = 1 << 16

// AddRange appends r to sorted ranges, joining it to the last when they touch.
func AddRange(ranges []Range, r Range) []Range {
	if n := len(ranges); n > 0 && r.Lo <= ranges[n-1].Hi+1 {
		ranges[n-1].Hi = max(ranges[n-1].Hi, r.Hi)
		return ranges
	}
	return append(ranges, r)
}

// Union sorts ranges and joins those that touch. It reuses the slice.
func Union(ranges []Range) []Range {
	slices.SortFunc(ranges, func(a, b Range) int { return cmp.Compare(a.Lo, b.Lo) })
	joined := ranges[:0]
	for _, r := range ranges {
		joined = AddRange(joined, r)
	}
	return joined
}

// within is the condition that an id lies in one of the ranges. Ids are integers of our own, so they can be part of the text.
func within(ranges []Range, id string) string {
	if len(ranges) == 1 && ranges[0] == (Range{lowest, highest}) {
		return "TRUE"
	}
	conditions := make([]string, len(ranges))
	for i, r := range ranges {
		conditions[i] = fmt.Sprintf("%s BETWEEN %d AND %d", id, r.Lo, r.Hi)
	}
	return "(" + strings.Join(conditions, " OR ") + ")"
}
