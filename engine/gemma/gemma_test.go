package gemma_test

import (
	"math"
	"slices"
	"testing"

	"palimpsest.dev/engine/enginetest"
	"palimpsest.dev/engine/gemma"
	"palimpsest.dev/engine/kernel"
	"palimpsest.dev/engine/mat"
	"palimpsest.dev/engine/pool"
	"palimpsest.dev/engine/weights"
)

// load writes a random checkpoint and loads its decoder.
func load(t *testing.T, s enginetest.Shape, o gemma.Options) *gemma.Model {
	t.Helper()
	dir := t.TempDir()
	if err := enginetest.WriteCheckpoint(dir, s); err != nil {
		t.Fatal(err)
	}
	c, err := weights.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	m, err := gemma.Load(c, o, nil)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// rows embeds ids.
func rows(m *gemma.Model, ids ...int32) mat.Mat {
	x := mat.New(len(ids), m.Width())
	for i, id := range ids {
		m.Embed(id, x.Row(i))
	}
	return x
}

// pass computes one pass for one sequence and returns a copy of its logits.
func pass(m *gemma.Model, s *gemma.State, c *gemma.Cache, ids ...int32) []float32 {
	logits := m.Forward(nil, s, []gemma.Segment{{Cache: c, Rows: len(ids)}}, rows(m, ids...), nil, nil)
	return slices.Clone(logits.Row(0))
}

// prefixes are what three sequences begin with.
var prefixes = [][]int32{{2, 20, 21, 22, 23, 24, 4}, {2, 4}, {2, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 4}}

// TestRowsDoNotDependOnCompany decodes three sequences alone and together, mixed with the prefix of a third
// and on several threads: every logit is the same to the last bit.
func TestRowsDoNotDependOnCompany(t *testing.T) {
	t.Parallel()
	p := pool.New(3)
	defer p.Close()
	for _, o := range []gemma.Options{{}, {Window: gemma.HF5, Arithmetic: weights.BFloat16}} {
		m := load(t, enginetest.Shape{Sliding: true}, o)
		want := make([][][]float32, len(prefixes))
		for i, prefix := range prefixes {
			s, c := new(gemma.State), m.NewCache()
			want[i] = append(want[i], pass(m, s, c, prefix...))
			for step := range 5 {
				want[i] = append(want[i], pass(m, s, c, int32(50+10*i+step)))
			}
		}
		for _, run := range []kernel.Runner{nil, p} {
			s := new(gemma.State)
			caches := []*gemma.Cache{m.NewCache(), m.NewCache(), m.NewCache()}
			check := func(who, step int, got []float32) {
				if !slices.Equal(got, want[who][step]) {
					t.Errorf("%+v: sequence %d, step %d differs in company", o, who, step)
				}
			}
			x := rows(m, slices.Concat(prefixes[0], prefixes[1])...)
			both := m.Forward(run, s, []gemma.Segment{{caches[0], len(prefixes[0])}, {caches[1], len(prefixes[1])}}, x, nil, nil)
			check(0, 0, both.Row(0))
			check(1, 0, both.Row(1))
			// The third sequence begins while the others go on.
			x = rows(m, slices.Concat([]int32{50}, prefixes[2], []int32{60})...)
			all := m.Forward(run, s, []gemma.Segment{{caches[0], 1}, {caches[2], len(prefixes[2])}, {caches[1], 1}}, x, nil, nil)
			check(0, 1, all.Row(0))
			check(2, 0, all.Row(1))
			check(1, 1, all.Row(2))
			for step := range 4 {
				x = rows(m, int32(51+step), int32(70+step), int32(61+step))
				all = m.Forward(run, s, []gemma.Segment{{caches[0], 1}, {caches[2], 1}, {caches[1], 1}}, x, nil, nil)
				check(0, step+2, all.Row(0))
				check(2, step+1, all.Row(1))
				check(1, step+2, all.Row(2))
			}
		}
	}
}

// TestTapChangesNothing: without a tap the last layer computes less; the result is the same.
func TestTapChangesNothing(t *testing.T) {
	t.Parallel()
	m := load(t, enginetest.Shape{}, gemma.Options{})
	var stages []string
	got := m.Forward(nil, new(gemma.State), []gemma.Segment{{m.NewCache(), len(prefixes[2])}}, rows(m, prefixes[2]...), nil,
		func(stage string, _ mat.Mat) { stages = append(stages, stage) })
	if want := pass(m, new(gemma.State), m.NewCache(), prefixes[2]...); !slices.Equal(got.Row(0), want) {
		t.Error("logits differ with a tap")
	}
	if want := []string{"text.inputs", "text.layer.0", "text.layer.1", "text.layer.2", "text.norm", "logits"}; !slices.Equal(stages, want) {
		t.Errorf("stages %v", stages)
	}
}

// TestPrefixSeesItself: the rows of a prefix see those behind them, which other engines got wrong, and tokens
// after the prefix are causal.
func TestPrefixSeesItself(t *testing.T) {
	t.Parallel()
	m := load(t, enginetest.Shape{}, gemma.Options{})
	first := func(ids ...int32) []float32 { // logits of the first row of a prefix
		var row []float32
		m.Forward(nil, new(gemma.State), []gemma.Segment{{m.NewCache(), len(ids)}}, rows(m, ids...), nil, func(stage string, x mat.Mat) {
			if stage == "logits" {
				row = slices.Clone(x.Row(0))
			}
		})
		return row
	}
	if slices.Equal(first(2, 20, 21, 4), first(2, 20, 22, 4)) {
		t.Error("the first row of a prefix does not see the third")
	}
	// Tokens fed one by one after the prefix and the same tokens fed together after it are causal alike.
	s, c := new(gemma.State), m.NewCache()
	pass(m, s, c, 2, 20, 4)
	pass(m, s, c, 30)
	one := pass(m, s, c, 31)
	c.Reset()
	pass(m, s, c, 2, 20, 4)
	if together := pass(m, s, c, 30, 31); !slices.Equal(one, together) {
		t.Error("two tokens in one pass are not what they are in two")
	}
}

// TestWindows: the two settings agree exactly while a sequence is no longer than the window, 64 here, and
// differ after.
func TestWindows(t *testing.T) {
	t.Parallel()
	shape := enginetest.Shape{Sliding: true}
	reference, hf5 := load(t, shape, gemma.Options{}), load(t, shape, gemma.Options{Window: gemma.HF5})
	s, a, b := new(gemma.State), reference.NewCache(), hf5.NewCache()
	prefix := make([]int32, 60)
	for i := range prefix {
		prefix[i] = int32(10 + i)
	}
	if !slices.Equal(pass(reference, s, a, prefix...), pass(hf5, s, b, prefix...)) {
		t.Error("the settings differ inside the prefix")
	}
	for n := len(prefix) + 1; n < 80; n++ {
		equal := slices.Equal(pass(reference, s, a, int32(n)), pass(hf5, s, b, int32(n)))
		if equal != (n <= 64) {
			t.Errorf("after %d positions the settings agree: %v", n, equal)
		}
	}
	// A prefix longer than the window sees all of itself in both.
	long := make([]int32, 100)
	if !slices.Equal(pass(reference, s, reference.NewCache(), long...), pass(hf5, s, hf5.NewCache(), long...)) {
		t.Error("the settings differ inside a prefix longer than the window")
	}
}

func TestFinalSoftCapBoundsLogits(t *testing.T) {
	t.Parallel()
	largest := func(s enginetest.Shape) float64 {
		m := load(t, s, gemma.Options{})
		top := 0.0
		for _, v := range pass(m, new(gemma.State), m.NewCache(), prefixes[2]...) {
			top = max(top, math.Abs(float64(v)))
		}
		return top
	}
	if top := largest(enginetest.Shape{}); top > 30 {
		t.Errorf("a logit of %v passes the cap of 30", top)
	}
	if top := largest(enginetest.Shape{NoSoftCaps: true}); top < 1 {
		t.Errorf("the largest logit without cap is %v", top)
	}
}

func TestStopGivesUp(t *testing.T) {
	t.Parallel()
	m := load(t, enginetest.Shape{}, gemma.Options{})
	asked := 0
	m.Forward(nil, new(gemma.State), []gemma.Segment{{m.NewCache(), 2}}, rows(m, 2, 4), func() bool { asked++; return asked == 2 }, nil)
	if asked != 2 {
		t.Errorf("asked %d times", asked)
	}
}

// TestCacheBytes: the memory reserved for a sequence is the memory it takes.
func TestCacheBytes(t *testing.T) {
	t.Parallel()
	m := load(t, enginetest.Shape{}, gemma.Options{})
	c := m.NewCache()
	pass(m, new(gemma.State), c, make([]int32, 130)...)
	if c.Len() != 130 || c.Bytes() != m.CacheBytes(130) || m.CacheBytes(130) < 130*3*2*2*16*4 {
		t.Errorf("%d positions hold %d bytes, %d expected", c.Len(), c.Bytes(), m.CacheBytes(130))
	}
	c.Reset()
	if c.Len() != 0 || c.Bytes() != m.CacheBytes(130) {
		t.Errorf("after Reset %d positions, %d bytes", c.Len(), c.Bytes())
	}
}

// TestStepAllocatesNothing: once buffers have grown, a decoding step of some sequences on the caller's thread, as the lanes of
// a small model run it, takes no memory from the heap.
func TestStepAllocatesNothing(t *testing.T) {
	if enginetest.Race {
		t.Skip("the race detector allocates")
	}
	for _, o := range []gemma.Options{{}, {Arithmetic: weights.BFloat16}} {
		m := load(t, enginetest.Shape{}, o)
		s := new(gemma.State)
		var segments []gemma.Segment
		for _, ids := range prefixes {
			c := m.NewCache()
			pass(m, s, c, ids...)
			segments = append(segments, gemma.Segment{Cache: c, Rows: 1})
		}
		x := rows(m, 20, 21, 22)
		step := func() {
			m.Forward(nil, s, segments, x, nil, nil)
			for _, g := range segments {
				g.Cache.Truncate(g.Cache.Len() - 1)
			}
		}
		step()
		if n := testing.AllocsPerRun(50, step); n > 0 {
			t.Errorf("%+v: %v allocations a step", o, n)
		}
	}
}
