package reports

import (
	"cmp"
	"math/big"
	"slices"
	"strconv"
)

// Tenths is a figure with one decimal, in tenths.
type Tenths int64

// MarshalJSON writes a JSON number, as 12.5.
func (t Tenths) MarshalJSON() ([]byte, error) {
	sign := ""
	if t < 0 {
		sign, t = "-", -t
	}
	out := sign + strconv.FormatInt(int64(t/10), 10)
	if t%10 != 0 {
		out += "." + strconv.FormatInt(int64(t%10), 10)
	}
	return []byte(out), nil
}

// Average is an average to one decimal; nil is that of nothing.
type Average *Tenths

// average divides a sum by how many it is the sum of, and by the size of the unit that it is wanted in.
// Halves are rounded up; nothing that is averaged here is negative.
func average(sum *big.Int, count, unit int64) Average {
	if count == 0 {
		return nil
	}
	divisor := new(big.Int).Mul(big.NewInt(count), big.NewInt(unit))
	twice := new(big.Int).Mul(sum, big.NewInt(20))
	twice.Add(twice, divisor)
	tenths := Tenths(twice.Div(twice, divisor.Lsh(divisor, 1)).Int64())
	return &tenths
}

// percentages are the parts of their sum that counts are, such that they sum up to exactly 100, or are 0
// when all counts are: each is rounded down, and the tenths that are then missing go to those that lost
// most, the first of equals.
func percentages(counts []int64) []Tenths {
	var total int64
	for _, c := range counts {
		total += c
	}
	out := make([]Tenths, len(counts))
	if total == 0 {
		return out
	}
	missing, order := int64(1000), make([]int, len(counts))
	for i, c := range counts {
		order[i], out[i] = i, Tenths(c*1000/total)
		missing -= int64(out[i])
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(counts[b]*1000%total, counts[a]*1000%total) })
	for _, i := range order[:missing] {
		out[i]++
	}
	return out
}
