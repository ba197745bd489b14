package jpegdct

import (
	"errors"
	"math"

	"palimpsest.dev/render/internal/huffman"
)

// zigzag is where the coefficients of a block go, in the order they come.
var zigzag = [64]int{
	0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5,
	12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6, 7, 14, 21, 28,
	35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51,
	58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63,
}

// block decodes the block of a component at bx, by into its plane.
func (d *decoder) block(r *huffman.Bits, c *component, bx, by int) error {
	q := d.quant[c.quant]
	var f [64]float32
	n, err := r.Symbol(c.dc)
	if err != nil {
		return err
	}
	diff, err := r.Value(int(n))
	if err != nil {
		return err
	}
	c.last += diff
	f[0] = float32(c.last) * float32(q[0])
	for k := 1; k < 64; k++ {
		s, err := r.Symbol(c.ac)
		if err != nil {
			return err
		}
		run, size := int(s>>4), int(s&15)
		if size == 0 {
			if run != 15 {
				break
			}
			k += 15
			continue
		}
		if k += run; k > 63 {
			return errors.New("a block has more than 64 coefficients")
		}
		v, err := r.Value(size)
		if err != nil {
			return err
		}
		f[zigzag[k]] = float32(v) * float32(q[k])
	}
	c.put(&f, bx, by, d.bits)
	return nil
}

// basis holds cos((2x+1)u*pi/16)/2, the first row by the root of one half: its
// product with a row of coefficients is one dimension of the inverse transform
// (A.3.3).
var basis = func() (b [8][8]float32) {
	for u := range b {
		for x := range b[u] {
			v := math.Cos(float64((2*x+1)*u)*math.Pi/16) / 2
			if u == 0 {
				v = math.Sqrt(0.125)
			}
			b[u][x] = float32(v)
		}
	}
	return b
}()

// put transforms a block back, shifts its level and writes it to the plane.
func (c *component) put(f *[64]float32, bx, by, bits int) {
	var rows [64]float32
	for v := range 8 {
		in := f[8*v : 8*v+8 : 8*v+8]
		out := rows[8*v : 8*v+8 : 8*v+8]
		for u, a := range in {
			if a == 0 {
				continue
			}
			for x := range out {
				out[x] += a * basis[u][x]
			}
		}
	}
	level, most := float32(int(1)<<(bits-1)), float32(int(1)<<bits-1)
	stride := 8 * c.wide
	for y := range 8 {
		at := (8*by+y)*stride + 8*bx
		out := c.plane[at : at+8 : at+8]
		for x := range out {
			sum := level + 0.5
			for v := range 8 {
				sum += rows[8*v+x] * basis[v][y]
			}
			out[x] = uint16(max(0, min(most, sum)))
		}
	}
}
