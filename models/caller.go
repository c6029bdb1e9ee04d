package models

// Role is what a caller may do; each includes the ones before it.
type Role int

// The roles. Anonymous needs no token; Reader may read; Manager may also create and change products,
// files and transitions; Admin may do everything, which adds deleting and the synchronisation.
const (
	Anonymous Role = iota
	Reader
	Manager
	Admin
)

// String names the role.
func (r Role) String() string {
	switch r {
	case Reader:
		return "reader"
	case Manager:
		return "manager"
	case Admin:
		return "admin"
	case Anonymous:
	}
	return "anonymous"
}

// Caller is who sends a request. Subject tells callers apart: a token's "sub", or "local" without
// tokens.
type Caller struct {
	Subject string
	Role    Role
}
