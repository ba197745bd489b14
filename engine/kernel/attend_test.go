package kernel_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"palimpsest.dev/engine/kernel"
	"palimpsest.dev/engine/kernel/kerneltest"
)

// scene is one attention with its operands as a reference sees them.
type scene struct {
	rows, heads, kvHeads, dim, keys int
	softCap                         float32
	visible                         func(row int) (lo, hi int)
	q, k, v                         []float32 // [rows, heads*dim], [kvHeads, keys, dim] twice
}

func newScene(r *rand.Rand, rows, heads, kvHeads, dim, keys int) *scene {
	s := &scene{rows: rows, heads: heads, kvHeads: kvHeads, dim: dim, keys: keys}
	s.q = fill(r, make([]float32, rows*heads*dim), 1.5)
	s.k = fill(r, make([]float32, kvHeads*keys*dim), 1.5)
	s.v = fill(r, make([]float32, kvHeads*keys*dim), 1)
	return s
}

func (s *scene) scale() float32 { return float32(1 / math.Sqrt(float64(s.dim))) }

// kv appends the keys in two parts.
func (s *scene) kv() []*kernel.KV {
	var all []*kernel.KV
	for h := range s.kvHeads {
		kv := kernel.NewKV(s.dim)
		from, to := h*s.keys*s.dim, (h+1)*s.keys*s.dim
		first := s.keys / 3
		mid := from + first*s.dim
		kv.Append(s.k[from:mid], s.dim, s.v[from:mid], s.dim, first)
		kv.Append(s.k[mid:to], s.dim, s.v[mid:to], s.dim, s.keys-first)
		all = append(all, kv)
	}
	return all
}

// halfKV is kv in bfloat16; the scene's keys and values become what that stores.
func (s *scene) halfKV() []*kernel.KV {
	var all []*kernel.KV
	for _, x := range [][]float32{s.k, s.v} {
		for i, v := range x {
			x[i] = kernel.BFloat16(kernel.RoundBFloat16(v))
		}
	}
	for h := range s.kvHeads {
		kv := kernel.NewHalfKV(s.dim)
		from, to := h*s.keys*s.dim, (h+1)*s.keys*s.dim
		kv.Append(s.k[from:to], s.dim, s.v[from:to], s.dim, s.keys)
		all = append(all, kv)
	}
	return all
}

// attend runs rows [from, from+rows) through the kernel.
func (s *scene) attend(t *testing.T, p kernel.Runner, kv []*kernel.KV, from, rows int) []float32 {
	width := s.heads * s.dim
	dst, check := kerneltest.Framed(t, rows*width, 64)
	visible := s.visible
	if visible != nil {
		visible = func(row int) (int, int) { return s.visible(row + from) }
	}
	kernel.Attend(p, kernel.Attention{Dst: dst, LdDst: width, Q: s.q[from*width:], LdQ: width, Rows: rows, Heads: s.heads,
		Dim: s.dim, KV: kv, Visible: visible, Scale: s.scale(), SoftCap: s.softCap})
	check()
	return dst
}

// reference computes one head of one row in float64, with the sum of the weighted magnitudes.
func (s *scene) reference(row, head int) (want, total []float64) {
	lo, hi := 0, s.keys
	if s.visible != nil {
		lo, hi = s.visible(row)
		lo, hi = max(lo, 0), min(hi, s.keys)
	}
	want, total = make([]float64, s.dim), make([]float64, s.dim)
	base := head / (s.heads / s.kvHeads) * s.keys * s.dim
	q := s.q[(row*s.heads+head)*s.dim:][:s.dim]
	var weights []float64
	top, sum := math.Inf(-1), 0.0
	for j := lo; j < hi; j++ {
		score := 0.0
		for d, v := range s.k[base+j*s.dim:][:s.dim] {
			score += float64(q[d]) * float64(v)
		}
		score *= float64(s.scale())
		if c := float64(s.softCap); c != 0 {
			score = c * math.Tanh(score/c)
		}
		weights = append(weights, score)
		top = max(top, score)
	}
	for i := range weights {
		weights[i] = math.Exp(weights[i] - top)
		sum += weights[i]
	}
	for i, w := range weights {
		for d, v := range s.v[base+(lo+i)*s.dim:][:s.dim] {
			want[d] += w / sum * float64(v)
			total[d] += w / sum * math.Abs(float64(v))
		}
	}
	return want, total
}

func (s *scene) check(t *testing.T, what string, got []float32) {
	t.Helper()
	for row := range s.rows {
		for head := range s.heads {
			want, total := s.reference(row, head)
			for d := range want {
				// A score is off by some ten roundings of its size (up to about 20 here), and its
				// weight by as much.
				near(t, fmt.Sprintf("%s: row %d head %d element %d", what, row, head, d), got[(row*s.heads+head)*s.dim+d],
					want[d], 100*kerneltest.SumTolerance(4, total[d]))
			}
		}
	}
}

