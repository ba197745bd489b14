package weights_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"palimpsest.dev/engine/enginetest"
	"palimpsest.dev/engine/weights"
)

// write puts files into a folder.
func write(t *testing.T, dir string, files map[string][]byte) {
	t.Helper()
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o666); err != nil {
			t.Fatal(err)
		}
	}
}

// checkpoint writes a random checkpoint.
func checkpoint(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := enginetest.WriteCheckpoint(dir, enginetest.Shape{}); err != nil {
		t.Fatal(err)
	}
	return dir
}

func array(name string, first float32, n int) enginetest.Array {
	a := enginetest.Array{Name: name, Shape: []int{n}, Data: make([]float32, n)}
	for i := range a.Data {
		a.Data[i] = first + float32(i)
	}
	return a
}

func TestShards(t *testing.T) {
	t.Parallel()
	dir := checkpoint(t)
	if err := os.Remove(filepath.Join(dir, "model.safetensors")); err != nil {
		t.Fatal(err)
	}
	// The second file holds a stale copy of x, which the index does not name.
	write(t, dir, map[string][]byte{
		"a.safetensors": enginetest.Safetensors([]enginetest.Array{array("language_model.model.x", 1, 3)}, false),
		"b.safetensors": enginetest.Safetensors([]enginetest.Array{array("language_model.model.x", 100, 3), array("model.vision_tower.y", 5, 2)}, true),
	})
	index := func(where map[string]string) {
		text, err := json.Marshal(map[string]any{"weight_map": where})
		if err != nil {
			t.Fatal(err)
		}
		write(t, dir, map[string][]byte{"model.safetensors.index.json": text})
	}
	index(map[string]string{"language_model.model.x": "a.safetensors", "model.vision_tower.y": "b.safetensors"})
	c, err := weights.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	x, errX := c.Vector("language_model.x", 3)
	y, errY := c.Vector("vision_tower.y", 2)
	if errX != nil || errY != nil || !slices.Equal(x, []float32{1, 2, 3}) || !slices.Equal(y, []float32{5, 6}) || c.Parameters() != 5 {
		t.Errorf("x %v %v, y %v %v, %d parameters", x, errX, y, errY, c.Parameters())
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	for want, where := range map[string]map[string]string{
		"does not hold":     {"language_model.model.x": "a.safetensors", "model.vision_tower.y": "a.safetensors"},
		"no such file":      {"language_model.model.x": "c.safetensors"},
		"beside the index":  {"language_model.model.x": "../a.safetensors"},
		"there twice":       {"language_model.model.x": "a.safetensors", "model.language_model.x": "d.safetensors"},
		"model.safetensors": nil,
	} {
		write(t, dir, map[string][]byte{"d.safetensors": enginetest.Safetensors([]enginetest.Array{array("model.language_model.x", 1, 3)}, false)})
		index(where)
		if where == nil {
			os.Remove(filepath.Join(dir, "model.safetensors.index.json"))
		}
		if _, err := weights.Open(dir); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("index %v: %v, want something about %q", where, err, want)
		}
	}
}

func TestTensorsMustFitTheConfiguration(t *testing.T) {
	t.Parallel()
	c, err := weights.Open(checkpoint(t))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	const norm, up = "language_model.norm.weight", "language_model.layers.0.mlp.up_proj.weight"
	if _, err := c.Tensor(norm, 48); err != nil {
		t.Error(err)
	}
	if !c.Has(norm) || c.Has("norm") || !slices.Contains(c.Names(), norm) {
		t.Errorf("names %v", c.Names())
	}
	for _, err := range []error{second(c.Tensor(norm, 47)), second(c.Tensor("nothing", 1)), second(c.Matrix(weights.Float32, 48, weights.Part{Name: up, N: 81})),
		second(c.Matrix(weights.Float32, 48, weights.Part{Name: norm, N: 1})), second(c.Matrix(weights.Float32, 48))} {
		if err == nil {
			t.Error("a tensor of the wrong shape was accepted")
		}
	}
	wide, err := c.Matrix(weights.Float32, 48, weights.Part{Name: up, N: 80})
	if err != nil || wide.BFloat16() || wide.N() != 80 || wide.K() != 48 {
		t.Errorf("%v", err)
	}
	narrow, err := c.Matrix(weights.BFloat16, 3*14*14, weights.Part{Name: "vision_tower.embeddings.patch_embedding.weight", N: 32})
	if err != nil || !narrow.BFloat16() {
		t.Errorf("%v", err)
	}
}

// second is the error of a pair.
func second[T any](_ T, err error) error { return err }

func TestHash(t *testing.T) {
	t.Parallel()
	dir := checkpoint(t)
	hash := func() string {
		c, err := weights.Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		h, err := c.Hash()
		if err != nil {
			t.Fatal(err)
		}
		return h
	}
	first := hash()
	write(t, dir, map[string][]byte{"palimpsest.json": []byte("{}"), "README.md": nil})
	if hash() != first {
		t.Error("a profile changes the fingerprint of the weights")
	}
	tokens, err := os.ReadFile(filepath.Join(dir, "tokenizer.json"))
	if err != nil {
		t.Fatal(err)
	}
	write(t, dir, map[string][]byte{"tokenizer.json": append(tokens, ' ')})
	if hash() == first {
		t.Error("another tokenizer has the same fingerprint")
	}
}
