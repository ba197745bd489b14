package kern

import (
	"fmt"
	"math/bits"
)

// Frac is an exact fraction in lowest terms. The zero value is zero.
type Frac struct{ num, den int64 }

// Fractions stay where sums fit 64 bits: values below 2^20 quarter notes, which
// is days of music, and denominators up to 2^40, which any mixture of the
// tuplets in use stays below.
const (
	maxDen   = 1 << 40
	maxValue = 1 << 20
)

// NewFrac is num/den in lowest terms; it reports false for a zero or negative
// denominator and for what passes the bounds.
func NewFrac(num, den int64) (Frac, bool) {
	if den <= 0 {
		return Frac{}, false
	}
	g := gcd(num, den)
	f := Frac{num / g, den / g}
	return f, f.inBounds()
}

// Whole is the fraction n/1.
func Whole(n int64) Frac { return Frac{n, 1} }

func (f Frac) inBounds() bool {
	return f.den <= maxDen && f.num/f.Den() < maxValue && f.num/f.Den() > -maxValue
}

// Num is the numerator in lowest terms.
func (f Frac) Num() int64 { return f.num }

// Den is the denominator in lowest terms, at least 1.
func (f Frac) Den() int64 { return max(1, f.den) }

// Zero reports whether f is 0.
func (f Frac) Zero() bool { return f.num == 0 }

// Float is the nearest float64.
func (f Frac) Float() float64 { return float64(f.num) / float64(f.Den()) }

// String writes 3/2, or 3 when the denominator is 1.
func (f Frac) String() string {
	if f.Den() == 1 {
		return fmt.Sprint(f.num)
	}
	return fmt.Sprintf("%d/%d", f.num, f.den)
}

// Plus is f+g; it reports false when the sum passes the bounds.
func (f Frac) Plus(g Frac) (Frac, bool) { return f.combine(g, 1) }

// Minus is f-g; it reports false when the difference passes the bounds.
func (f Frac) Minus(g Frac) (Frac, bool) { return f.combine(g, -1) }

func (f Frac) combine(g Frac, sign int64) (Frac, bool) {
	common := gcd(f.Den(), g.Den())
	high, low := bits.Mul64(uint64(f.Den()/common), uint64(g.Den()))
	if high != 0 || low > maxDen {
		return Frac{}, false
	}
	den := int64(low)
	return NewFrac(f.num*(den/f.Den())+sign*g.num*(den/g.Den()), den)
}

// Times is f*g; it reports false when the product passes the bounds.
func (f Frac) Times(g Frac) (Frac, bool) {
	a, b := gcd(f.num, g.Den()), gcd(g.num, f.Den())
	neg := (f.num < 0) != (g.num < 0)
	nh, nl := bits.Mul64(magnitude(f.num/a), magnitude(g.num/b))
	dh, dl := bits.Mul64(uint64(f.Den()/b), uint64(g.Den()/a))
	if nh != 0 || dh != 0 || nl > 1<<62 || dl > maxDen {
		return Frac{}, false
	}
	n := int64(nl)
	if neg {
		n = -n
	}
	return NewFrac(n, int64(dl))
}

// Cmp is -1, 0 or 1 as f is less than, equal to or greater than g.
func (f Frac) Cmp(g Frac) int {
	switch {
	case f.num < 0 && g.num >= 0:
		return -1
	case f.num >= 0 && g.num < 0:
		return 1
	case f.num < 0:
		return Frac{-g.num, g.den}.Cmp(Frac{-f.num, f.den})
	}
	fh, fl := bits.Mul64(uint64(f.num), uint64(g.Den()))
	gh, gl := bits.Mul64(uint64(g.num), uint64(f.Den()))
	switch {
	case fh < gh || fh == gh && fl < gl:
		return -1
	case fh == gh && fl == gl:
		return 0
	}
	return 1
}

// Equal reports whether both are the same number.
func (f Frac) Equal(g Frac) bool { return f.num == g.num && f.Den() == g.Den() }

func magnitude(n int64) uint64 {
	if n < 0 {
		return uint64(-n)
	}
	return uint64(n)
}

// gcd is the greatest common divisor of |a| and |b|, at least 1.
func gcd(a, b int64) int64 {
	if a < 0 {
		a = -a
	}
	if b < 0 {
		b = -b
	}
	for b != 0 {
		a, b = b, a%b
	}
	return max(a, 1)
}
