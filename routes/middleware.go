package routes

import (
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"math"
	"net"
	"net/netip"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/gofiber/fiber/v2/middleware/cors"
	recovery "github.com/gofiber/fiber/v2/middleware/recover"
	lru "github.com/hashicorp/golang-lru/v2"
	"github.com/valyala/fasthttp"
	"golang.org/x/time/rate"

	"lifecycle-sync/handlers/request"
	"lifecycle-sync/models"
)

// setHeaders sets the request ID and the security headers of a response. Fiber's requestid trusts the client's
// X-Request-ID of any length; helmet sets a dozen headers. Both miss requests that are rejected before routing, for which
// the error handler calls setHeaders.
func setHeaders(c *fiber.Ctx) {
	if c.GetRespHeader(fiber.HeaderXRequestID) != "" {
		return
	}
	c.Set(fiber.HeaderXRequestID, rand.Text())
	c.Set(fiber.HeaderXContentTypeOptions, "nosniff")
	c.Set(fiber.HeaderContentSecurityPolicy, "default-src 'none'; frame-ancestors 'none'")
	c.Set(fiber.HeaderReferrerPolicy, "no-referrer")
	c.Set(fiber.HeaderCacheControl, "no-store") // responses with an ETag replace it
}

// routeKey is the key of the matched route's pattern in a request's locals.
type routeKey struct{}

// setRoute records the matched route. Without a match, Fiber's c.Route() returns the last middleware.
func setRoute(pattern string) fiber.Handler {
	return func(c *fiber.Ctx) error {
		c.Locals(routeKey{}, pattern)
		return c.Next()
	}
}

// observe writes the access log without query strings, which may contain private searches. It reports every request to
// o.Observe with the route's pattern, because addresses are unbounded and may be private.
func observe(o Options) fiber.Handler {
	return func(c *fiber.Ctx) error {
		start := o.Now()
		err := c.Next()
		status, took := c.Response().StatusCode(), o.Now().Sub(start)
		method := fiber.DefaultMethods[slices.Index(fiber.DefaultMethods, c.Method())] // rejectUnknownMethods passes no other
		if o.Observe != nil {
			pattern, _ := c.Locals(routeKey{}).(string)
			o.Observe(pattern, method, status, took)
		}
		// Cloned, because Fiber reuses the memory of its strings.
		o.Log.LogAttrs(context.Background(), slog.LevelInfo, "request",
			slog.String("request_id", strings.Clone(c.GetRespHeader(fiber.HeaderXRequestID))),
			slog.String("method", method), slog.String("path", strings.Clone(c.Path())),
			slog.String("user", request.Caller(c).Subject),
			slog.Int("status", status), slog.Int("bytes", bodySize(c.Response())), slog.Duration("duration", took), slog.String("remote", c.IP()))
		return err
	}
}

// bodySize returns the size of a response's body, -1 for a stream, which Body would consume.
func bodySize(r *fasthttp.Response) int {
	if r.IsBodyStream() {
		return -1
	}
	return len(r.Body())
}

// respondToErrors turns errors into responses, so that the outer middleware sees the final response.
func respondToErrors(c *fiber.Ctx) error {
	if err := c.Next(); err != nil {
		return c.App().ErrorHandler(c, err)
	}
	return nil
}

// setTimeout bounds a request: reading its body, and its queries. Pace bounds writing its response.
func setTimeout(timeout time.Duration) fiber.Handler {
	return func(c *fiber.Ctx) error {
		if timeout == endless {
			return c.Next()
		}
		if timeout > readTimeout {
			_ = c.Context().SetReadDeadline(time.Now().Add(timeout)) // fails if the client has disconnected
		}
		ctx, cancel := context.WithTimeout(c.UserContext(), timeout)
		defer cancel()
		c.SetUserContext(ctx)
		return c.Next()
	}
}

// recoverPanics turns a panic into an error and logs its stack.
func recoverPanics(log *slog.Logger) fiber.Handler {
	return recovery.New(recovery.Config{
		EnableStackTrace: true,
		StackTraceHandler: func(_ *fiber.Ctx, e any) {
			log.Error("panic in a handler", "panic", e, "stack", string(debug.Stack()))
		},
	})
}

// rejectUnknownMethods responds to unknown HTTP methods with the error envelope; Fiber would respond in plain text.
func rejectUnknownMethods(web *fiber.App, serve fasthttp.RequestHandler) fasthttp.RequestHandler {
	return func(raw *fasthttp.RequestCtx) {
		if slices.Contains(fiber.DefaultMethods, string(raw.Method())) {
			serve(raw)
			return
		}
		c := web.AcquireCtx(raw)
		defer web.ReleaseCtx(c)
		_ = web.ErrorHandler(c, fiber.ErrBadRequest) // fails only when JSON cannot be written
	}
}

// limit identifies the rate limit of a route.
type limit int

