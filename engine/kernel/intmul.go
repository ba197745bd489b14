package kernel

import "sync"

// Products over int8 and int4 weights. The inputs are rounded to 8 bits row by row; everything after that is whole
// numbers, and exact: an output is (Σ code·input) · scale of the row · scale of the output, whatever the order of
// the sum, so that all implementations return the same bits.

// intTile is one micro-kernel over whole numbers: rows x cols outputs. Strides are in elements: ldacc and lda
// between rows, ldb in bytes between panels.
type intTile struct {
	rows, cols int
	// int8 computes acc[r][j] (+)= Σ codes·a over cells of four inputs; it takes the narrow inputs, wide8 the wide
	// ones. One of the three is there, in the reference two.
	int8  func(acc *int32, ldacc int, a *int8, lda int, b *byte, ldb, cells int, more bool)
	wide8 func(acc *int32, ldacc int, a *int16, lda int, b *byte, ldb, cells int, more bool)
	// int4 computes acc[r][j] (+)= Σ step·(start + Σ codes·a) over groups of 32 inputs. lds is in bytes between
	// panels of steps, ldstart between rows of starts.
	int4 func(acc *int32, ldacc int, a *int8, lda int, starts *int16, ldstart int, b *byte, ldb int, steps *int8, lds, groups int, more bool)
}

const (
	// residentCols outputs by block8K or block4K inputs are 16 KiB of codes. They stay in the first-level cache, beside
	// six rows of inputs (6 KiB), while the rows of a block, in the second-level one, pass by.
	residentCols = 32
	block8K      = 512
	block4K      = 1024
)

// intProduct is one call of MatMul over int8 or int4 weights.
type intProduct struct {
	product
	in *inputs
}

// multiplyWhole is MatMul over int8 or int4 weights.
func multiplyWhole(p Runner, job product) {
	m, rows := job.m, job.rows
	in := roundInputs(p, job.im, m, job.a, job.lda, rows)
	defer inputsPool.Put(in)
	if alone(p, rows, m) {
		whole := intProduct{product: job, in: in}
		whole.run(0, blocksOf(rows, intBlockRows), 0, paddedN(m.n)/groupWidth)
		return
	}
	whole := &intProduct{product: job, in: in}
	spread(p, rows, intBlockRows, m, whole.run)
}

// tilesOf is the micro-kernels for a format of whole numbers.
func (im *implementation) tilesOf(f Format) []intTile {
	if f == Int4Format {
		return im.int4Tiles
	}
	return im.int8Tiles
}

// intBlockRows is blockRows for whole numbers: a multiple of the tallest tiles, and a little over half of the 260 rows that
// an image of 224 pixels and its prompt are.
const intBlockRows = 132

// intBench is the working memory of one job: the sums of a block of rows by a group of outputs.
type intBench struct {
	acc [intBlockRows * groupWidth]int32
}

var intBenches = sync.Pool{New: func() any { return new(intBench) }}

// roundInputs rounds the rows of a product.
func roundInputs(p Runner, im *implementation, m *Matrix, a []float32, lda, rows int) *inputs {
	in := inputsPool.Get().(*inputs)
	in.prepare(im, m.format, rows, m.k)
	if Alone(p, rows, rows*m.k) {
		for i := range rows {
			in.set(im, i, a[i*lda:i*lda+m.k])
		}
		return in
	}
	EachRow(p, rows, rows*m.k, func(i int) { in.set(im, i, a[i*lda:i*lda+m.k]) })
	return in
}

// run computes the row blocks [b0,b1) of the groups [g0,g1).
func (j *intProduct) run(b0, b1, g0, g1 int) {
	w := intBenches.Get().(*intBench)
	defer intBenches.Put(w)
	row := j.im.int8Row
	if j.m.format == Int4Format {
		row = j.im.int4Row
	}
	if j.rows == 1 && row.rows == 1 {
		for g := g0; g < g1; g++ {
			j.tile(row, &w.acc[0], g*groupWidth, 0, j.m.k, 0)
			j.finish(w, g, 0, 1)
		}
		return
	}
	step := block8K
	switch {
	case j.rows == 1: // nothing is met twice: the longer the runs of codes, the better the caches foresee them
		step = j.m.k
	case j.m.format == Int4Format:
		step = block4K
	}
	for b := b0; b < b1; b++ {
		r0 := b * intBlockRows
		r1 := min(j.rows, r0+intBlockRows)
		for g := g0; g < g1; g++ {
			for k0 := 0; k0 < j.m.k; k0 += step {
				j.block(w, g, k0, min(step, j.m.k-k0), r0, r1)
			}
			j.finish(w, g, r0, r1)
		}
	}
}

// block adds the inputs [k0,k0+k) to the sums of the rows [r0,r1) and the outputs of group g.
func (j *intProduct) block(w *intBench, g, k0, k, r0, r1 int) {
	cols := min(groupWidth, roundUp(j.m.n-g*groupWidth, panelWidth))
	for c0 := 0; c0 < cols; c0 += residentCols {
		c1, first := min(c0+residentCols, cols), r0
		for _, t := range j.im.tilesOf(j.m.format) {
			// Half a tile of rows is worth a whole one: the inputs have room for it, and nobody reads its other sums.
			n := (r1 - first + t.rows/2) / t.rows * t.rows
			for r := first; r < first+n; r += t.rows {
				for col := c0; col < c1; col += t.cols {
					j.tile(t, &w.acc[(r-r0)*groupWidth+col], g*groupWidth+col, k0, k, r)
				}
			}
			if first += n; first >= r1 {
				break
			}
		}
	}
}

// tile runs one micro-kernel.
func (j *intProduct) tile(t intTile, acc *int32, col, k0, k, r int) {
	panel, inside, stride := col/panelWidth, col%panelWidth, j.in.stride
	at := r*stride + k0
	if j.m.format == Int4Format {
		groups := stride / stepK
		bytes := panelWidth * stride / 2
		t.int4(acc, groupWidth, &j.in.codes[at], stride, &j.in.starts[at/stepK*2], groups*2,
			&j.m.codes[panel*bytes+k0*panelWidth/2+inside*cellK], bytes,
			&j.m.steps[(panel*groups+k0/stepK)*panelWidth+inside], groups*panelWidth, roundUp(k, stepK)/stepK, k0 > 0)
		return
	}
	bytes := panelWidth * roundUp(j.m.k, cellK)
	b := &j.m.codes[panel*bytes+k0*panelWidth+inside*cellK]
	cells := roundUp(k, cellK) / cellK
	if t.wide8 != nil {
		t.wide8(acc, groupWidth, &j.in.wide[at], stride, b, bytes, cells, k0 > 0)
		return
	}
	t.int8(acc, groupWidth, &j.in.codes[at], stride, b, bytes, cells, k0 > 0)
}

// finish turns the sums of a block into outputs.
func (j *intProduct) finish(w *intBench, g, r0, r1 int) {
	col := g * groupWidth
	cols := min(groupWidth, j.m.n-col)
	var bias []float32
	if j.bias != nil {
		bias = j.bias[col : col+cols]
	}
	for r := r0; r < r1; r++ {
		offset := int32(0)
		if j.m.format == Int8Format && !j.im.noOffset {
			offset = int8Offset * j.in.sums[r]
		}
		j.im.finish8(j.dst[r*j.ldd+col:r*j.ldd+col+cols], w.acc[(r-r0)*groupWidth:][:cols], j.m.scales[col:col+cols], bias, j.in.scales[r], offset)
	}
}
