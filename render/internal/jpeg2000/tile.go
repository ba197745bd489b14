package jpeg2000

import (
	"errors"
	"math"
	"runtime"
	"sort"
	"sync"
	"sync/atomic"
)

// maxPrecincts bounds the precincts of a tile: each has its own packets, and a
// codestream of a few bytes may claim one for every sample.
const maxPrecincts = 1 << 18

// segment is a run of passes that were coded together.
type segment struct {
	passes int
	room   int // passes it may have
	data   []byte
}

// block is a code block.
type block struct {
	x0, y0, x1, y1 int // in its band
	included       bool
	zeros          int // bit planes without anything
	lengthBits     int
	passes         int
	segments       []segment
}

// precinct is the part of a resolution that a packet carries a layer of.
type precinct struct {
	component, resolution, number int
	refX, refY                    int // where it lies on the reference grid, for the order of packets
	bands                         []bandPart
}

// bandPart is the code blocks of one band in a precinct.
type bandPart struct {
	band             *band
	across, down     int
	blocks           []block
	inclusion, depth *tagTree
}

// band is a band of a component.
type band struct {
	orient         int
	x0, y0, x1, y1 int
	left, top      int // where it lies in the component's plane
	planes         int // Mb: bit planes
	step           float32
}

// resolution is one of a component.
type resolution struct{ x0, y0, x1, y1 int }

// component is one of a tile.
type component struct {
	coding      *coding
	resolutions []resolution
	plane       plane
}

// ceilShift divides by a power of two and rounds up.
func ceilShift(a, n int) int { return (a + 1<<n - 1) >> n }

// tile decodes a tile into the image.
func (d *decoder) tile(n int, t *tilePart) error {
	x0, y0 := max(d.tox+n%d.across*d.tx, d.x0), max(d.toy+n/d.across*d.ty, d.y0)
	x1, y1 := min(d.tox+(n%d.across+1)*d.tx, d.x1), min(d.toy+(n/d.across+1)*d.ty, d.y1)
	w, h := x1-x0, y1-y0
	if w <= 0 || h <= 0 {
		return errors.New("it lies outside the image")
	}
	comps := make([]component, d.img.Components)
	var all []*precinct
	for c := range comps {
		k := &t.params.comps[c]
		comps[c] = component{coding: k, plane: plane{values: make([]float32, w*h), stride: w}}
		more, err := comps[c].lay(c, x0, y0, x1, y1, d.img.Bits, maxPrecincts-len(all))
		if err != nil {
			return err
		}
		all = append(all, more...)
	}
	if err := packets(t, all); err != nil {
		return err
	}
	if err := blocks(comps, all); err != nil {
		return err
	}
	for c := range comps {
		k := &comps[c]
		for _, r := range k.resolutions[1:] {
			if r.x1 > r.x0 && r.y1 > r.y0 {
				k.plane.inverse(r.x0, r.y0, r.x1-r.x0, r.y1-r.y0, k.coding.reversible)
			}
		}
	}
	d.paint(comps, t.params.order.transform, x0-d.x0, y0-d.y0, w, h)
	return nil
}

// blocks decodes all code blocks, which is most of the work and needs no order: as
// many at a time as there are processors.
func blocks(comps []component, all []*precinct) error {
	type job struct {
		component *component
		band      *band
		block     *block
	}
	var jobs []job
	for _, p := range all {
		for i := range p.bands {
			for j := range p.bands[i].blocks {
				if k := &p.bands[i].blocks[j]; k.passes > 0 {
					jobs = append(jobs, job{&comps[p.component], p.bands[i].band, k})
				}
			}
		}
	}
	var wg sync.WaitGroup
	var next atomic.Int64
	var failed atomic.Pointer[error]
	for range min(runtime.GOMAXPROCS(0), len(jobs)) {
		wg.Go(func() {
			var b blockDecoder
			for failed.Load() == nil {
				i := int(next.Add(1)) - 1
				if i >= len(jobs) {
					return
				}
				if err := jobs[i].component.put(&b, jobs[i].band, jobs[i].block); err != nil {
					failed.Store(&err)
				}
			}
		})
	}
	wg.Wait()
	if err := failed.Load(); err != nil {
		return *err
	}
	return nil
}

