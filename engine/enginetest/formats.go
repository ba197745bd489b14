package enginetest

import (
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"

	"palimpsest.dev/engine/gemma"
	"palimpsest.dev/engine/kernel"
	"palimpsest.dev/engine/siglip"
	"palimpsest.dev/engine/weights"
)

// LoadPacked packs the checkpoint of the case in format f and loads that. close unmaps it.
func (c *Case) LoadPacked(f kernel.Format, o gemma.Options, run kernel.Runner, tmp string) (m *Models, close func() error, err error) {
	plain, packed := filepath.Join(tmp, "plain"), filepath.Join(tmp, "packed")
	if err := os.Mkdir(plain, 0o777); err != nil {
		return nil, nil, err
	}
	ck, err := c.open(plain, "")
	if err != nil {
		return nil, nil, err
	}
	defer ck.Close()
	everything := func(c *weights.Checkpoint) error {
		if _, err := siglip.Load(c, weights.Float32); err != nil {
			return err
		}
		_, err := gemma.Load(c, gemma.Options{}, nil)
		return err
	}
	if err := weights.Pack(ck, packed, f, everything, run); err != nil {
		return nil, nil, err
	}
	mapped, err := weights.Open(packed)
	if err != nil {
		return nil, nil, err
	}
	m, err = load(mapped, o, run)
	return m, mapped.Close, err
}

// LoadNoisy loads the checkpoint with a normal error added to every weight of its matrices, as large as what storing it in
// format f costs by the format's definition, whatever packs it. The result is computed in float32. It is the measure of
// what a packed model may be off by: how much a model makes of an error in its weights is its own affair.
func (c *Case) LoadNoisy(f kernel.Format, o gemma.Options, run kernel.Runner, tmp string, seed uint64) (*Models, error) {
	plain, noisy := filepath.Join(tmp, "plain"), filepath.Join(tmp, "noisy")
	for _, dir := range []string{plain, noisy} {
		if err := os.Mkdir(dir, 0o777); err != nil {
			return nil, err
		}
	}
	ck, err := c.open(plain, "")
	if err != nil {
		return nil, err
	}
	defer ck.Close()
	config, err := os.ReadFile(filepath.Join(plain, "config.json"))
	if err != nil {
		return nil, err
	}
	random := rand.New(rand.NewPCG(seed, 5))
	var arrays []Array
	for _, name := range ck.Names() {
		shape := ck.Shape(name)
		values, err := ck.Vector(name, shape...)
		if err != nil {
			return nil, err
		}
		if len(shape) > 1 && !strings.Contains(name, "position_embedding") {
			k := len(values) / shape[0]
			for row := range shape[0] {
				addNoise(random, f, name, values[row*k:(row+1)*k])
			}
		}
		arrays = append(arrays, Array{Name: name, Shape: shape, Data: values})
	}
	if err := errorsOf(os.WriteFile(filepath.Join(noisy, "config.json"), config, 0o666),
		os.WriteFile(filepath.Join(noisy, "model.safetensors"), Safetensors(arrays, false), 0o666)); err != nil {
		return nil, err
	}
	other, err := weights.Open(noisy)
	if err != nil {
		return nil, err
	}
	defer other.Close()
	return load(other, o, run)
}

// addNoise adds an error to one output's weights. A number rounded to multiples of a step is off by up to half of it, evenly:
// a deviation of step/√12. The steps, by definition of the formats:
//
//	bf16  2^-7 of the power of two below the weight, or below it: at most 2^-7 · |w|
//	sfp   2^-3 of the power of two below it from 2^-7 on, 2^-2 under that
//	int8  the output's largest weight over 127; and the inputs' largest over 127, which counts the same again
//	int4  the largest of 32 weights over 8; and the inputs as for int8
func addNoise(random *rand.Rand, f kernel.Format, name string, row []float32) {
	e := weights.Entry{Name: name, Parts: []weights.Part{{}}}
	f = weights.FormatOf(f, e)
	const even = 3.4641 // √12
	all := largest(row)
	for from := 0; from < len(row); from += 32 {
		group := row[from:min(from+32, len(row))]
		step := largest(group) / 8
		for i, w := range group {
			magnitude := math.Abs(float64(w))
			deviation := 0.0
			switch f {
			case kernel.BFloat16Format:
				deviation = magnitude / 128 / even
			case kernel.SFPFormat:
				deviation = magnitude / 8 / even
				if magnitude < 0x1p-7 {
					deviation *= 2
				}
			case kernel.Int8Format:
				deviation = math.Sqrt2 * all / 127 / even
			case kernel.Int4Format:
				deviation = math.Hypot(step/even, all/127/even)
			}
			group[i] += float32(deviation * random.NormFloat64())
		}
	}
}

// largest is the largest magnitude.
func largest(x []float32) float64 {
	top := 0.0
	for _, v := range x {
		top = max(top, math.Abs(float64(v)))
	}
	return top
}
