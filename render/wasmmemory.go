package render

import (
	"sync/atomic"

	"github.com/tetratelabs/wazero/experimental"
)

// wasmPageBytes is the unit in which WebAssembly counts memory.
const wasmPageBytes = 64 << 10

// wasmMemory gives PDFium its memory, up to a limit, and remembers what it
// refused: PDFium ends in the same trap whatever went wrong, and where it
// survives a refusal it draws the page without what did not fit.
type wasmMemory struct {
	limit   uint64       // bytes of one instance
	refused atomic.Int64 // the largest size asked for in vain
}

// Allocate implements experimental.MemoryAllocator.
func (w *wasmMemory) Allocate(uint64, uint64) experimental.LinearMemory {
	return &linearMemory{of: w, region: reserve(w.limit)}
}

// take returns the largest size in bytes that was refused since the last call,
// 0 when none was.
func (w *wasmMemory) take() int64 { return w.refused.Swap(0) }

// linearMemory is the memory of one instance: a region of address space as
// large as the limit, of which so much is usable as was asked for. It never
// moves, so growing it copies nothing.
type linearMemory struct {
	of     *wasmMemory
	region region
}

// Reallocate implements experimental.LinearMemory.
func (l *linearMemory) Reallocate(size uint64) []byte {
	if size <= l.of.limit {
		if b := l.region.upTo(size); b != nil {
			return b
		}
	}
	l.of.refused.Store(max(int64(size), l.of.refused.Load()))
	return nil
}

// Free implements experimental.LinearMemory.
func (l *linearMemory) Free() { l.region.free() }
