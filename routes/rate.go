package routes

import (
	"math"
	"net/netip"
	"strconv"
	"time"

	"github.com/gofiber/fiber/v2"
	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/time/rate"

	"lifecycle-sync/handlers/request"
	"lifecycle-sync/models"
)

// allowance is a number of requests a minute that each caller has.
type allowance int

const (
	unmetered allowance = iota
	writes              // RATE_LIMIT_WRITES
	syncs               // RATE_LIMIT_SYNC
	signIns             // by address: nobody is known yet
)

const (
	refusals   = 120  // tokens a minute that are refused with the reason, from one address
	tries      = 30   // of signing in that fail in a minute, from one address
	maxBuckets = 8192 // callers that are remembered; of more, who has been away longest starts afresh
)

// buckets hold what each caller has left of an allowance.
type buckets struct {
	byCaller *lru.Cache[string, *rate.Limiter]
	minute   int
	now      func() time.Time
}

func newBuckets(minute int, now func() time.Time) *buckets {
	byCaller, err := lru.New[string, *rate.Limiter](maxBuckets)
	if err != nil {
		panic(err) // a size below 1
	}
	return &buckets{byCaller: byCaller, minute: minute, now: now}
}

// take draws one from the caller's bucket. Errors: rate limited, with Retry-After set.
func (b *buckets) take(c *fiber.Ctx, caller string) error {
	fresh := rate.NewLimiter(rate.Limit(b.minute)/60, b.minute)
	bucket, found, _ := b.byCaller.PeekOrAdd(caller, fresh)
	if !found {
		bucket = fresh
	} else {
		b.byCaller.Get(caller) // it has been here
	}
	now := b.now()
	drawn := bucket.ReserveN(now, 1)
	wait := drawn.DelayFrom(now)
	if wait == 0 {
		return nil
	}
	drawn.CancelAt(now)
	c.Set(fiber.HeaderRetryAfter, strconv.Itoa(int(math.Ceil(wait.Seconds()))))
	return models.NewError(models.RateLimited, "http.rate_limited", models.Params{"limit": b.minute}).WithRemedy("http.rate_limited_remedy", nil)
}

// metered draws on one of the caller's allowances.
func (g *gate) metered(of allowance) fiber.Handler {
	b := g.allowances[of]
	if of == signIns {
		return tried(b)
	}
	return func(c *fiber.Ctx) error {
		if b == nil || b.minute == 0 {
			return c.Next()
		}
		if err := b.take(c, request.Caller(c).Subject); err != nil {
			return err
		}
		return c.Next()
	}
}

// tried counts what was tried in vain. As with tokens that are refused elsewhere, what succeeds is never counted,
// so nobody can lock out those who share an address.
func tried(b *buckets) fiber.Handler {
	return func(c *fiber.Ctx) error {
		if err := c.Next(); err != nil || c.Response().StatusCode() != fiber.StatusUnprocessableEntity {
			return err
		}
		return b.take(c, network(c))
	}
}

// network is the address that a request came from, of IPv6 the part that is one subscriber's.
func network(c *fiber.Ctx) string {
	address, ok := netip.AddrFromSlice(c.Context().RemoteIP())
	if !ok {
		return ""
	}
	if address = address.Unmap(); address.Is6() {
		if prefix, err := address.Prefix(64); err == nil {
			return prefix.String()
		}
	}
	return address.String()
}
