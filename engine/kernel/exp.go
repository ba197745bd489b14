package kernel

// Exp replaces every x by e^x, within 2 units in the last place; subnormal results are kept.
func Exp(x []float32) { active.exp(x) }

// Tanh replaces every x by its hyperbolic tangent.
func Tanh(x []float32) { active.tanh(x, 1, 1) }

// SoftCap replaces every x by limit*tanh(x/limit), which bounds it softly to ±limit. A limit of 0
// leaves x alone: checkpoints switch the cap off so.
func SoftCap(x []float32, limit float32) {
	if limit != 0 {
		active.tanh(x, 1/limit, limit)
	}
}

// GeluTanh replaces every x by x/2 * (1 + tanh(sqrt(2/pi) * (x + 0.044715 x³))): the tanh form of
// GELU, computed as x / (1 + e^(-2u)), which loses nothing in the tails.
func GeluTanh(x []float32) { active.gelu(x) }

// GeluTanhMul sets dst = GeluTanh(gate) * up, the middle of a gated MLP. dst may be gate or up.
func GeluTanhMul(dst, gate, up []float32) {
	checkLengths("GeluTanhMul", len(dst), len(gate))
	checkLengths("GeluTanhMul", len(dst), len(up))
	active.geluMul(dst, gate, up)
}
