package enginetest

import (
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

// LoadNoisy loads the checkpoint with weights.AddNoise over its matrices: the measure of what a packed model may be off by. The
// result is computed in float32.
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
				weights.AddNoise(random, weights.FormatOf(f, weights.Entry{Name: name, Parts: []weights.Part{{}}}), values[row*k:(row+1)*k])
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
