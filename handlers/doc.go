// Package handlers serves the HTTP API: it parses and validates requests, calls the services, and writes responses. It
// has one file per resource, and holds no business rules or SQL.
package handlers
