package routes

import (
	"time"

	"github.com/gofiber/fiber/v2"

	"lifecycle-sync/models"
	"lifecycle-sync/web/messages"
)

// The allowances and times of a Line.
const (
	Unmetered = unmetered
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
	Draws        allowance
	Timeout      time.Duration
	Handle       fiber.Handler
}

// NewOf returns the server with another table.
func NewOf(o Options, lines ...Line) *fiber.App {
	o.Texts = messages.New().Printer(messages.English, time.UTC)
	var table []route
	for _, l := range lines {
		table = append(table, route{l.Method, l.Path, l.Role, l.Draws, l.Timeout, l.Handle})
	}
	return newServer(o, table, nil, nil)
}
