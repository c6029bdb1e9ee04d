//go:build !failpoints

// Package failpoint marks the instants at which tests kill the process.
package failpoint

// Reach marks an instant at which the tests kill the process; built with the tag failpoints only.
func Reach(string) {}
