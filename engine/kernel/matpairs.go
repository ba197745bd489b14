package kernel

import "sync"

// Products of bfloat16 by bfloat16, two at a time where the processor multiplies pairs. A product of two bfloat16 is exact in
// float32, and the sums run over the inputs in order: all implementations return the same bits, but where numbers smaller than
// 2^-126 are lost, which the instruction for pairs takes for zeros.

// tilePairs is tileBF16 over pairs of inputs rounded to bfloat16: two to an element of a, the earlier one in the upper half; k
// counts inputs, and lda elements. An odd last input has a zero beside it.
type tilePairs func(dst *float32, ldd int, a *uint32, lda int, b *uint16, ldb int, k int, add *float32, ldadd int)

// MatMulRounded is MatMul over inputs rounded to bfloat16, the nearest, ties to even. It may round them in place.
func MatMulRounded(p Runner, dst []float32, ldd int, a []float32, lda, rows int, m *Matrix, bias []float32) {
	if rows == 0 {
		return
	}
	job := product{dst: dst, ldd: ldd, a: a, lda: lda, rows: rows, m: m, bias: bias, im: active}
	job.check()
	if m.bf16 == nil || job.im.tiles[0].pairs == nil {
		if Alone(p, rows, rows*m.k) {
			for i := range rows {
				RoundRow(a[i*lda : i*lda+m.k])
			}
		} else {
			EachRow(p, rows, rows*m.k, func(i int) { RoundRow(a[i*lda : i*lda+m.k]) })
		}
		MatMul(p, dst, ldd, a, lda, rows, m, bias)
		return
	}
	in := pairsPool.Get().(*pairs)
	defer pairsPool.Put(in)
	in.round(p, job.im, a, lda, rows, m.k)
	job.pairs, job.ldp = in.codes, in.stride
	if alone(p, rows, m) {
		job.run(0, blocksOf(rows, blockRows), 0, paddedN(m.n)/groupWidth)
		return
	}
	shared := job // what runs on other threads lies on the heap
	spread(p, rows, blockRows, m, (&shared).run)
}

// pairs are the rows of one product in bfloat16.
type pairs struct {
	stride int      // pairs a row
	codes  []uint32 // [R, stride]
}

var pairsPool = sync.Pool{New: func() any { return new(pairs) }}

// round rounds rows of k inputs.
func (in *pairs) round(p Runner, im *implementation, a []float32, lda, rows, k int) {
	in.stride = (k + 1) / 2
	in.codes = room(in.codes, rows*in.stride)
	if Alone(p, rows, rows*k) {
		for i := range rows {
			im.roundPairs(in.codes[i*in.stride:(i+1)*in.stride], a[i*lda:i*lda+k])
		}
		return
	}
	EachRow(p, rows, rows*k, func(i int) { im.roundPairs(in.codes[i*in.stride:(i+1)*in.stride], a[i*lda:i*lda+k]) })
}

func roundPairsRef(dst []uint32, x []float32) {
	for i := range dst {
		dst[i] = uint32(RoundBFloat16(x[2*i])) << 16
		if 2*i+1 < len(x) {
			dst[i] |= uint32(RoundBFloat16(x[2*i+1]))
		}
	}
}
