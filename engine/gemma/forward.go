package gemma

import (
	"fmt"
	"math"

	"palimpsest.dev/engine/kernel"
	"palimpsest.dev/engine/mat"
)

// mlpRows is how many rows pass the MLP together: enough to use each weight often, few enough that the
// inner activations of a 4,096-patch prefix stay small.
const mlpRows = 512

// Segment is the part of a pass that belongs to one sequence: Rows positions that follow those in Cache.
// The first segment of a sequence is its prefix, image and prompt, which must come whole because every
// position in it sees every other; what follows is causal.
type Segment struct {
	Cache *Cache
	Rows  int
}

// State is the scratch memory of one pass at a time; the zero value is ready.
type State struct {
	normed, q, kv, attended, inner, logits mat.Buffer
	segments                               []segment
}

// Bytes is the memory the state holds.
func (s *State) Bytes() int64 {
	n := int64(0)
	for _, b := range []*mat.Buffer{&s.normed, &s.q, &s.kv, &s.attended, &s.inner, &s.logits} {
		n += b.Bytes()
	}
	return n
}

// segment is a Segment with its place in the pass.
type segment struct {
	cache  *Cache
	start  int  // position of its first row in the sequence
	from   int  // its first row in the key matrix
	rows   int  // rows in the key matrix
	qfrom  int  // its first row in the query matrix
	qrows  int  // rows in the query matrix: all, or the last one
	prefix bool // all rows see all rows
}

// Tap receives the activations after each stage, under the names of the reference values. The matrix is
// only valid during the call.
type Tap func(stage string, rows mat.Mat)

// Forward passes the rows x [R, D], those of one segment after the other, through the decoder, appends
// their keys and values to the caches and returns the logits of every segment's last row: [B, W], valid
// until the state is used again. x is overwritten. The logits of a segment do not depend on the other
// segments, on run or on the number of its threads.
//
// run spreads the work over threads; nil computes on the caller. stop, if not nil, is asked before every
// layer; when it says true Forward gives up, and result and caches are useless. With a tap, which tests
// use, the logits of all rows are computed and the tap is shown them too.
func (m *Model) Forward(run kernel.Runner, s *State, segments []Segment, x mat.Mat, stop func() bool, tap Tap) mat.Mat {
	m.place(s, segments, x)
	tap.call("text.inputs", x)
	for i := range m.layers {
		if stop != nil && stop() {
			return s.logits.Mat(len(segments), m.config.Vocab)
		}
		// Keys and values of the last layer serve later tokens, but of its outputs only those of the last
		// rows are ever read.
		x = m.block(run, s, i, x, i == len(m.layers)-1 && tap == nil)
		if tap != nil {
			tap(fmt.Sprintf("text.layer.%d", i), x)
		}
	}
	m.rmsNorm(run, x, x, m.norm)
	tap.call("text.norm", x)
	logits := s.logits.Mat(x.Rows, m.config.Vocab) // [B, W]
	m.linear(run, logits, x, m.head)
	if limit := float32(m.config.FinalCap); limit != 0 {
		m.softCap(run, logits, limit)
	}
	tap.call("logits", logits)
	if tap != nil {
		s.keepLast(logits)
	}
	return mat.Mat{Data: logits.Data[:len(segments)*logits.Cols], Rows: len(segments), Cols: logits.Cols}
}

func (t Tap) call(stage string, rows mat.Mat) {
	if t != nil {
		t(stage, rows)
	}
}

// place finds out where every segment lies in its sequence and in x.
func (m *Model) place(s *State, segments []Segment, x mat.Mat) {
	s.segments = s.segments[:0]
	row := 0
	for _, g := range segments {
		start := g.Cache.Len()
		if g.Rows < 1 || start+g.Rows > m.config.MaxLength {
			panic(fmt.Sprintf("gemma: %d positions after %d pass the limit of %d", g.Rows, start, m.config.MaxLength))
		}
		s.segments = append(s.segments, segment{cache: g.Cache, start: start, from: row, rows: g.Rows, qfrom: row, qrows: g.Rows, prefix: start == 0})
		row += g.Rows
	}
	x.Check("the decoder's input", row, m.config.Hidden)
}

