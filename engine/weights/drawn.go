package weights

import (
	"errors"
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"strings"
	"unsafe"

	"palimpsest.dev/engine/kernel"
)

// Draw says how the weights of a made-up model are drawn and kept. Two checkpoints of the same configuration, seed and layer
// have the same weights before they are rounded to their formats.
type Draw struct {
	Format kernel.Format
	// Noisy weights are not packed in the format: they stay float32, with the noise of AddNoise.
	Noisy bool
	Seed  uint64
	// Layer is which of a whole decoder's layers the first one of this configuration is. A decoder of one layer at a time
	// needs the memory of one.
	Layer int
	Run   kernel.Runner // spreads the work; nil computes on the caller
}

// Drawn is a checkpoint of that configuration with normal weights of deviation 1/√K for K inputs, which keep the size of what
// passes them, packed as weights from a file are. Unlike those of Random, they are weights that a format rounds.
func Drawn(config Config, d Draw) *Checkpoint {
	return &Checkpoint{Config: config, from: &drawn{Draw: d}}
}

// drawn is a source of normal numbers.
type drawn struct {
	Draw
	count int64
}

func (d *drawn) parameters() int64 { return d.count }

// stream is where the numbers of a tensor begin: they hang on its name, not on the order of asking.
func (d *drawn) stream(name string, part uint64) *rand.Rand {
	h := fnv.New64a()
	h.Write([]byte(strings.ReplaceAll(name, "language_model.layers.0.", fmt.Sprintf("language_model.layers.%d.", d.Layer))))
	return rand.New(rand.NewPCG(d.Seed^h.Sum64(), part))
}

func (d *drawn) vector(name string, n int) ([]float32, error) {
	d.count += int64(n)
	return plainVector(d.stream(name, 0), name, n), nil
}

func (d *drawn) matrix(k int, parts []Part) (*kernel.Matrix, error) {
	e := matrixEntry(k, parts)
	f := FormatOf(d.Format, e)
	kept := f
	if d.Noisy {
		kept = kernel.Float32Format
	}
	sizes, err := kernel.FormatSizes(kept, e.Rows, k)
	if err != nil {
		return nil, err
	}
	d.count += e.Numbers()
	codes, steps, scales := alignedMemory(sizes.Codes), make([]int8, sizes.Steps), make([]float32, sizes.Scales/4)
	groups := (e.Rows + packRows - 1) / packRows
	failed := make([]error, groups)
	one := func(g int) {
		rows := min(packRows, e.Rows-g*packRows)
		m, err := d.group(f, kept, e.Name, g, rows, k)
		if err != nil {
			failed[g] = err
			return
		}
		c, s, l := m.Parts() // each a whole number of kernel's groups, which follow one another in the whole matrix too
		copy(codes[g*len(c):], c)
		copy(steps[g*len(s):], s)
		copy(scales[g*len(l):], l)
	}
	if d.Run == nil {
		for g := range groups {
			one(g)
		}
	} else {
		d.Run.Run(groups, one)
	}
	if err := errors.Join(failed...); err != nil {
		return nil, err
	}
	return kernel.Stored(kept, e.Rows, k, codes, steps, scales)
}

// group draws some outputs and packs them.
func (d *drawn) group(f, kept kernel.Format, name string, g, rows, k int) (*kernel.Matrix, error) {
	random := d.stream(name, uint64(g))
	w, deviation := make([]float32, rows*k), 1/math.Sqrt(float64(k))
	for i := range w {
		w[i] = float32(random.NormFloat64() * deviation)
	}
	if d.Noisy {
		for r := range rows {
			AddNoise(random, f, w[r*k:(r+1)*k])
		}
	}
	return kernel.Pack(kept, w, rows, k)
}

// alignedMemory is n zeros that begin as the parts of a packed file do.
func alignedMemory(n int64) []byte {
	memory := make([]byte, n+packedAlign)
	skip := packedAlign - int(uintptr(unsafe.Pointer(unsafe.SliceData(memory)))%packedAlign)
	return memory[skip:][:n:n]
}
