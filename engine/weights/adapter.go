package weights

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"palimpsest.dev/engine/kernel"
)

// The names of the files in an adapter's folder, as the library PEFT writes them.
const (
	adapterConfig  = "adapter_config.json"
	adapterWeights = "adapter_model.safetensors"
)

// maxLoRARank bounds the inner width of a low-rank update; published ones have 4 to 256.
const maxLoRARank = 4096

// rawAdapter mirrors adapter_config.json, as far as it changes what is computed.
type rawAdapter struct {
	Type         string         `json:"peft_type"`
	Rank         int            `json:"r"`
	Alpha        float64        `json:"lora_alpha"`
	RankStable   bool           `json:"use_rslora"`
	DoRA         bool           `json:"use_dora"`
	Transposed   bool           `json:"fan_in_fan_out"`
	AlphaPattern map[string]any `json:"alpha_pattern"`
	RankPattern  map[string]any `json:"rank_pattern"`
}

// update is the low-rank change of one matrix [N, k]: scale · b · a.
type update struct {
	a, b  Tensor // [r, k], [N, r]
	scale float64
}

// Adapt merges the LoRA adapter in the folder dir ("LoRA: Low-Rank Adaptation of Large Language Models", Hu et
// al. 2021, as PEFT stores it): from then on every matrix that it names reads as W + scale·B·A, rounded to how W
// is stored, and every tensor that it holds whole replaces the base's. The sum is made when a tensor is read; the
// checkpoint itself stays mapped and unchanged. The fingerprint of the checkpoint covers the adapter.
func (c *Checkpoint) Adapt(dir string) error {
	fail := func(err error) error { return fmt.Errorf("weights: adapter %s: %w", dir, err) }
	if c.from != nil {
		return fail(fmt.Errorf("%s is packed; adapters are merged while packing, from the published files", c.dir))
	}
	scale, err := readAdapterConfig(dir)
	if err != nil {
		return fail(err)
	}
	path := filepath.Join(dir, adapterWeights)
	data, unmap, err := mapFile(path)
	if err != nil {
		return fail(err)
	}
	c.unmap = append(c.unmap, unmap)
	tensors, err := Parse(data)
	if err != nil {
		return fail(err)
	}
	halves := map[string]*update{}
	for _, t := range tensors {
		name, half := adapterName(t.Name)
		if half == 0 {
			base, ok := c.tensors[name]
			if !ok || !slices.Equal(base.Shape, t.Shape) {
				return fail(fmt.Errorf("tensor %q of shape %v replaces none of the checkpoint's; the adapter belongs to another one", t.Name, t.Shape))
			}
			t.Name = name
			c.tensors[name] = t
			continue
		}
		u := halves[name]
		if u == nil {
			u = &update{scale: scale}
			halves[name] = u
		}
		if half == 'A' {
			u.a = t
		} else {
			u.b = t
		}
	}
	for name, u := range halves {
		base, ok := c.tensors[name]
		if !ok {
			return fail(fmt.Errorf("it changes tensor %q, which the checkpoint does not have; the adapter belongs to another one", name))
		}
		if err := u.check(base); err != nil {
			return fail(fmt.Errorf("tensor %q: %w", name, err))
		}
		base.update = u
		c.tensors[name] = base
	}
	c.adapters = append(c.adapters, dir)
	return nil
}

// readAdapterConfig returns what every product B·A is multiplied by.
func readAdapterConfig(dir string) (scale float64, err error) {
	path := filepath.Join(dir, adapterConfig)
	info, err := os.Stat(path)
	if err != nil {
		return 0, fmt.Errorf("%w; an adapter's folder holds %s and %s", err, adapterConfig, adapterWeights)
	}
	if info.Size() > maxConfig {
		return 0, fmt.Errorf("%s has %d bytes, the limit is %d", path, info.Size(), maxConfig)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return 0, err
	}
	return parseAdapterConfig(text)
}

func parseAdapterConfig(text []byte) (scale float64, err error) {
	var r rawAdapter
	if err := json.Unmarshal(text, &r); err != nil {
		return 0, fmt.Errorf("%s: %w", adapterConfig, err)
	}
	switch {
	case r.Type != "LORA":
		return 0, fmt.Errorf("peft_type %q: the engine merges \"LORA\"", r.Type)
	case r.Rank < 1 || r.Rank > maxLoRARank:
		return 0, fmt.Errorf("r is %d, outside 1 to %d", r.Rank, maxLoRARank)
	case !(r.Alpha > 0) || math.IsInf(r.Alpha, 0):
		return 0, fmt.Errorf("lora_alpha is %g, a positive number is expected", r.Alpha)
	case r.DoRA || r.Transposed || len(r.AlphaPattern) > 0 || len(r.RankPattern) > 0:
		return 0, fmt.Errorf("use_dora, fan_in_fan_out, alpha_pattern and rank_pattern are not merged; merge the adapter with PEFT and load the result")
	case r.RankStable:
		return r.Alpha / math.Sqrt(float64(r.Rank)), nil
	}
	return r.Alpha / float64(r.Rank), nil
}

// adapterName turns the name of an adapter's tensor into the normalised name of the tensor it changes. half is
// 'A' or 'B' for the halves of an update and 0 for a tensor that replaces one.
func adapterName(name string) (base string, half byte) {
	name = strings.TrimPrefix(name, "base_model.model.")
	for _, h := range []byte("AB") {
		if base, ok := strings.CutSuffix(name, ".lora_"+string(h)+".weight"); ok {
			return Normalise(base + ".weight"), h
		}
	}
	return Normalise(name), 0
}

// check compares the shapes with the matrix they change.
func (u *update) check(base Tensor) error {
	if len(u.a.Shape) != 2 || len(u.b.Shape) != 2 {
		return fmt.Errorf("one half of the update is missing or no matrix: A %v, B %v", u.a.Shape, u.b.Shape)
	}
	rank := u.a.Shape[0]
	if len(base.Shape) != 2 || u.b.Shape[0] != base.Shape[0] || u.a.Shape[1] != base.Shape[1] || u.b.Shape[1] != rank || rank < 1 || rank > maxLoRARank {
		return fmt.Errorf("the product of B %v and A %v is no change of a matrix %v", u.b.Shape, u.a.Shape, base.Shape)
	}
	return nil
}

// addTo adds scale·b·a to the rows w [r, k] of the matrix, the first of which is row first.
func (u *update) addTo(w []float32, first int) error {
	rank, k := u.a.Shape[0], u.a.Shape[1]
	a := make([]float32, rank*k)
	if err := u.a.read(a, 0); err != nil {
		return err
	}
	b := make([]float32, len(w)/k*rank)
	if err := u.b.read(b, first*rank); err != nil {
		return err
	}
	for i, v := range b {
		row := i / rank
		kernel.Axpy(float32(u.scale*float64(v)), a[i%rank*k:(i%rank+1)*k], w[row*k:(row+1)*k])
	}
	return nil
}
