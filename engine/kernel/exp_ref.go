package kernel

import "math"

const (
	geluCubic = 0.044715
	// geluScale is 2*sqrt(2/pi): the tanh form's argument, doubled for the logistic one.
	geluScale = 2 * 0.7978845608028654
)

func expRef(x []float32) {
	for i, v := range x {
		x[i] = float32(math.Exp(float64(v)))
	}
}

func tanhRef(x []float32, in, out float32) {
	for i, v := range x {
		x[i] = out * float32(math.Tanh(float64(in*v)))
	}
}

func geluOne(v float32) float32 {
	u := float64(v)
	return float32(u / (1 + math.Exp(-geluScale*(u+geluCubic*u*u*u))))
}

func geluRef(x []float32) {
	for i, v := range x {
		x[i] = geluOne(v)
	}
}

func geluMulRef(dst, gate, up []float32) {
	gate, up = gate[:len(dst)], up[:len(dst)]
	for i := range dst {
		dst[i] = geluOne(gate[i]) * up[i]
	}
}

func expSumRef(x []float32, shift float32) float32 {
	var s [4]float32
	for i, v := range x {
		x[i] = float32(math.Exp(float64(v - shift)))
		s[i&3] += x[i]
	}
	return (s[0] + s[1]) + (s[2] + s[3])
}
