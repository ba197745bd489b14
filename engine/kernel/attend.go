package kernel

import (
	"fmt"
	"math"
	"sync"
)

// Attention describes one attention of R query rows over the keys of one sequence.
type Attention struct {
	Dst   []float32 // [R, Heads*Dim], written
	LdDst int       // distance between rows of Dst
	Q     []float32 // [R, Heads*Dim]; query head h at column h*Dim
	LdQ   int
	Rows  int
	Heads int
	Dim   int // D
	// KV has one entry per kv head; query head h reads KV[h/(Heads/len(KV))].
	KV []*KV
	// Visible gives the key positions [lo,hi) that a row sees: bidirectional, causal, prefix-LM
	// and windowed masks are all such ranges. Nil: every row sees all keys. Called from the
	// Runner's goroutines.
	Visible func(row int) (lo, hi int)
	Scale   float32 // multiplies q·k
	SoftCap float32 // limit of the scores, 0 for none
}

// Attend computes Dst = softmax(softcap(Scale * Q Kᵀ)) V without ever holding the score matrix:
// for each block of query rows it walks over tiles of 64 keys and keeps a running maximum, sum and
// weighted value per row (online softmax, Milakov and Gimelshein 2018; Dao et al. 2022). A row
// that sees nothing becomes zeros. The result of a row does not depend on the other rows.
func Attend(p Runner, a Attention) {
	if a.Rows == 0 {
		return
	}
	a.check()
	group := a.Heads / len(a.KV)
	blocks := (a.Rows*group + queryTile - 1) / queryTile
	work := a.Rows * a.Heads * a.KV[0].n * a.Dim
	im := active
	if p == nil || work < serialWork {
		for kv := range a.KV {
			for b := range blocks {
				a.block(im, kv, b)
			}
		}
		return
	}
	attendTogether(p, im, a, blocks)
}

// attendTogether computes the blocks over threads: apart, because what a function value refers to lies on the heap, and few
// rows shall not pay for that.
func attendTogether(p Runner, im *implementation, a Attention, blocks int) {
	p.Run(len(a.KV)*blocks, func(i int) { a.block(im, i/blocks, i%blocks) })
}

func (a *Attention) check() {
	width := a.Heads * a.Dim
	if a.Rows < 0 || a.Dim <= 0 || len(a.KV) == 0 || a.Heads%len(a.KV) != 0 || a.LdDst < width || a.LdQ < width ||
		len(a.Dst) < (a.Rows-1)*a.LdDst+width || len(a.Q) < (a.Rows-1)*a.LdQ+width {
		panic(fmt.Sprintf("kernel.Attend: %d rows of %d heads x %d over %d kv heads: dst %d (stride %d), q %d (stride %d)",
			a.Rows, a.Heads, a.Dim, len(a.KV), len(a.Dst), a.LdDst, len(a.Q), a.LdQ))
	}
	for _, kv := range a.KV {
		if kv.dim != a.Dim || kv.n != a.KV[0].n {
			panic(fmt.Sprintf("kernel.Attend: kv heads of %d x %d and %d x %d, want dimension %d and equal lengths",
				a.KV[0].n, a.KV[0].dim, kv.n, kv.dim, a.Dim))
		}
	}
}

// queries is the running state of one block of query rows. A row here is one query head of one
// token: the heads that share a kv head travel together.
type queries struct {
	rows   int
	lo, hi [queryTile]int
	top    [queryTile]float32 // largest score so far
	sum    [queryTile]float32 // sum of e^(score-top)
	scores [queryTile * keyTile]float32
	q, out []float32 // [rows, D] scaled, [rows, padded D]
	wide   []float32 // a tile of keys and values, widened from bfloat16
}

var queriesPool = sync.Pool{New: func() any { return new(queries) }}

// block computes block b of the rows of kv head kv.
func (a *Attention) block(im *implementation, kv, b int) {
	s := queriesPool.Get().(*queries)
	defer queriesPool.Put(s)
	group := a.Heads / len(a.KV)
	first := b * queryTile
	keys := a.KV[kv]
	wide := paddedN(a.Dim)
	s.load(a, im, kv*group, group, first, keys.n)
	lo, hi := s.span()
	for t := lo / keyTile; t*keyTile < hi; t++ {
		base := t * keyTile
		tile := s.widened(im, keys.tiles[t])
		count := min(keyTile, hi-base)
		multiplyRows(im, s.scores[:], keyTile, s.q, a.Dim, s.rows, tile, panelWidth*a.Dim, groupPanels, a.Dim, false)
		for r := range s.rows {
			s.soften(im, r, base, count, a.SoftCap, wide)
		}
		multiplyRows(im, s.out, wide, s.scores[:], keyTile, s.rows, tile.from(keyTile*a.Dim), panelWidth*keyTile,
			(a.Dim+panelWidth-1)/panelWidth, count, true)
	}
	for r := range s.rows {
		row, head := (first+r)/group, kv*group+(first+r)%group
		dst := a.Dst[row*a.LdDst+head*a.Dim:][:a.Dim]
		copy(dst, s.out[r*wide:])
		if s.sum[r] > 0 {
			im.scale(dst, 1/s.sum[r])
		}
	}
}

