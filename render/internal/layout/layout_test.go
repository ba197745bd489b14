package layout

import (
	"math/rand/v2"
	"testing"
)

// white is an empty page.
func white(w, h int) *Gray {
	g := &Gray{Pix: make([]uint8, w*h), W: w, H: h}
	for i := range g.Pix {
		g.Pix[i] = 255
	}
	return g
}

// bar draws a solid rectangle.
func (g *Gray) bar(x0, y0, x1, y1 int, v uint8) {
	for y := max(y0, 0); y < min(y1, g.H); y++ {
		for x := max(x0, 0); x < min(x1, g.W); x++ {
			g.Pix[y*g.W+x] = v
		}
	}
}

// glyph draws a frame that passes for a letter.
func (g *Gray) glyph(x, y, w, h int) {
	g.bar(x, y, x+w, y+h, 0)
	g.bar(x+2, y+2, x+w-2, y+h-2, 255)
}

func TestComponentsTouchDiagonally(t *testing.T) {
	t.Parallel()
	b := &bitmap{w: 6, h: 4, pix: []uint8{
		1, 0, 0, 0, 1, 1,
		0, 1, 0, 0, 0, 0,
		0, 0, 1, 0, 1, 0,
		1, 0, 0, 0, 1, 1,
	}}
	c := joined(b.allRuns(6))
	if len(c) != 4 {
		t.Fatalf("%d components, want 4", len(c))
	}
	if d := c[0]; d.area != 3 || d.x1 != 3 || d.y1 != 3 || len(d.runs) != 3 {
		t.Errorf("the diagonal is %+v", d)
	}
}

// A U is one component although its arms meet last.
func TestComponentsJoinLate(t *testing.T) {
	t.Parallel()
	b := &bitmap{w: 5, h: 3, pix: []uint8{1, 0, 1, 0, 1, 1, 0, 1, 0, 1, 1, 1, 1, 1, 1}}
	if c := joined(b.allRuns(9)); len(c) != 1 || c[0].area != 11 {
		t.Errorf("%+v", c)
	}
}

func TestRulesAreNoText(t *testing.T) {
	t.Parallel()
	g := white(1000, 1200)
	for y := 100; y <= 900; y += 100 {
		g.bar(100, y, 900, y+3, 0)
	}
	for x := 100; x <= 900; x += 200 {
		g.bar(x, 100, x+3, 903, 0)
	}
	if l := Scan(g).Lines(); len(l) != 0 {
		t.Errorf("an empty table has lines: %v", l)
	}
	for i := range 5 {
		g.glyph(320+i*14, 330, 10, 14)
	}
	if l := Scan(g).Lines(); len(l) != 1 || l[0].Glyphs != 5 {
		t.Errorf("a word in a cell gives %v", l)
	}
}

// Nothing about a page makes the scan fail.
func TestOddPages(t *testing.T) {
	t.Parallel()
	for _, s := range [][2]int{{0, 0}, {1, 1}, {7, 9}, {8, 8}, {3000, 9}, {9, 3000}, {33, 65}} {
		for _, v := range []uint8{0, 128, 255} {
			g := white(s[0], s[1])
			g.bar(0, 0, s[0], s[1], v)
			p := Scan(g)
			if len(p.Lines()) != 0 || p.Quarter() != 0 || !p.Blank() {
				t.Errorf("%v of grey %d: lines %v", s, v, p.Lines())
			}
		}
	}
}

func FuzzScan(f *testing.F) {
	f.Add(uint16(100), uint16(80), uint64(1), uint8(100))
	f.Fuzz(func(t *testing.T, w, h uint16, seed uint64, share uint8) {
		g := white(int(w%500), int(h%500))
		r := rand.New(rand.NewPCG(seed, 1))
		for range int(share) * 4 {
			x, y := r.IntN(g.W+1), r.IntN(g.H+1)
			g.bar(x, y, x+r.IntN(20), y+r.IntN(20), uint8(r.IntN(256)))
		}
		p := Scan(g)
		p.Quarter()
		for _, l := range p.Lines() {
			if !(l.Box[0] >= 0 && l.Box[1] >= 0 && l.Box[2] <= float64(g.W) && l.Box[3] <= float64(g.H) && l.Box[0] < l.Box[2] && l.Box[1] < l.Box[3] && l.XHeight > 0) {
				t.Fatalf("line %+v on %dx%d", l, g.W, g.H)
			}
		}
		Empty(g)
	})
}

func TestMedianXHeight(t *testing.T) {
	t.Parallel()
	if got := MedianXHeight(nil); got != 0 {
		t.Errorf("of nothing: %g", got)
	}
	lines := []Line{{[4]float64{0, 0, 10, 1}, 30, 1}, {[4]float64{0, 0, 500, 1}, 10, 1}, {[4]float64{0, 0, 40, 1}, 5, 1}}
	if got := MedianXHeight(lines); got != 10 {
		t.Errorf("%g, want 10", got)
	}
}

// page is a page of a hundred lines of letters.
func page() *Gray {
	g := white(1700, 2200)
	r := rand.New(rand.NewPCG(3, 3))
	for y := 100; y < 2100; y += 40 {
		for x := 120; x < 1560; x += 14 {
			if r.IntN(6) == 0 {
				continue
			}
			h := 14 + 6*(r.IntN(3)/2)
			g.glyph(x, y+20-h, 11, h)
		}
	}
	return g
}

func BenchmarkLines(b *testing.B) {
	g := page()
	for b.Loop() {
		Scan(g)
	}
}

func BenchmarkQuarter(b *testing.B) {
	p := Scan(page())
	for b.Loop() {
		p.Quarter()
	}
}
