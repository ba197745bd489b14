//go:build unix

package kerneltest

import (
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Guarded returns n zeros that end against an unreadable page, or begin after one: reading or
// writing past that side crashes the test.
func Guarded[E float32 | uint16 | uint32 | byte | int8 | int16 | int32](t testing.TB, n int, atEnd bool) []E {
	t.Helper()
	page := unix.Getpagesize()
	size := n * int(unsafe.Sizeof(*new(E)))
	inner := (size + page - 1) / page * page
	mem, err := unix.Mmap(-1, 0, inner+2*page, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	if err != nil {
		t.Fatalf("memory for %d guarded elements: %v", n, err)
	}
	for _, guard := range [][]byte{mem[:page], mem[page+inner:]} {
		if err := unix.Mprotect(guard, unix.PROT_NONE); err != nil {
			t.Fatalf("guard page: %v", err)
		}
	}
	t.Cleanup(func() { unix.Munmap(mem) })
	start := page
	if atEnd {
		start = page + inner - size
	}
	if n == 0 {
		return []E{}
	}
	return unsafe.Slice((*E)(unsafe.Pointer(&mem[start])), n)
}
