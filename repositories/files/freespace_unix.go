//go:build linux || darwin

package files

import "golang.org/x/sys/unix"

// freeSpace returns the bytes that this user can write to a folder's disk.
func freeSpace(path string) int64 {
	var stat unix.Statfs_t
	if err := unix.Statfs(path, &stat); err != nil {
		return Unlimited // writing worked
	}
	return int64(stat.Bavail) * int64(stat.Bsize) //nolint:unconvert // their types differ by system
}
