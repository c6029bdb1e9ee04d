package routes

import (
	"time"

	"github.com/gofiber/fiber/v2"

	"lifecycle-sync/web/messages"
)

// The rate limits and timeouts of a Route.
const (
	Unlimited = unlimited
	Writes    = writes
	Syncs     = syncs

	Brief   = brief
	Long    = long
	Endless = endless
)

// NewOf returns the server with another table.
func NewOf(o Options, table ...Route) *fiber.App {
	o.Printer = messages.New().Printer(messages.English, time.UTC)
	return newServer(o, table, nil, nil)
}
