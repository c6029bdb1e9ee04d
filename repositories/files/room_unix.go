//go:build linux || darwin

package files

import "golang.org/x/sys/unix"

// room is how many bytes a folder's disk has left for us.
func room(path string) int64 {
	var stat unix.Statfs_t
	if err := unix.Statfs(path, &stat); err != nil {
		return Unlimited // a file could be written all the same
	}
	return int64(stat.Bavail) * int64(stat.Bsize) //nolint:unconvert // their types differ by system
}