// lay sets out resolutions, bands, precincts and blocks of a component (annex B).
func (k *component) lay(c, x0, y0, x1, y1, bits, room int) (all []*precinct, err error) {
	levels := k.coding.levels
	for r := range levels + 1 {
		n := levels - r
		res := resolution{ceilShift(x0, n), ceilShift(y0, n), ceilShift(x1, n), ceilShift(y1, n)}
		k.resolutions = append(k.resolutions, res)
		bands, err := k.bands(r, x0, y0, x1, y1, bits)
		if err != nil {
			return nil, err
		}
		if res.x0 >= res.x1 || res.y0 >= res.y1 {
			continue
		}
		px, py := k.coding.precinctsX[r], k.coding.precinctsY[r]
		firstX, firstY := res.x0>>px, res.y0>>py
		across, down := ceilShift(res.x1, px)-firstX, ceilShift(res.y1, py)-firstY
		if room -= across * down; across*down > maxPrecincts || room < 0 {
			return nil, UnsupportedError("so many precincts")
		}
		for i := range across * down {
			ix, iy := firstX+i%across, firstY+i/across
			p := &precinct{component: c, resolution: r, number: i, refX: max(x0, ix<<(px+n)), refY: max(y0, iy<<(py+n))}
			for _, b := range bands {
				p.bands = append(p.bands, k.part(b, r, ix, iy, px, py))
			}
			all = append(all, p)
		}
	}
	return all, nil
}

// bands sets out the bands that a resolution adds.
func (k *component) bands(r, x0, y0, x1, y1, bits int) (out []*band, err error) {
	orients := []int{bandHL, bandLH, bandHH}
	n := k.coding.levels - r + 1
	if r == 0 {
		orients, n = []int{bandLL}, k.coding.levels
	}
	for i, o := range orients {
		b := &band{orient: o}
		offX, offY := 0, 0
		if n > 0 {
			offX, offY = (o&1)<<(n-1), (o>>1)<<(n-1)
		}
		b.x0, b.y0 = ceilShift(x0-offX, n), ceilShift(y0-offY, n)
		b.x1, b.y1 = ceilShift(x1-offX, n), ceilShift(y1-offY, n)
		if r > 0 { // low ones come first in rows and columns
			low := k.resolutions[r-1]
			b.left, b.top = (o&1)*(low.x1-low.x0), (o>>1)*(low.y1-low.y0)
		}
		number := 0
		if r > 0 {
			number = 3*(r-1) + 1 + i
		}
		exponent, mantissa, ok := k.coding.step(number)
		if !ok {
			return nil, errors.New("a band has no quantisation")
		}
		b.planes, b.step = k.coding.guard+exponent-1, 1
		if !k.coding.reversible {
			gain := [4]int{bandLL: 0, bandHL: 1, bandLH: 1, bandHH: 2}[o]
			b.step = float32(math.Ldexp(1+float64(mantissa)/2048, bits+gain-exponent))
		}
		out = append(out, b)
	}
	return out, nil
}

// part sets out the blocks of a band in a precinct.
func (k *component) part(b *band, r, ix, iy, px, py int) bandPart {
	if r > 0 {
		px, py = px-1, py-1
	}
	wide, high := min(k.coding.wide, px), min(k.coding.high, py)
	x0, y0 := max(b.x0, ix<<px), max(b.y0, iy<<py)
	x1, y1 := min(b.x1, (ix+1)<<px), min(b.y1, (iy+1)<<py)
	out := bandPart{band: b}
	if x0 >= x1 || y0 >= y1 {
		return out
	}
	left, top := x0>>wide, y0>>high
	out.across, out.down = ceilShift(x1, wide)-left, ceilShift(y1, high)-top
	out.blocks = make([]block, out.across*out.down)
	for i := range out.blocks {
		bx, by := left+i%out.across, top+i/out.across
		out.blocks[i] = block{
			x0: max(x0, bx<<wide), y0: max(y0, by<<high), x1: min(x1, (bx+1)<<wide), y1: min(y1, (by+1)<<high), lengthBits: 3,
		}
	}
	out.inclusion, out.depth = newTagTree(out.across, out.down), newTagTree(out.across, out.down)
	return out
}

