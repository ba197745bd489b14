package layout

// The background of a page is estimated per block: the brightness that most of
// the block's pixels do not exceed, then the brightest of the blocks around, so
// that a heading's thick strokes do not pass for paper.
const (
	block       = 32
	paperShare  = 0.80 // share of a block's pixels at most as bright as its paper
	inkRatio    = 0.76 // darker than this part of the paper is ink
	faintRatio  = 0.89 // the same where the print is faint and the paper clean
	faintInk    = 0.84 // print fainter than this is what shines through from behind
	inkShare    = 0.02 // share of a block's pixels that are its darkest print
	minPaper    = 48   // no paper is darker: a black scanner lid is not paper with black ink
	maxRunShare = 16   // horizontal runs longer than the width over this are rules
	minRuleRun  = 50
	maxColShare = 8 // vertical runs longer than the height over this are rules
	minRuleCol  = 100
)

// bitmap is a page of ink and paper, one byte a pixel.
type bitmap struct {
	pix  []uint8
	w, h int
	ink  int
}

// run is a stretch of ink in one row, half-open.
type run struct{ y, x0, x1 int32 }

// binarise marks ink and takes out long straight rules.
func binarise(g *Gray) *bitmap {
	bw, bh := (g.W+block-1)/block, (g.H+block-1)/block
	paper, dark := blockLevels(g, bw, bh)
	noise := paperNoise(g, paper, bw)
	paper = spread(paper, bw, bh)
	limits := blockLimits(paper, dark, noise, bw, bh)
	b := &bitmap{pix: make([]uint8, g.W*g.H), w: g.W, h: g.H}
	limit := make([]uint8, g.W)
	column := make([]int, bw+1)
	for y := range g.H {
		thresholds(limit, column, limits, bw, bh, y)
		row, out := g.Pix[y*g.W:(y+1)*g.W], b.pix[y*g.W:(y+1)*g.W]
		n := 0
		for x, v := range row {
			k := (int(v) - int(limit[x])) >> 63 & 1 // 1 where v < limit
			out[x] = uint8(k)
			n += k
		}
		b.ink += n
	}
	return b
}

// paperNoise estimates the spread of the paper's brightness, as a share of it,
// from pixels brighter than their block's level: print makes none of those.
func paperNoise(g *Gray, paper []int, bw int) float64 {
	const step = 7
	var sum float64
	var n int
	for y := 0; y < g.H; y += step {
		row := g.Pix[y*g.W : (y+1)*g.W]
		for x := 0; x < g.W; x += step {
			p := paper[y/block*bw+x/block]
			if d := int(row[x]) - p; d > 0 && p >= minPaper && p < 250 {
				sum += float64(d) / float64(p)
				n++
			}
		}
	}
	if n == 0 {
		return 0
	}
	return sum / float64(n)
}

// blockLimits returns the brightness below which a pixel of each block is ink:
// inkRatio of the paper where print is dark, nearer to the paper where all
// print is faint and the paper is clean. A block without print of its own goes
// by its neighbours.
func blockLimits(paper, dark []int, noise float64, bw, bh int) []int {
	out := make([]int, len(paper))
	most := min(faintRatio, 1-4*noise-0.04)
	for y := range bh {
		for x := range bw {
			p := float64(max(paper[y*bw+x], minPaper))
			d := dark[y*bw+x]
			if float64(d) > faintInk*p {
				d = lowest(dark, bw, bh, x, y)
			}
			ratio := inkRatio
			if r := float64(d) / p; r <= faintInk {
				ratio = max(inkRatio, min(most, 1-0.35*(1-r)))
			}
			out[y*bw+x] = int(ratio * p)
		}
	}
	return out
}

// lowest returns the least of a block and its eight neighbours.
func lowest(v []int, bw, bh, x, y int) int {
	d := v[y*bw+x]
	for j := max(y-1, 0); j <= min(y+1, bh-1); j++ {
		for i := max(x-1, 0); i <= min(x+1, bw-1); i++ {
			d = min(d, v[j*bw+i])
		}
	}
	return d
}

// blockLevels returns each block's paper, the paperShare quantile, and its
// darkest print, the inkShare quantile.
func blockLevels(g *Gray, bw, bh int) (paper, dark []int) {
	paper, dark = make([]int, bw*bh), make([]int, bw*bh)
	for by := range bh {
		for bx := range bw {
			var hist [256]int32
			x0, x1 := bx*block, min((bx+1)*block, g.W)
			y0, y1 := by*block, min((by+1)*block, g.H)
			for y := y0; y < y1; y++ {
				for _, v := range g.Pix[y*g.W+x0 : y*g.W+x1] {
					hist[v]++
				}
			}
			n := float64((x1 - x0) * (y1 - y0))
			left := int32(n * (1 - paperShare))
			v := 255
			for ; v > 0; v-- {
				if left -= hist[v]; left < 0 {
					break
				}
			}
			paper[by*bw+bx] = v
			left = int32(n * inkShare)
			for v = 0; v < 255; v++ {
				if left -= hist[v]; left < 0 {
					break
				}
			}
			dark[by*bw+bx] = v
		}
	}
	return paper, dark
}