// block is layer i: x += post(attention(pre(x))); x += post(mlp(pre(x))), post being nothing in Gemma 1.
// x is [R, D]. With lastOnly the
// result has one row for each segment, its last.
func (m *Model) block(run kernel.Runner, s *State, i int, x mat.Mat, lastOnly bool) mat.Mat {
	l, c := &m.layers[i], m.config
	n := s.normed.Mat(x.Rows, c.Hidden) // [R, D]
	m.rmsNorm(run, n, x, l.preAttention)
	kv := s.kv.Mat(x.Rows, 2*c.KVHeads*c.HeadDim) // [R, 2Kd]
	m.linear(run, kv, n, l.kv)
	m.remember(run, s, i, kv)
	if lastOnly {
		s.takeLast()
		s.keepLast(x)
		s.keepLast(n)
		x, n = x.Slice(0, len(s.segments)), n.Slice(0, len(s.segments))
	}
	q := s.q.Mat(x.Rows, c.Heads*c.HeadDim) // [R, Hd]
	m.linear(run, q, n, l.q)
	a := s.attended.Mat(x.Rows, c.Heads*c.HeadDim) // [R, Hd]
	m.attend(run, s, i, a, q)
	n = s.normed.Mat(x.Rows, c.Hidden)
	m.linear(run, n, a, l.out)
	m.addNormed(run, x, n, l.postAttention)
	for from := 0; from < x.Rows; from += mlpRows {
		m.mlp(run, s, l, x.Slice(from, min(from+mlpRows, x.Rows)))
	}
	return x
}

// takeLast makes every segment ask for its last row only.
func (s *State) takeLast() {
	for i := range s.segments {
		g := &s.segments[i]
		g.qfrom, g.qrows = i, 1
	}
}

// keepLast moves the last row of every segment to the front of x, which has a row for each position.
func (s *State) keepLast(x mat.Mat) {
	for i, g := range s.segments {
		copy(x.Row(i), x.Row(g.from+g.rows-1))
	}
}

// remember rotates the keys in kv [R, 2Kd] to their positions and appends keys and values to the caches.
func (m *Model) remember(run kernel.Runner, s *State, layer int, kv mat.Mat) {
	c := m.config
	for i := range s.segments {
		g := &s.segments[i]
		m.rope(run, kv.Slice(g.from, g.from+g.rows), c.KVHeads, g.start)
	}
	if run == nil || kv.Rows < 8 {
		for j := range len(s.segments) * c.KVHeads {
			m.fill(s, layer, kv, j)
		}
		return
	}
	run.Run(len(s.segments)*c.KVHeads, func(j int) { m.fill(s, layer, kv, j) })
}

// fill appends keys and values of one head of one segment; j counts heads, segment by segment.
func (m *Model) fill(s *State, layer int, kv mat.Mat, j int) {
	c := m.config
	g, head := &s.segments[j/c.KVHeads], j%c.KVHeads
	at := g.from*kv.Cols + head*c.HeadDim
	g.cache.layer(layer)[head].Append(kv.Data[at:], kv.Cols, kv.Data[at+c.KVHeads*c.HeadDim:], kv.Cols, g.rows)
}

// rope rotates the first heads·d columns of x, the rows of a sequence from position start on. Positions count from 1, as
// transformers counts them; only differences matter.
func (m *Model) rope(run kernel.Runner, x mat.Mat, heads, start int) {
	width := heads * m.config.HeadDim
	if kernel.Alone(run, x.Rows, x.Rows*width) {
		for r := range x.Rows {
			kernel.Rope(x.Row(r)[:width], heads, m.config.HeadDim, start+r+1, m.cos, m.sin)
		}
		return
	}
	kernel.EachRow(run, x.Rows, x.Rows*width, func(r int) {
		kernel.Rope(x.Row(r)[:width], heads, m.config.HeadDim, start+r+1, m.cos, m.sin)
	})
}

// attend lets the queries q [R, Hd] look at the cached keys of their sequences: a [R, Hd].
func (m *Model) attend(run kernel.Runner, s *State, layer int, a, q mat.Mat) {
	for i := range s.segments {
		g := &s.segments[i]
		m.rope(run, q.Slice(g.qfrom, g.qfrom+g.qrows), m.config.Heads, g.start+g.rows-g.qrows)
	}
	if run == nil || len(s.segments) == 1 || q.Rows > len(s.segments) {
		for i := range s.segments {
			m.attendOne(run, &s.segments[i], layer, a, q)
		}
		return
	}
	run.Run(len(s.segments), func(i int) { m.attendOne(nil, &s.segments[i], layer, a, q) })
}

// attendOne is attend for one segment.
func (m *Model) attendOne(run kernel.Runner, g *segment, layer int, a, q mat.Mat) {
	c, to := m.config, g.qfrom+g.qrows
	from, into := q.Slice(g.qfrom, to), a.Slice(g.qfrom, to)
	kernel.Attend(run, kernel.Attention{
		Dst: into.Data, LdDst: into.Cols, Q: from.Data, LdQ: from.Cols, Rows: g.qrows, Heads: c.Heads, Dim: c.HeadDim,
		KV: g.cache.layer(layer), Visible: m.visible(g, layer),
		Scale: float32(1 / math.Sqrt(c.QueryScale)), SoftCap: float32(c.AttnCap),
	})
}

