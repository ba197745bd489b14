package kernel

import (
	"fmt"
	"math"
)

// RMSNorm sets dst = x / sqrt(mean(x²) + eps) * (1 + w), one row of Gemma's norm, whose weights
// are stored around zero. dst may be x.
func RMSNorm(dst, x, w []float32, eps float32) {
	checkLengths("RMSNorm", len(dst), len(x))
	checkLengths("RMSNorm", len(dst), len(w))
	if len(x) == 0 {
		return
	}
	mean := float64(active.sumSquares(x, 0)) / float64(len(x))
	active.norm(dst, x, w, float32(1/math.Sqrt(mean+float64(eps))))
}

// LayerNorm sets dst = (x - mean) / sqrt(variance + eps) * w + b, one row. dst may be x.
func LayerNorm(dst, x, w, b []float32, eps float32) {
	checkLengths("LayerNorm", len(dst), len(x))
	checkLengths("LayerNorm", len(dst), len(w))
	checkLengths("LayerNorm", len(dst), len(b))
	if len(x) == 0 {
		return
	}
	n := float64(len(x))
	mean := float32(float64(active.sum(x)) / n)
	variance := float64(active.sumSquares(x, mean)) / n
	active.affine(dst, x, w, b, mean, float32(1/math.Sqrt(variance+float64(eps))))
}

// Softmax replaces x by e^x / sum(e^x), safe for any finite x. An empty x is left alone.
func Softmax(x []float32) {
	if len(x) == 0 {
		return
	}
	sum := active.expSum(x, active.max(x))
	active.scale(x, 1/sum)
}

// LogSumExp is log(sum(e^x)); x is left as it is, scratch (as long as x) is overwritten. A token's
// log-probability is its logit minus this.
func LogSumExp(x, scratch []float32) float32 {
	checkLengths("LogSumExp", len(x), len(scratch))
	top := active.max(x)
	copy(scratch, x)
	return top + float32(math.Log(float64(active.expSum(scratch, top))))
}

// ArgMax is the index of the largest element, the first of equals; -1 for none.
func ArgMax(x []float32) int {
	if len(x) == 0 {
		return -1
	}
	top := active.max(x)
	for i, v := range x {
		if v == top {
			return i
		}
	}
	return 0 // only NaN
}

// RopeTables returns cos and sin [positions, dim/2] of the rotary angles for RoPE base theta. The
// angle is computed as the reference computes it, in float32 throughout: inverse frequency
// theta^(-2i/dim), times the position.
func RopeTables(dim, positions int, theta float64) (cos, sin []float32) {
	if dim <= 0 || dim%2 != 0 || positions < 0 {
		panic(fmt.Sprintf("kernel.RopeTables: head dimension %d, %d positions", dim, positions))
	}
	half := dim / 2
	cos, sin = make([]float32, positions*half), make([]float32, positions*half)
	for i := range half {
		inverse := 1 / float32(math.Pow(theta, float64(float32(2*i)/float32(dim))))
		for pos := range positions {
			s, c := math.Sincos(float64(float32(pos) * inverse))
			cos[pos*half+i], sin[pos*half+i] = float32(c), float32(s)
		}
	}
	return cos, sin
}

// Rope rotates x [heads, dim] in place to position pos, in the half-split layout: element i of a
// head pairs with element i + dim/2. cos and sin are RopeTables' tables [positions, dim/2].
func Rope(x []float32, heads, dim, pos int, cos, sin []float32) {
	half := dim / 2
	if len(x) != heads*dim || dim%2 != 0 || pos < 0 || len(cos) < (pos+1)*half || len(sin) < (pos+1)*half {
		panic(fmt.Sprintf("kernel.Rope: %d floats for %d heads of %d, position %d in tables of %d and %d",
			len(x), heads, dim, pos, len(cos), len(sin)))
	}
	cos, sin = cos[pos*half:(pos+1)*half], sin[pos*half:(pos+1)*half]
	for h := range heads {
		head := x[h*dim : (h+1)*dim]
		active.rotate(head[:half], head[half:], cos, sin)
	}
}
