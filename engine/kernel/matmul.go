package kernel

import (
	"fmt"
	"sync"
)

// MatMul computes dst[R, N] = a[R, K] x mᵀ + bias. ldd and lda are the distances between rows of
// dst and a, in elements; bias has N elements or is nil. dst must not overlap a or bias. Rows are
// independent: their results do not depend on rows, on the tile they fall into, or on p.
func MatMul(p Runner, dst []float32, ldd int, a []float32, lda, rows int, m *Matrix, bias []float32) {
	if rows == 0 {
		return
	}
	job := product{dst: dst, ldd: ldd, a: a, lda: lda, rows: rows, m: m, bias: bias, im: active}
	job.check()
	if m.format == Int8Format || m.format == Int4Format {
		multiplyWhole(p, job)
		return
	}
	if alone(p, rows, m) {
		job.run(0, blocksOf(rows, blockRows), 0, paddedN(m.n)/groupWidth)
		return
	}
	shared := job // what runs on other threads lies on the heap
	spread(p, rows, blockRows, m, (&shared).run)
}

// check panics where the slices do not hold what the product reads and writes.
func (j *product) check() {
	m := j.m
	if j.rows < 0 || j.ldd < m.n || j.lda < m.k || len(j.dst) < (j.rows-1)*j.ldd+m.n || len(j.a) < (j.rows-1)*j.lda+m.k {
		panic(fmt.Sprintf("kernel.MatMul: %d rows: dst %d (stride %d, need %d a row), a %d (stride %d, need %d a row)",
			j.rows, len(j.dst), j.ldd, m.n, len(j.a), j.lda, m.k))
	}
	if j.bias != nil && len(j.bias) != m.n {
		panic(fmt.Sprintf("kernel.MatMul: bias has %d elements, want %d", len(j.bias), m.n))
	}
}

// alone says whether a product is not worth waking other threads for, or has none.
func alone(p Runner, rows int, m *Matrix) bool { return p == nil || rows*m.n*m.k < serialWork }

// blocksOf is how many blocks of so many rows there are.
func blocksOf(rows, block int) int { return (rows + block - 1) / block }

// spread has run compute blocks of rows [b0,b1) by groups of outputs [g0,g1), over threads.
func spread(p Runner, rows, block int, m *Matrix, run func(b0, b1, g0, g1 int)) {
	groups, blocks := paddedN(m.n)/groupWidth, blocksOf(rows, block)
	// One job is one block of rows by a run of groups.
	perBlock := min(groups, max(1, rows*m.n*m.k/blocks/jobWork))
	p.Run(blocks*perBlock, func(i int) {
		b, part := i/perBlock, i%perBlock
		if rows*m.k <= residentInputs { // the blocks of rows share what they read of the weights
			b, part = i%blocks, i/blocks
		}
		run(b, b+1, part*groups/perBlock, (part+1)*groups/perBlock)
	})
}

// product is one call of MatMul.
type product struct {
	dst, a, bias   []float32
	ldd, lda, rows int
	m              *Matrix
	im             *implementation
	pairs          []uint32 // the inputs in bfloat16, see matpairs.go; nil: those in a are multiplied
	ldp            int      // elements between rows of pairs
}

// bench is the working memory of one job.
type bench struct {
	// A tile that sticks out of dst or bias is computed here before its inside is copied.
	dst, add [12 * groupWidth]float32
	// wide holds the weights of one group and block of inputs, widened from bfloat16 or sfp.
	wide [groupPanels * blockK * panelWidth]float32
}

var benches = sync.Pool{New: func() any { return new(bench) }}

// run computes the row blocks [b0,b1) of the groups [g0,g1).
func (j *product) run(b0, b1, g0, g1 int) {
	w := benches.Get().(*bench)
	defer benches.Put(w)
	for b := b0; b < b1; b++ {
		r0 := b * blockRows
		r1 := min(j.rows, r0+blockRows)
		for g := g0; g < g1; g++ {
			for k0 := 0; k0 < j.m.k; k0 += blockK {
				j.block(w, part{group: g, k0: k0, k: min(blockK, j.m.k-k0)}, r0, r1)
			}
		}
	}
}

