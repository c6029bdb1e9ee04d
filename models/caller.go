package models

import "time"

// Role is a caller's authorization; each role includes the ones before it.
type Role int

// The roles. Anonymous needs no token; Reader reads; Manager also creates and changes products, files and stage history;
// Admin also deletes and runs the sync.
const (
	Anonymous Role = iota
	Reader
	Manager
	Admin
)

// String names the role.
func (r Role) String() string { return [...]string{"anonymous", "reader", "manager", "admin"}[r] }

// Caller is the sender of a request. Subject is the token's "sub", or "local" without tokens.
type Caller struct {
	Subject string
	Name    string // to show to people; "" if the token has none
	Role    Role
	Expires time.Time // when the token is no longer accepted; zero if never
}