// spread replaces each block by the brightest within two blocks, which closes
// over strokes and small dark areas, and then takes the darkest of those within
// two, which gives edges of truly darker paper back.
func spread(in []int, bw, bh int) []int {
	const reach = 2
	pass := func(in []int, better func(a, b int) bool) []int {
		tmp, out := make([]int, len(in)), make([]int, len(in))
		for y := range bh {
			for x := range bw {
				v := in[y*bw+x]
				for k := max(x-reach, 0); k <= min(x+reach, bw-1); k++ {
					if w := in[y*bw+k]; better(w, v) {
						v = w
					}
				}
				tmp[y*bw+x] = v
			}
		}
		for y := range bh {
			for x := range bw {
				v := tmp[y*bw+x]
				for k := max(y-reach, 0); k <= min(y+reach, bh-1); k++ {
					if w := tmp[k*bw+x]; better(w, v) {
						v = w
					}
				}
				out[y*bw+x] = v
			}
		}
		return out
	}
	return pass(pass(in, func(a, b int) bool { return a > b }), func(a, b int) bool { return a < b })
}

// thresholds interpolates the limits between block centres for row y.
func thresholds(limit []uint8, column, limits []int, bw, bh, y int) {
	fy := max(y-block/2, 0)
	by := min(fy/block, bh-1)
	ny := min(by+1, bh-1)
	ry := fy - by*block
	if by == ny {
		ry = 0
	}
	for bx := range bw {
		column[bx] = limits[by*bw+bx]*(block-ry) + limits[ny*bw+bx]*ry
	}
	column[bw] = column[bw-1]
	for x := range limit {
		fx := max(x-block/2, 0)
		bx := fx / block
		rx := fx % block
		v := column[bx]*(block-rx) + column[bx+1]*rx
		limit[x] = uint8(v / (block * block))
	}
}

// clearColumns takes out vertical rules.
func (b *bitmap) clearColumns() {
	limit := int32(max(b.h/maxColShare, minRuleCol))
	col := make([]int32, b.w)
	for y := range b.h {
		row := b.pix[y*b.w : (y+1)*b.w]
		for x, v := range row {
			if v != 0 {
				col[x]++
				continue
			}
			if col[x] >= limit {
				b.clearColumn(x, y-int(col[x]), y)
			}
			col[x] = 0
		}
	}
	for x, n := range col {
		if n >= limit {
			b.clearColumn(x, b.h-int(n), b.h)
		}
	}
}

// clearColumn makes a stretch of a column paper.
func (b *bitmap) clearColumn(x, y0, y1 int) {
	for y := y0; y < y1; y++ {
		b.pix[y*b.w+x] = 0
	}
}

// allRuns returns the runs of each row that are at most limit long; rows[y] is
// where row y begins.
func (b *bitmap) allRuns(limit int) (out []run, rows []int32) {
	rows = make([]int32, b.h+1)
	out = make([]run, 0, b.w*b.h/64)
	for y := range b.h {
		rows[y] = int32(len(out))
		row := b.pix[y*b.w : (y+1)*b.w]
		for x := 0; x < len(row); {
			if row[x] == 0 {
				x++
				continue
			}
			s := x
			for x < len(row) && row[x] != 0 {
				x++
			}
			if x-s <= limit {
				out = append(out, run{int32(y), int32(s), int32(x)})
			}
		}
	}
	rows[b.h] = int32(len(out))
	return out, rows
}

// comp is a connected component: its box, half-open, its pixels, and its runs.
type comp struct {
	x0, y0, x1, y1 int32
	area           int32
	runs           []run
	used           bool // it is part of a line
}

func (c *comp) w() int        { return int(c.x1 - c.x0) }
func (c *comp) h() int        { return int(c.y1 - c.y0) }
func (c *comp) fill() float64 { return float64(c.area) / float64(c.w()*c.h()) }

// components returns the connected components without horizontal rules.
func (b *bitmap) components() []comp {
	return joined(b.allRuns(max(b.w/maxRunShare, minRuleRun)))
}

// joined makes components of runs that touch, diagonals included.
func joined(runs []run, rows []int32) []comp {
	sets := singletons(len(runs))
	for y := 1; y+1 < len(rows); y++ {
		i, iEnd := rows[y-1], rows[y]
		for j := rows[y]; j < rows[y+1]; j++ {
			for i < iEnd && runs[i].x1 < runs[j].x0 {
				i++
			}
			for k := i; k < iEnd && runs[k].x0 <= runs[j].x1; k++ {
				sets.join(k, j)
			}
		}
	}
	return gather(runs, sets)
}

// gather makes components of runs joined under common roots.
func gather(runs []run, sets disjoint) []comp {
	id := make([]int32, len(runs))
	var out []comp
	var sizes []int32
	for i, r := range runs {
		root := sets.root(int32(i))
		if root == int32(i) {
			id[i] = int32(len(out))
			out = append(out, comp{x0: r.x0, y0: r.y, x1: r.x1, y1: r.y + 1})
			sizes = append(sizes, 0)
		} else {
			id[i] = id[root] // roots come before their runs
		}
		c := &out[id[i]]
		c.x0, c.x1, c.y1 = min(c.x0, r.x0), max(c.x1, r.x1), max(c.y1, r.y+1)
		c.area += r.x1 - r.x0
		sizes[id[i]]++
	}
	sorted := make([]run, len(runs))
	at := make([]int32, len(out))
	var sum int32
	for k, n := range sizes {
		at[k] = sum
		out[k].runs = sorted[sum : sum+n : sum+n]
		sum += n
	}
	for i, r := range runs {
		sorted[at[id[i]]] = r
		at[id[i]]++
	}
	return out
}
