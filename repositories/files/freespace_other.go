//go:build !linux && !darwin

package files

// freeSpace is unknown on this system.
func freeSpace(string) int64 { return Unlimited }
