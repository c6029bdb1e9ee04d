package demo

import (
	"math/bits"
	"math/rand/v2"
)

// What the dice are thrown for: each thing has its own, so that it can be made without the others.
const (
	forQuotas = iota + 1
	forPlan
	forProduct
	forTransition
)

// dice are random numbers that depend on nothing but what they are for. PCG's numbers are fixed by
// its definition; what rand.Rand makes of them is not promised to stay, so below does its own.
type dice struct{ pcg rand.PCG }

// seed makes the numbers those for the i-th thing of a kind.
func (d *dice) seed(what uint64, i int64) {
	d.pcg.Seed(what, uint64(i)*0x9E3779B97F4A7C15) // neighbours far apart
}

// below returns a number from 0 to n-1.
func (d *dice) below(n int64) int64 {
	high, _ := bits.Mul64(d.pcg.Uint64(), uint64(n))
	return int64(high)
}

// oneIn is true once in n times.
func (d *dice) oneIn(n int64) bool { return d.below(n) == 0 }

// pick returns one of the words.
func (d *dice) pick(words []string) string { return words[d.below(int64(len(words)))] }