func TestAttend(t *testing.T) {
	causal := func(row int) (int, int) { return 0, row + 1 }
	r := rand.New(rand.NewPCG(31, 32))
	kerneltest.Each(t, func(t *testing.T) {
		for _, c := range []struct {
			rows, heads, kvHeads, dim, keys int
			softCap                         float32
			visible                         func(int) (int, int)
		}{
			{1, 1, 1, 16, 1, 0, nil},
			{1, 4, 2, 16, 300, 50, nil},    // decode
			{100, 2, 2, 72, 100, 0, nil},   // vision
			{256, 2, 2, 64, 256, 0, nil},   // vision
			{70, 3, 1, 64, 70, 50, causal}, // one kv head
			{150, 4, 2, 32, 150, 5, func(row int) (int, int) { // prefix of 90, then causal
				return 0, max(90, row+1)
			}},
			{150, 2, 1, 24, 150, 0, func(row int) (int, int) { return row - 20, row + 1 }}, // window
			{65, 2, 2, 256, 65, 50, causal},
			{9, 2, 1, 8, 200, 0, func(row int) (int, int) { return 20 * row, 20*row + row }}, // row 0 sees nothing
		} {
			if kerneltest.Race && c.rows*c.keys > 10_000 {
				continue
			}
			s := newScene(r, c.rows, c.heads, c.kvHeads, c.dim, c.keys)
			s.softCap, s.visible = c.softCap, c.visible
			kv := s.kv()
			whole := s.attend(t, nil, kv, 0, s.rows)
			s.check(t, fmt.Sprintf("%d rows of %d/%d heads x %d over %d keys", c.rows, c.heads, c.kvHeads, c.dim, c.keys), whole)
			s.checkIndependent(t, kv, whole)
		}
	})
}

// checkIndependent: each row comes out bit for bit the same alone and on many threads.
func (s *scene) checkIndependent(t *testing.T, kv []*kernel.KV, whole []float32) {
	t.Helper()
	width := s.heads * s.dim
	same := func(how string, got, want []float32) {
		t.Helper()
		for i := range got {
			if got[i] != want[i] {
				t.Fatalf("%s: element %d is %v, among all rows %v", how, i, got[i], want[i])
			}
		}
	}
	same("threads", s.attend(t, threads{}, kv, 0, s.rows), whole)
	for row := 0; row < s.rows; row += 1 + s.rows/7 {
		same(fmt.Sprintf("row %d alone", row), s.attend(t, nil, kv, row, 1), whole[row*width:(row+1)*width])
	}
}

// TestAttendSurvivesLargeScores: weights stay finite where e^score would not.
func TestAttendSurvivesLargeScores(t *testing.T) {
	r := rand.New(rand.NewPCG(33, 34))
	kerneltest.Each(t, func(t *testing.T) {
		s := newScene(r, 3, 1, 1, 16, 200)
		for i := range s.q {
			s.q[i] *= 500
		}
		got := s.attend(t, nil, s.kv(), 0, s.rows)
		for i, v := range got {
			if v != v || math.Abs(float64(v)) > 10 {
				t.Fatalf("element %d is %v", i, v)
			}
		}
	})
}

func TestKVGrowsAndForgets(t *testing.T) {
	kv := kernel.NewKV(8)
	row := make([]float32, 8)
	for i := range 130 {
		kv.Append(row, 8, row, 8, 1)
		if kv.Len() != i+1 {
			t.Fatalf("after %d positions Len is %d", i+1, kv.Len())
		}
	}
	if got, want := kv.Bytes(), kernel.KVBytes(8, 130); got != want {
		t.Errorf("Bytes = %d, KVBytes says %d", got, want)
	}
	if kv.Reset(); kv.Len() != 0 || kv.Bytes() != kernel.KVBytes(8, 130) {
		t.Errorf("after Reset: %d positions, %d bytes", kv.Len(), kv.Bytes())
	}
}

// TestHalfKV: keys and values in bfloat16 take half the memory, and attention over them is to the last bit that over the same
// numbers in float32, for few rows and for many.
func TestHalfKV(t *testing.T) {
	r := rand.New(rand.NewPCG(41, 42))
	kerneltest.Each(t, func(t *testing.T) {
		for _, rows := range []int{1, 5, 12, 70} {
			for _, dim := range []int{64, 72, 256} {
				s := newScene(r, rows, 4, 2, dim, 150)
				s.softCap = 50
				half := s.halfKV()
				got, want := s.attend(t, nil, half, 0, rows), s.attend(t, nil, s.kv(), 0, rows)
				if !slices.Equal(got, want) {
					t.Errorf("%d rows of heads of %d: attention differs", rows, dim)
				}
				if 2*half[0].Bytes() != s.kv()[0].Bytes() {
					t.Errorf("%d bytes in bfloat16, %d in float32", half[0].Bytes(), s.kv()[0].Bytes())
				}
			}
		}
	})
}