// put decodes a block and writes it, with its size restored, to the plane.
func (k *component) put(b *blockDecoder, in *band, block *block) error {
	planes := in.planes - block.zeros
	const most = 30 // magnitudes have 31 bits, one of them a half
	if planes < 1 || planes > most {
		return errors.New("a block has more bit planes than are read, or none")
	}
	if block.passes > 3*planes-2 {
		return errors.New("a block has more passes than bit planes")
	}
	b.decode(block, in.orient, planes, k.coding.style)
	for y := range b.h {
		row := k.plane.values[(in.top+block.y0-in.y0+y)*k.plane.stride+in.left+block.x0-in.x0:]
		at := (y+1)*b.stride + 1
		for x := range b.w {
			m := b.mags[at+x]
			v := float32(m >> 1) // the half of a whole number is not counted
			if !k.coding.reversible {
				v = float32(m) / 2 * in.step
			}
			if b.flags[at+x]&flagNegative != 0 {
				v = -v
			}
			row[x] = v
		}
	}
	return nil
}

// paint undoes the transform of components and the shift of levels, and writes
// the tile into the image (annex G).
func (d *decoder) paint(comps []component, transform bool, x0, y0, w, h int) {
	n := d.img.Components
	if transform {
		d.img.Transformed = true
		a, b, c := comps[0].plane.values, comps[1].plane.values, comps[2].plane.values
		reversible := comps[0].coding.reversible
		for i := range a {
			y, u, v := a[i], b[i], c[i]
			if reversible {
				g := y - floor((u+v)/4)
				a[i], b[i], c[i] = v+g, g, u+g
			} else {
				a[i], b[i], c[i] = y+1.402*v, y-0.344136*u-0.714136*v, y+1.772*u
			}
		}
	}
	low, high := float32(0), float32(int(1)<<d.img.Bits-1)
	shift := float32(int(1) << (d.img.Bits - 1))
	if d.img.Signed {
		low, high, shift = -shift, shift-1, 0
	}
	mask := uint16(1<<d.img.Bits - 1)
	for k := range comps {
		for y := range h {
			out := d.img.Samples[((y0+y)*d.img.Width+x0)*n+k:]
			for x, v := range comps[k].plane.values[y*w : (y+1)*w] {
				v = floor(max(low, min(high, v+shift+0.5))) // of whole numbers, themselves
				out[x*n] = uint16(int32(v)) & mask
			}
		}
	}
}

// inOrder sorts the precincts as their packets come, but for layers. Those of
// equal place stay in the order of component, resolution and number.
func inOrder(all []*precinct, progression byte) {
	keys := map[byte]func(p *precinct) [5]int{
		0: func(p *precinct) [5]int { return [5]int{p.resolution, p.component, p.number} },
		1: func(p *precinct) [5]int { return [5]int{p.resolution, p.component, p.number} },
		2: func(p *precinct) [5]int { return [5]int{p.resolution, p.refY, p.refX, p.component, p.number} },
		3: func(p *precinct) [5]int { return [5]int{p.refY, p.refX, p.component, p.resolution, p.number} },
		4: func(p *precinct) [5]int { return [5]int{p.component, p.refY, p.refX, p.resolution, p.number} },
	}
	key := keys[progression]
	sort.SliceStable(all, func(i, j int) bool {
		a, b := key(all[i]), key(all[j])
		for k := range a {
			if a[k] != b[k] {
				return a[k] < b[k]
			}
		}
		return false
	})
}
