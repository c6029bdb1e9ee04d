//go:build unix

package main

import "syscall"

// keepFilesPrivate makes every file and folder that the process creates private to its user.
func keepFilesPrivate() { syscall.Umask(0o077) }
