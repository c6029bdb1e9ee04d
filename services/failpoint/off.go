//go:build !failpoints

// Package failpoint marks the points at which tests kill the process.
package failpoint

// Reach does nothing: only binaries built with the tag failpoints can be killed.
func Reach(string) {}