const (
	unlimited     limit = iota
	reads               // RATE_LIMIT_READS, per caller
	writes              // RATE_LIMIT_WRITES, per caller
	syncs               // RATE_LIMIT_SYNC, per caller
	signIns             // failed sign-ins, per network: the caller is unknown
	exports             // at the same time, per caller: each is a file on this machine's disk
	downloads           // at the same time, per caller: each is a connection to the storage of files
	streams             // streams of sync events at the same time, per caller
	changeStreams       // streams of changes at the same time, per caller
)

const (
	authFailureRate  = 120  // rejected tokens per minute and network
	signInRate       = 30   // failed sign-ins per minute and network
	maxExports       = 2    // of a caller at the same time
	maxDownloads     = 20   // of a caller at the same time
	maxStreams       = 20   // of a caller at the same time
	maxChangeStreams = 5    // of a caller at the same time
	maxLimiterBucket = 8192 // maximum number of callers; the least recently used one is dropped
)

// limiter has a token bucket per caller. Fiber's limiter counts requests in fixed windows, keeps every key for a whole
// window, and counts before the handler runs; here some limits count only failures.
type limiter struct {
	name      string // in the headers RateLimit and RateLimit-Policy
	buckets   *lru.Cache[string, *rate.Limiter]
	perMinute int
	now       func() time.Time
}

func newLimiter(name string, perMinute int, now func() time.Time) *limiter {
	buckets, err := lru.New[string, *rate.Limiter](maxLimiterBucket)
	if err != nil {
		panic(err) // a size below 1
	}
	return &limiter{name: name, buckets: buckets, perMinute: perMinute, now: now}
}

// take takes one token from a caller's bucket and reports what is left in the response's headers. Errors: rate_limited, with
// Retry-After set.
func (l *limiter) take(c *fiber.Ctx, caller string) error {
	bucket, exists := l.buckets.Get(caller)
	if !exists {
		bucket = rate.NewLimiter(rate.Limit(l.perMinute)/60, l.perMinute)
		if added, exists, _ := l.buckets.PeekOrAdd(caller, bucket); exists { // by a concurrent request
			bucket = added
		}
	}
	now := l.now()
	reservation := bucket.ReserveN(now, 1)
	wait := reservation.DelayFrom(now)
	c.Set("RateLimit-Policy", fmt.Sprintf(`"%s";q=%d;w=60`, l.name, l.perMinute))
	c.Set("RateLimit", fmt.Sprintf(`"%s";r=%d`, l.name, int(max(0, bucket.TokensAt(now)))))
	if wait == 0 {
		return nil
	}
	reservation.CancelAt(now)
	c.Set(fiber.HeaderRetryAfter, strconv.Itoa(int(math.Ceil(wait.Seconds()))))
	return models.NewError(models.RateLimited, "http.rate_limited", models.Params{"limit": l.perMinute}).WithRemedy("http.rate_limited_remedy", nil)
}

// concurrencyLimiter limits how many requests of a caller are in progress at the same time. A request ends when its client has read the
// response or is gone.
type concurrencyLimiter struct {
	max  int // of a caller
	mu   sync.Mutex
	open map[string]int // requests in progress by caller
}

// ticket is a request's permission to be in progress. The server closes it after the response, as every io.Closer among a
// request's values.
type ticket struct {
	limiter *concurrencyLimiter
	caller  string
}

type ticketKey struct{}

// acquire lets a request in. Errors: rate_limited, with Retry-After set.
func (g *concurrencyLimiter) acquire(c *fiber.Ctx, caller string) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.open[caller] >= g.max {
		c.Set(fiber.HeaderRetryAfter, busyRetryAfter)
		return models.NewError(models.RateLimited, "http.too_many_at_once", models.Params{"limit": g.max}).WithRemedy("http.too_many_at_once_remedy", nil)
	}
	g.open[caller]++
	c.Locals(ticketKey{}, ticket{g, caller})
	return nil
}

// Close lets the caller's next request in.
func (t ticket) Close() error {
	t.limiter.mu.Lock()
	defer t.limiter.mu.Unlock()
	if t.limiter.open[t.caller]--; t.limiter.open[t.caller] == 0 {
		delete(t.limiter.open, t.caller)
	}
	return nil
}

// busyRetryAfter is the Retry-After in seconds while a caller's other requests are in progress.
const busyRetryAfter = "5"

// limits holds the limiter of each limit, of either kind.
type limits struct {
	limiters   map[limit]*limiter
	concurrent map[limit]*concurrencyLimiter
}

func newLimits(o Options) limits {
	atOnce := func(most int) *concurrencyLimiter { return &concurrencyLimiter{max: most, open: map[string]int{}} }
	return limits{
		limiters: map[limit]*limiter{
			reads: newLimiter("reads", o.ReadRate, o.Now), writes: newLimiter("writes", o.WriteRate, o.Now), syncs: newLimiter("sync", o.SyncRate, o.Now),
			signIns: newLimiter("sign-ins", signInRate, o.Now),
		},
		concurrent: map[limit]*concurrencyLimiter{exports: atOnce(maxExports), downloads: atOnce(maxDownloads), streams: atOnce(maxStreams), changeStreams: atOnce(maxChangeStreams)},
	}
}

