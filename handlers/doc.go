// Package handlers speaks HTTP: it parses and checks requests, calls the use cases, and writes
// answers. It holds no rules and sees no SQL.
package handlers