// visible is the mask: nil where every query row of the segment sees all keys, which the prefix and a
// single new token without window do.
func (m *Model) visible(g *segment, layer int) func(row int) (lo, hi int) {
	window := math.MaxInt
	if m.window == HF5 && m.layers[layer].sliding {
		window = m.config.Window
	}
	if g.prefix || g.rows == 1 && g.start+1 <= window {
		return nil
	}
	first := g.start + g.rows - g.qrows
	return func(row int) (lo, hi int) {
		hi = first + row + 1
		return max(0, hi-window), hi
	}
}

// mlp adds post(down(gelu(gate(pre(x))) · up(pre(x)))) to the rows x [r, D].
func (m *Model) mlp(run kernel.Runner, s *State, l *layer, x mat.Mat) {
	f := m.config.MLP
	n := s.normed.Mat(x.Rows, m.config.Hidden) // [r, D]
	m.rmsNorm(run, n, x, l.preMLP)
	both := s.inner.Mat(x.Rows, 2*f) // [r, 2F]
	m.linear(run, both, n, l.gateUp)
	if kernel.Alone(run, x.Rows, x.Rows*f) {
		for i := range x.Rows {
			m.gate(both.Row(i))
		}
	} else {
		kernel.EachRow(run, x.Rows, x.Rows*f, func(i int) { m.gate(both.Row(i)) })
	}
	m.multiply(run, n, both.Data, both.Cols, l.down)
	m.addNormed(run, x, n, l.postMLP)
}

// gate turns the halves of a row [2F] into the input of the last product, in the first half.
func (m *Model) gate(row []float32) {
	f := m.config.MLP
	kernel.GeluTanhMul(row[:f], row[:f], row[f:])
}

// softCap bounds the logits softly.
func (m *Model) softCap(run kernel.Runner, logits mat.Mat, limit float32) {
	if kernel.Alone(run, logits.Rows, len(logits.Data)) {
		for i := range logits.Rows {
			kernel.SoftCap(logits.Row(i), limit)
		}
		return
	}
	kernel.EachRow(run, logits.Rows, len(logits.Data), func(i int) { kernel.SoftCap(logits.Row(i), limit) })
}

// linear is dst = a·wᵀ. In bfloat16 arithmetic it may round a in place: every input here is scratch that
// nobody reads unrounded afterwards.
func (m *Model) linear(run kernel.Runner, dst, a mat.Mat, w *kernel.Matrix) {
	m.multiply(run, dst, a.Data, a.Cols, w)
}

// multiply is linear for rows a that are lda apart.
func (m *Model) multiply(run kernel.Runner, dst mat.Mat, a []float32, lda int, w *kernel.Matrix) {
	if m.round {
		kernel.MatMulRounded(run, dst.Data, dst.Cols, a, lda, dst.Rows, w, nil)
		return
	}
	kernel.MatMul(run, dst.Data, dst.Cols, a, lda, dst.Rows, w, nil)
}

// rmsNorm norms every row of x.
func (m *Model) rmsNorm(run kernel.Runner, dst, x mat.Mat, w []float32) {
	epsilon := float32(m.config.Epsilon)
	if kernel.Alone(run, x.Rows, len(x.Data)) {
		for i := range x.Rows {
			kernel.RMSNorm(dst.Row(i), x.Row(i), w, epsilon)
		}
		return
	}
	kernel.EachRow(run, x.Rows, len(x.Data), func(i int) { kernel.RMSNorm(dst.Row(i), x.Row(i), w, epsilon) })
}

// addNormed adds the norm of every row of y to x, or the row itself where there are no weights for a norm; y
// is overwritten.
func (m *Model) addNormed(run kernel.Runner, x, y mat.Mat, w []float32) {
	if kernel.Alone(run, x.Rows, len(x.Data)) {
		for i := range x.Rows {
			m.addNormedRow(x.Row(i), y.Row(i), w)
		}
		return
	}
	kernel.EachRow(run, x.Rows, len(x.Data), func(i int) { m.addNormedRow(x.Row(i), y.Row(i), w) })
}

func (m *Model) addNormedRow(x, y, w []float32) {
	if w != nil {
		kernel.RMSNorm(y, y, w, float32(m.config.Epsilon))
	}
	kernel.Add(x, x, y)
}