// part is one group of outputs and one block of inputs [k0,k0+k).
type part struct {
	group, k0, k int
	wide         bool // the weights stand widened in the bench
}

// block adds one part's inputs to its outputs for the rows [r0,r1).
func (j *product) block(w *bench, at part, r0, r1 int) {
	if j.m.format == SFPFormat || j.m.bf16 != nil && j.pairs == nil && r1-r0 >= widenRows {
		at.wide = true
		for p := range groupPanels {
			panel := at.group*groupPanels + p
			from, wide := (panel*j.m.k+at.k0)*panelWidth, w.wide[p*at.k*panelWidth:(p+1)*at.k*panelWidth]
			if j.m.bf16 != nil {
				j.im.widen(wide, j.m.bf16[from:from+len(wide)])
			} else {
				j.im.widenSFP(wide, j.m.codes[from:from+len(wide)], (*[panelWidth]float32)(j.m.scales[panel*panelWidth:]))
			}
		}
	}
	for _, t := range j.im.tiles {
		n := (r1 - r0) / t.rows * t.rows
		if n == 0 {
			continue
		}
		for p := 0; p < groupPanels; p += t.panels {
			col := at.group*groupWidth + p*panelWidth
			if col >= j.m.n {
				break
			}
			whole := col+t.panels*panelWidth <= j.m.n
			for r := r0; r < r0+n; r += t.rows {
				if whole {
					j.tile(w, t, at, r, col)
				} else {
					j.edge(w, t, at, r, col)
				}
			}
		}
		r0 += n
	}
}

// tile computes one tile that lies wholly inside dst.
func (j *product) tile(w *bench, t tile, at part, r, col int) {
	dst := &j.dst[r*j.ldd+col]
	add, ldadd := dst, j.ldd
	if at.k0 == 0 {
		add, ldadd = nil, 0
		if j.bias != nil {
			add = &j.bias[col]
		}
	}
	j.multiply(w, t, at, dst, j.ldd, r, col, add, ldadd)
}

// edge computes one tile whose last columns lie outside dst.
func (j *product) edge(w *bench, t tile, at part, r, col int) {
	cols := j.m.n - col
	var add *float32
	switch {
	case at.k0 != 0:
		for i := range t.rows {
			copy(w.add[i*groupWidth:i*groupWidth+cols], j.dst[(r+i)*j.ldd+col:])
		}
		add = &w.add[0]
	case j.bias != nil:
		for i := range t.rows {
			copy(w.add[i*groupWidth:i*groupWidth+cols], j.bias[col:])
		}
		add = &w.add[0]
	}
	j.multiply(w, t, at, &w.dst[0], groupWidth, r, col, add, groupWidth)
	for i := range t.rows {
		copy(j.dst[(r+i)*j.ldd+col:(r+i)*j.ldd+col+cols], w.dst[i*groupWidth:])
	}
}

// multiply runs the micro-kernel over the weights as they are stored or widened.
func (j *product) multiply(w *bench, t tile, at part, dst *float32, ldd, r, col int, add *float32, ldadd int) {
	a := &j.a[r*j.lda+at.k0]
	from := (col/panelWidth*j.m.k + at.k0) * panelWidth
	switch {
	case j.pairs != nil:
		t.pairs(dst, ldd, &j.pairs[r*j.ldp+at.k0/2], j.ldp, &j.m.bf16[from], j.m.k*panelWidth, at.k, add, ldadd)
	case at.wide:
		t.f32(dst, ldd, a, j.lda, &w.wide[col%groupWidth*at.k], at.k*panelWidth, at.k, add, ldadd)
	case j.m.bf16 != nil:
		t.bf16(dst, ldd, a, j.lda, &j.m.bf16[from], j.m.k*panelWidth, at.k, add, ldadd)
	default:
		t.f32(dst, ldd, a, j.lda, &j.m.f32[from], j.m.k*panelWidth, at.k, add, ldadd)
	}
}
