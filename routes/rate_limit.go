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

// limit names a rate limit that a route counts towards.
type limit int

const (
	unlimited limit = iota
	writes          // RATE_LIMIT_WRITES, per caller
	syncs           // RATE_LIMIT_SYNC, per caller
	signIns         // failed sign-ins, per network: the caller is unknown
)

const (
	authFailureRate  = 120  // rejected tokens per minute and network
	signInRate       = 30   // failed sign-ins per minute and network
	maxLimiterBucket = 8192 // callers remembered; beyond, the least recent starts with a full bucket
)

// limiter is a token bucket per caller. Fiber's limiter counts requests in fixed windows, keeps every key for a whole
// window, and counts before the handler has decided: here rejected tokens and failed sign-ins alone count.
type limiter struct {
	buckets   *lru.Cache[string, *rate.Limiter]
	perMinute int
	now       func() time.Time
}

func newLimiter(perMinute int, now func() time.Time) *limiter {
	buckets, err := lru.New[string, *rate.Limiter](maxLimiterBucket)
	if err != nil {
		panic(err) // a size below 1
	}
	return &limiter{buckets: buckets, perMinute: perMinute, now: now}
}

// take takes one token from a caller's bucket. Errors: rate_limited, with Retry-After set.
func (l *limiter) take(c *fiber.Ctx, caller string) error {
	full := rate.NewLimiter(rate.Limit(l.perMinute)/60, l.perMinute)
	bucket, found, _ := l.buckets.PeekOrAdd(caller, full)
	if !found {
		bucket = full
	} else {
		l.buckets.Get(caller) // marks it as recently used
	}
	now := l.now()
	reservation := bucket.ReserveN(now, 1)
	wait := reservation.DelayFrom(now)
	if wait == 0 {
		return nil
	}
	reservation.CancelAt(now)
	c.Set(fiber.HeaderRetryAfter, strconv.Itoa(int(math.Ceil(wait.Seconds()))))
	return models.NewError(models.RateLimited, "http.rate_limited", models.Params{"limit": l.perMinute}).WithRemedy("http.rate_limited_remedy", nil)
}

// limiters holds the rate limits of the routes.
type limiters map[limit]*limiter

func newLimiters(o Options) limiters {
	return limiters{writes: newLimiter(o.WriteRate, o.Now), syncs: newLimiter(o.SyncRate, o.Now), signIns: newLimiter(signInRate, o.Now)}
}

// count counts a route's requests towards a limit. Of sign-ins failures alone count, so that one client cannot lock out
// others that share its address.
func (ls limiters) count(towards limit) fiber.Handler {
	l := ls[towards]
	return func(c *fiber.Ctx) error {
		if towards == signIns {
			if err := c.Next(); err != nil || c.Response().StatusCode() != fiber.StatusUnprocessableEntity {
				return err
			}
			return l.take(c, clientNetwork(c))
		}
		if l != nil && l.perMinute > 0 {
			if err := l.take(c, request.Caller(c).Subject); err != nil {
				return err
			}
		}
		return c.Next()
	}
}

// clientNetwork returns the client's address; of IPv6 the /64 network, which one subscriber holds.
func clientNetwork(c *fiber.Ctx) string {
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