// count counts a route's requests towards a limit. Of sign-ins only failed ones count, so that one client cannot lock out
// others that share its address.
func (ls limits) count(towards limit) fiber.Handler {
	l, g := ls.limiters[towards], ls.concurrent[towards]
	return func(c *fiber.Ctx) error {
		switch {
		case towards == signIns:
			if err := c.Next(); err != nil || c.Response().StatusCode() != fiber.StatusUnprocessableEntity {
				return err
			}
			return l.take(c, clientNetwork(c))
		case g != nil:
			if err := g.acquire(c, callerOf(c)); err != nil {
				return err
			}
		case l != nil && l.perMinute > 0:
			if err := l.take(c, callerOf(c)); err != nil {
				return err
			}
		}
		return c.Next()
	}
}

// callerOf identifies whom a request's limits apply to: the user of its token or, without one, the client's network.
func callerOf(c *fiber.Ctx) string { return cmp.Or(request.Caller(c).Subject, clientNetwork(c)) }

// clientNetwork returns the client's address, for IPv6 its /64 network, which belongs to one subscriber.
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

// localOnly protects local mode, where every caller is Admin, from pages of other sites: it rejects other host names (DNS
// rebinding) and cross-site requests.
func localOnly(origins []string) fiber.Handler {
	allowed := originSet(origins)
	return func(c *fiber.Ctx) error {
		// Not c.Hostname(), which trusts X-Forwarded-Host. Header and URI differ in "GET http://…".
		host := string(c.Request().Header.Host())
		if !isLoopback(host) || !isLoopback(string(c.Request().URI().Host())) {
			return models.NewError(models.Forbidden, "http.local_mode_host", nil)
		}
		if isCrossSite(strings.ToLower(c.Get(fiber.HeaderOrigin)), c.Get("Sec-Fetch-Site"), host, allowed) {
			return models.NewError(models.Forbidden, "http.cross_site_request", nil).WithRemedy("http.cross_site_request_remedy", nil)
		}
		return c.Next()
	}
}

// isLoopback reports whether a Host header names this machine.
func isLoopback(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	ip := net.ParseIP(strings.Trim(host, "[]"))
	return strings.EqualFold(host, "localhost") || ip != nil && ip.IsLoopback()
}

// isCrossSite reports whether a page of another site sent the request. Browsers that send no Origin, for example for
// images, send Sec-Fetch-Site; other clients send neither.
func isCrossSite(origin, fetchSite, host string, allowed map[string]bool) bool {
	if origin == "" {
		return strings.EqualFold(fetchSite, "cross-site")
	}
	_, originHost, _ := strings.Cut(origin, "://")
	return !allowed[origin] && !strings.EqualFold(originHost, host)
}

// rejectCrossSiteForms protects the console's forms from cross-site request forgery by the headers Sec-Fetch-Site and
// Origin. Fiber's csrf middleware would need a token in every form and storage for it.
func rejectCrossSiteForms(c *fiber.Ctx) error {
	fetchSite, origin := c.Get("Sec-Fetch-Site"), strings.ToLower(c.Get(fiber.HeaderOrigin))
	_, originHost, _ := strings.Cut(origin, "://")
	sameSite := strings.EqualFold(fetchSite, "same-origin") || fetchSite == "" && origin != "" && strings.EqualFold(originHost, string(c.Request().Header.Host()))
	if c.Method() != fiber.MethodGet && c.Method() != fiber.MethodHead && !sameSite {
		return models.NewError(models.Forbidden, "http.cross_site_form", nil).WithRemedy("http.cross_site_form_remedy", nil)
	}
	return c.Next()
}

// crossOrigin lets the pages of the listed origins call the API and read its headers.
func crossOrigin(origins []string) fiber.Handler {
	allowed := originSet(origins)
	return cors.New(cors.Config{
		AllowOriginsFunc: func(origin string) bool { return allowed[origin] },
		AllowMethods:     "GET, HEAD, POST, PUT, DELETE",
		AllowHeaders:     "Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match, Last-Event-ID",
		ExposeHeaders:    "ETag, Link, Location, Retry-After, RateLimit, RateLimit-Policy, Content-Disposition, " + fiber.HeaderXRequestID,
		MaxAge:           int(10 * time.Minute / time.Second),
	})
}

// originSet returns the origins as browsers send them.
func originSet(origins []string) map[string]bool {
	set := make(map[string]bool, len(origins))
	for _, origin := range origins {
		set[strings.ToLower(strings.TrimRight(strings.TrimSpace(origin), "/"))] = true
	}
	return set
}
