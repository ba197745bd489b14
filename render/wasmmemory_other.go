//go:build !linux

package render

// region is a slice that grows by copying.
type region struct {
	limit uint64
	all   []byte
}

// reserve notes how far the region may grow.
func reserve(limit uint64) region { return region{limit: limit} }

// upTo makes the first size bytes usable.
func (r *region) upTo(size uint64) []byte {
	if size > uint64(cap(r.all)) {
		grown := make([]byte, size, min(size+size/4, r.limit))
		copy(grown, r.all)
		r.all = grown
	}
	r.all = r.all[:size]
	return r.all
}

// free lets the slice go.
func (r *region) free() { r.all = nil }
