package routes

// rate is an allowance of requests a minute that each caller has.
type rate int

const (
	unmetered rate = iota
	writes         // RATE_LIMIT_WRITES
	syncs          // RATE_LIMIT_SYNC
)
