package weights

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"strings"

	"palimpsest.dev/engine/kernel"
)

// Random is a checkpoint of that configuration with random weights in format f, made in memory as it is asked for. Its
// answers mean nothing, but nothing overflows, so that it takes the time that a trained one takes.
func Random(config Config, f kernel.Format, seed uint64) *Checkpoint {
	return &Checkpoint{Config: config, from: &random{format: f, draw: rand.New(rand.NewPCG(seed, 29))}}
}

// random is a source of made-up numbers.
type random struct {
	format kernel.Format
	draw   *rand.Rand
	count  int64
}

func (r *random) parameters() int64 { return r.count }

func (r *random) vector(name string, n int) ([]float32, error) {
	r.count += int64(n)
	return plainVector(r.draw, name, n), nil
}

// plainVector is ones for the weights of the tower's norms, small numbers for its positions, and zeros else: biases, and the
// decoder's norms, which are stored around zero.
func plainVector(draw *rand.Rand, name string, n int) []float32 {
	v := make([]float32, n)
	tower := strings.HasPrefix(name, "vision_tower.")
	for i := range v {
		switch {
		case strings.HasSuffix(name, "position_embedding.weight"):
			v[i] = float32(draw.NormFloat64() * 0.02)
		case tower && strings.HasSuffix(name, "norm.weight"), tower && strings.HasSuffix(name, "norm1.weight"), tower && strings.HasSuffix(name, "norm2.weight"):
			v[i] = 1
		}
	}
	return v
}

func (r *random) matrix(k int, parts []Part) (*kernel.Matrix, error) {
	e := matrixEntry(k, parts)
	f := FormatOf(r.format, e)
	sizes, err := kernel.FormatSizes(f, e.Rows, e.Cols)
	if err != nil {
		return nil, err
	}
	r.count += e.Numbers()
	codes, steps, scales := alignedMemory(sizes.Codes), make([]int8, sizes.Steps), make([]float32, sizes.Scales/4)
	// The bits of two, four or eight numbers at a time: what varies, and what is the same in all. Weights of floating point
	// lie between 2^-6 and 2^-5, those of int8 and int4 anywhere within their codes.
	keep, set, scale := ^uint64(0), uint64(0), 1.0
	switch f {
	case kernel.Float32Format:
		keep, set = 0x807fffff_807fffff, 0x3c800000_3c800000
	case kernel.BFloat16Format:
		keep, set = 0x807f807f_807f807f, 0x3c803c80_3c803c80
	case kernel.SFPFormat:
		keep, set = 0x87878787_87878787, 0x48484848_48484848
	case kernel.Int8Format:
		scale = 1 / (74 * math.Sqrt(float64(k)))
	case kernel.Int4Format:
		scale = 1 / (4.6 * 8 * math.Sqrt(float64(k)))
	}
	for i := 0; i+8 <= len(codes); i += 8 {
		binary.NativeEndian.PutUint64(codes[i:], r.draw.Uint64()&keep|set)
	}
	for i := range steps {
		steps[i] = int8(6 + r.draw.Uint32()%5)
	}
	for i := range scales {
		scales[i] = float32(scale)
	}
	return kernel.Stored(f, e.Rows, e.Cols, codes, steps, scales)
}
