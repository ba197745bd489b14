//go:build unix

package weights

import (
	"fmt"
	"os"
	"syscall"
)

// mapFile maps a file into memory, read only. A file that another process shortens while it is mapped
// kills the program; checkpoints are therefore replaced by renaming, never written in place.
func mapFile(path string) (data []byte, unmap func() error, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, nil, fmt.Errorf("%s is no regular file", path)
	}
	if info.Size() == 0 || int64(int(info.Size())) != info.Size() {
		return nil, nil, fmt.Errorf("%s has %d bytes", path, info.Size())
	}
	data, err = syscall.Mmap(int(f.Fd()), 0, int(info.Size()), syscall.PROT_READ, syscall.MAP_SHARED)
	if err != nil {
		return nil, nil, fmt.Errorf("map %s into memory: %w", path, err)
	}
	return data, func() error { return syscall.Munmap(data) }, nil
}
