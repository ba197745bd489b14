package kernel

import "math"

// Codes are stored as unsigned numbers with an offset, because the instructions that multiply bytes take one
// unsigned and one signed operand. The offset is taken out again with the sum of the inputs, exactly.
const (
	int8Offset = 128
	int4Offset = 8
	maxStep    = 15 // times -8: -120, within a signed byte
)

// packInt8 stores row i: round(w / scale), scale being the largest magnitude over 127.
func (m *Matrix) packInt8(i int, x []float32) {
	top := absMaxRef(x)
	if top == 0 || math.IsInf(float64(top), 0) || top != top {
		return // zeros, or nothing that a scale could stand for
	}
	scale := top / 127
	m.scales[i] = scale
	padded := roundUp(m.k, cellK)
	base := i/panelWidth*panelWidth*padded + i%panelWidth*cellK
	for k, v := range x {
		q := math.RoundToEven(float64(v) / float64(scale))
		m.codes[base+k/cellK*cellK*panelWidth+k%cellK] = byte(int(min(max(q, -127), 127)) + int8Offset)
	}
}

// int8Code is the number stored for input k of output i.
func (m *Matrix) int8Code(i, k int) int {
	base := i/panelWidth*panelWidth*roundUp(m.k, cellK) + i%panelWidth*cellK
	return int(m.codes[base+k/cellK*cellK*panelWidth+k%cellK]) - int8Offset
}

// int4At is where the byte of input k of output i lies, and the shift of its four bits: in each cell of 64 bytes the
// low halves are four inputs of sixteen outputs, and the high halves the next four.
func (m *Matrix) int4At(i, k int) (at, shift int) {
	padded := roundUp(m.k, stepK)
	at = i/panelWidth*panelWidth*padded/2 + k/(2*cellK)*(cellK*panelWidth) + i%panelWidth*cellK + k%cellK
	return at, k % (2 * cellK) / cellK * 4
}

// stepAt is where the step of input k of output i lies.
func (m *Matrix) stepAt(i, k int) int {
	groups := roundUp(m.k, stepK) / stepK
	return (i/panelWidth*groups+k/stepK)*panelWidth + i%panelWidth
}

// int4Code is the number stored for input k of output i, in units of the output's scale.
func (m *Matrix) int4Code(i, k int) int {
	at, shift := m.int4At(i, k)
	return (int(m.codes[at]>>shift&15) - int4Offset) * int(m.steps[m.stepAt(i, k)])
}

// packInt4 stores row i. A weight is scale · step · code: one scale per output, a whole step of -15 to 15 per 32
// inputs, a code of -8 to 7. Scale and steps are searched for the least sum of squared errors: a step that cuts the
// largest weights short is often better than one that reaches them, and its sign decides which side reaches to 8.
func (m *Matrix) packInt4(i int, x []float32) {
	top := absMaxRef(x)
	if top == 0 || math.IsInf(float64(top), 0) || top != top {
		return
	}
	groups := (len(x) + stepK - 1) / stepK
	steps, best := make([]int8, groups), make([]int8, groups)
	least := math.Inf(1)
	for _, reach := range []float32{1, 0.85, 0.7} {
		scale := top * reach / (int4Offset * maxStep)
		total := 0.0
		for g := range groups {
			var e float32
			steps[g], e = bestStep(x[g*stepK:min((g+1)*stepK, len(x))], scale)
			total += float64(e)
		}
		if total < least {
			least, m.scales[i] = total, scale
			copy(best, steps)
		}
	}
	for k, v := range x {
		step := best[k/stepK]
		m.steps[m.stepAt(i, k)] = step
		at, shift := m.int4At(i, k)
		code := byte(int4Offset)
		if step != 0 {
			code = byte(nearestCode(float32(v/(m.scales[i]*float32(step)))) + int4Offset)
		}
		m.codes[at] = m.codes[at]&^(15<<shift) | code<<shift
	}
}

// nearestCode rounds to -8 ... 7, ties to even.
func nearestCode(x float32) int {
	const magic = 1.5 * (1 << 23) // adding it leaves no bits behind the point
	return int(min(max(x+magic-magic, -int4Offset), int4Offset-1))
}

// bestStep finds the step for one group of weights and its sum of squared errors.
func bestStep(x []float32, scale float32) (step int8, err float32) {
	largest := float32(0)
	for _, v := range x {
		if v*v > largest*largest {
			largest = v
		}
	}
	err = errorOf(x, scale, 0)
	reach := largest / (-int4Offset * scale) // the step at which the largest weight is -8
	sign := float32(1)
	if reach < 0 {
		sign = -1
	}
	reach *= sign
	low, high := int(math.Ceil(float64(reach*0.7))), int(math.Ceil(float64(reach*1.1)))
	for q := max(low, 1); q <= min(high, maxStep); q++ {
		for _, s := range [2]float32{sign, -sign} {
			if e := errorOf(x, scale, s*float32(q)); e < err {
				step, err = int8(s*float32(q)), e
			}
		}
	}
	return step, err
}

// errorOf is the sum of squared errors of a group under a step.
func errorOf(x []float32, scale, step float32) (sum float32) {
	d := scale * step
	inverse := float32(0)
	if d != 0 {
		inverse = 1 / d
	}
	for _, v := range x {
		e := v - d*float32(nearestCode(float32(v*inverse)))
		sum += e * e
	}
	return sum
}
