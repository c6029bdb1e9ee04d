package routes

import (
	"time"

	"github.com/gofiber/fiber/v2"

	"lifecycle-sync/models"
	"lifecycle-sync/web/messages"
)

// The rate limits and timeouts of a Line.
const (
	Unlimited = unlimited
	Writes    = writes
	Syncs     = syncs

	Brief   = brief
	Long    = long
	Endless = endless
)

// Line is a line of a table made for a test.
type Line struct {
	Method, Path string
	Role         models.Role
	Limit        limit
	Timeout      time.Duration
	Handle       fiber.Handler
}

// NewOf returns the server with another table.
func NewOf(o Options, lines ...Line) *fiber.App {
	o.Texts = messages.New().Printer(messages.English, time.UTC)
	var table []route
	for _, l := range lines {
		table = append(table, route{l.Method, l.Path, l.Role, l.Limit, l.Timeout, l.Handle})
	}
	return newServer(o, table, nil, nil)
}
