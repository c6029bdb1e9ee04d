//go:build !failpoints

package mirror

// failpoint marks an instant at which the tests kill the process; built with the tag failpoints only.
func failpoint(string) {}