// widened is the tile as float32 where so many rows meet it that it pays to widen it once.
func (s *queries) widened(im *implementation, tile numbers) numbers {
	if tile.bf16 == nil || s.rows < widenRows {
		return tile
	}
	s.wide = resize(s.wide, len(tile.bf16))
	im.widen(s.wide, tile.bf16)
	return numbers{f32: s.wide}
}

// load takes the rows of one block over, scaled, with the keys they see, and clears their state.
func (s *queries) load(a *Attention, im *implementation, head0, group, first, n int) {
	s.rows = min(queryTile, a.Rows*group-first)
	wide := paddedN(a.Dim)
	s.q, s.out = resize(s.q, s.rows*a.Dim), resize(s.out, s.rows*wide)
	clear(s.out)
	for r := range s.rows {
		row, head := (first+r)/group, head0+(first+r)%group
		q := s.q[r*a.Dim : (r+1)*a.Dim]
		copy(q, a.Q[row*a.LdQ+head*a.Dim:])
		im.scale(q, a.Scale)
		s.lo[r], s.hi[r] = 0, n
		if a.Visible != nil {
			lo, hi := a.Visible(row)
			s.lo[r], s.hi[r] = max(lo, 0), min(hi, n)
		}
		s.top[r], s.sum[r] = float32(math.Inf(-1)), 0
	}
}

func resize(x []float32, n int) []float32 {
	if cap(x) < n {
		return alignedFloats(n)
	}
	return x[:n]
}

// span is the range of keys that any row sees.
func (s *queries) span() (lo, hi int) {
	lo = math.MaxInt
	for r := range s.rows {
		if s.lo[r] < s.hi[r] {
			lo, hi = min(lo, s.lo[r]), max(hi, s.hi[r])
		}
	}
	return lo, hi
}

// soften turns row r's scores of the tile at base into weights relative to the largest score so
// far, and rescales what was gathered under a smaller one. Keys the row does not see weigh 0.
func (s *queries) soften(im *implementation, r, base, count int, softCap float32, wide int) {
	scores := s.scores[r*keyTile : r*keyTile+count]
	lo, hi := max(s.lo[r]-base, 0), min(s.hi[r]-base, count)
	if lo >= hi {
		clear(scores)
		return
	}
	clear(scores[:lo])
	clear(scores[hi:])
	scores = scores[lo:hi]
	if softCap != 0 {
		im.tanh(scores, 1/softCap, softCap)
	}
	if top := im.max(scores); top > s.top[r] {
		if s.sum[r] > 0 {
			shrink := float32(math.Exp(float64(s.top[r] - top)))
			s.sum[r] *= shrink
			im.scale(s.out[r*wide:(r+1)*wide], shrink)
		}
		s.top[r] = top
	}
	s.sum[r] += im.expSum(scores, s.top[r])
}

// multiplyRows computes dst[rows, panels*16] (+)= a[rows, k] x panels b, ldb apart. dst's rows and
// b must reach to the next whole group of panels.
func multiplyRows(im *implementation, dst []float32, ldd int, a []float32, lda, rows int, b numbers, ldb, panels, k int, accumulate bool) {
	r0 := 0
	for _, t := range im.tiles {
		n := (rows - r0) / t.rows * t.rows
		for p := 0; n > 0 && p < panels; p += t.panels {
			for r := r0; r < r0+n; r += t.rows {
				to, add, ldadd := &dst[r*ldd+p*panelWidth], (*float32)(nil), 0
				if accumulate {
					add, ldadd = to, ldd
				}
				if b.bf16 != nil {
					t.bf16(to, ldd, &a[r*lda], lda, &b.bf16[p*ldb], ldb, k, add, ldadd)
				} else {
					t.f32(to, ldd, &a[r*lda], lda, &b.f32[p*ldb], ldb, k, add, ldadd)
				}
			}
		}
		r0 += n
	}
}
