//go:build linux

package render

import "golang.org/x/sys/unix"

// commitStep is by how much more of a region is made usable at a time.
const commitStep = 4 << 20

// region is address space without memory behind it, until it is asked for.
type region struct {
	all       []byte
	committed uint64
}

// reserve takes address space; where that fails nothing can be had of it.
func reserve(limit uint64) region {
	all, err := unix.Mmap(-1, 0, int(limit), unix.PROT_NONE, unix.MAP_PRIVATE|unix.MAP_ANON|unix.MAP_NORESERVE)
	if err != nil {
		return region{}
	}
	return region{all: all}
}

// upTo makes the first size bytes usable, or returns nil where the system
// gives no more.
func (r *region) upTo(size uint64) []byte {
	if size > uint64(len(r.all)) {
		return nil
	}
	if size > r.committed {
		end := min((size+commitStep-1)/commitStep*commitStep, uint64(len(r.all)))
		if unix.Mprotect(r.all[:end], unix.PROT_READ|unix.PROT_WRITE) != nil {
			return nil
		}
		r.committed = end
	}
	return r.all[:size]
}

// free gives the address space back.
func (r *region) free() {
	if r.all != nil {
		unix.Munmap(r.all)
	}
	*r = region{}
}
