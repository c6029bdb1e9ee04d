package routes

import (
	"net"
	"time"

	"github.com/gofiber/fiber/v2"

	"lifecycle-sync/web/messages"
)

// The rate limits and timeouts of a Route.
const (
	Unlimited = unlimited
	Reads     = reads
	Writes    = writes
	Syncs     = syncs
	Exports   = exports

	Brief   = brief
	Long    = long
	Endless = endless
)

// NewOf returns the server with another table.
func NewOf(o Options, table ...Route) *fiber.App {
	o.Printers = messages.New().Printers(messages.English, time.UTC)
	return newServer(o, table, nil, nil)
}

// PaceWithin is Pace for clients that may fall behind by maxLag.
func PaceWithin(l net.Listener, maxLag time.Duration) net.Listener { return pacedListener{l, maxLag} }
