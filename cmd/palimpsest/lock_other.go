//go:build !unix

package main

import "os"

// lockFile makes a file; there are no locks to take here.
func lockFile(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
}
