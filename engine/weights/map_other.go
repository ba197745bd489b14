//go:build !unix

package weights

import "os"

// mapFile reads a file as a whole where mapping is not to be had.
func mapFile(path string) (data []byte, unmap func() error, err error) {
	data, err = os.ReadFile(path)
	return data, func() error { return nil }, err
}
