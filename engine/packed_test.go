package engine

import (
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"palimpsest.dev/engine/enginetest"
	"palimpsest.dev/engine/weights"
)

// pack packs a checkpoint into a new folder.
func pack(t testing.TB, src, format string) string {
	t.Helper()
	dst := filepath.Join(t.TempDir(), "packed")
	if err := Pack(src, dst, PackOptions{Weights: format, Threads: 2}); err != nil {
		t.Fatal(err)
	}
	return dst
}

// answers asks a few questions and returns the tokens with their probabilities.
func answers(t *testing.T, e *Engine, n int) []Token {
	t.Helper()
	var all []Token
	for _, r := range requests(56, n) {
		a, err := e.Submit(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, a.Tokens...)
	}
	return all
}

// TestPackedAnswers: weights that are stored as bfloat16 and packed as bfloat16, or packed as they are, answer to the last
// bit what they answered before, whether the folder or the file in it is named.
func TestPackedAnswers(t *testing.T) {
	t.Parallel()
	for format, narrow := range map[string]bool{"bf16": true, "float32": false} {
		src := checkpoint(t, enginetest.Shape{BFloat16: narrow, Endless: true})
		want := answers(t, open(t, src, Options{}), 6)
		packed := pack(t, src, format)
		for _, path := range []string{packed, filepath.Join(packed, weights.PackedName)} {
			e := open(t, path, Options{})
			if got := answers(t, e, 6); !slices.Equal(got, want) || len(got) < 6 {
				t.Errorf("%s packed as %s: %d tokens differ from %d of the published files", path, format, len(got), len(want))
			}
			if i := e.Info(); i.Weights != format || i.Parameters == 0 || i.Dir != packed {
				t.Errorf("%+v", i)
			}
		}
	}
}

// TestPackedFormats: every format opens and answers; the memory falls with it; each has a fingerprint of its own, which
// stays when the model is packed again.
func TestPackedFormats(t *testing.T) {
	t.Parallel()
	src := checkpoint(t, enginetest.Shape{Endless: true, Width: 64, MLP: 96, VisionMLP: 64})
	last, seen := int64(1)<<40, map[string]bool{}
	for _, format := range PackedFormats() {
		dir := pack(t, src, format)
		if n, _, err := VerifyPacked(dir); err != nil || n < 20 {
			t.Errorf("%s: %d tensors, %v", format, n, err)
		}
		e := open(t, dir, Options{MaxBatch: 3})
		if len(answers(t, e, 3)) < 3 {
			t.Errorf("%s: no answers", format)
		}
		i := e.Info()
		if i.Bytes > last || i.Bytes == last && format != "int8" { // sfp and int8 both have eight bits
			t.Errorf("%s takes %d bytes, the format before %d", format, i.Bytes, last)
		}
		if seen[i.Hash] {
			t.Errorf("%s has the fingerprint of another format", format)
		}
		last, seen[i.Hash] = i.Bytes, true
		again := open(t, pack(t, src, format), Options{})
		if again.Info().Hash != i.Hash {
			t.Errorf("%s: packed again, the fingerprint is another", format)
		}
	}
}

// TestPackedMiniWritesTheReferenceTokens: the default model, packed as bfloat16, writes the tokens it always has.
func TestPackedMiniWritesTheReferenceTokens(t *testing.T) {
	t.Parallel()
	references := readReferences(t)
	plain, packed := open(t, miniDir, Options{}), open(t, pack(t, miniDir, "bf16"), Options{})
	for _, r := range references[:min(4, len(references))] {
		ask := Request{Image: readTile(t, r.Image), Prompt: r.Prompt, MaxTokens: min(r.MaxTokens, 60)}
		want, err := plain.Submit(t.Context(), ask)
		if err != nil {
			t.Fatal(err)
		}
		got, err := packed.Submit(t.Context(), ask)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(got.Tokens, want.Tokens) {
			t.Errorf("%s:\ngot  %s\nwant %s", r.Image, show(got.Text), show(want.Text))
		}
	}
}

// TestPackedAdapter: packing with an adapter is opening with it.
func TestPackedAdapter(t *testing.T) {
	t.Parallel()
	src, adapter := checkpoint(t, enginetest.Shape{Endless: true}), t.TempDir()
	a := enginetest.Array{Name: "base_model.model.language_model.model.layers.0.mlp.down_proj.lora_A.weight", Shape: []int{1, 80}, Data: make([]float32, 80)}
	b := enginetest.Array{Name: "base_model.model.language_model.model.layers.0.mlp.down_proj.lora_B.weight", Shape: []int{48, 1}, Data: make([]float32, 48)}
	for i := range a.Data {
		a.Data[i] = float32(i%7) - 3
	}
	for i := range b.Data {
		b.Data[i] = float32(i%5) - 2
	}
	for name, data := range map[string][]byte{"adapter_config.json": []byte(`{"peft_type":"LORA","r":1,"lora_alpha":1}`),
		"adapter_model.safetensors": enginetest.Safetensors([]enginetest.Array{a, b}, false)} {
		if err := os.WriteFile(filepath.Join(adapter, name), data, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	plain, want := answers(t, open(t, src, Options{}), 4), answers(t, open(t, src, Options{Adapter: adapter}), 4)
	dst := filepath.Join(t.TempDir(), "packed")
	if err := Pack(src, dst, PackOptions{Weights: "float32", Adapter: adapter}); err != nil {
		t.Fatal(err)
	}
	got := answers(t, open(t, dst, Options{}), 4)
	if !slices.Equal(got, want) {
		t.Error("packed with the adapter, the model answers otherwise than opened with it")
	}
	if slices.Equal(plain, want) {
		t.Error("the adapter changes nothing")
	}
	if _, err := Open(dst, Options{Adapter: adapter}); err == nil || !strings.Contains(err.Error(), "is packed") {
		t.Errorf("an adapter over a packed file: %v", err)
	}
}

// TestPackedIsUnmapped: neither a closed engine nor one that failed to open leaves a mapping or a goroutine behind.
func TestPackedIsUnmapped(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("mappings are looked up in /proc/self/maps")
	}
	dir := pack(t, checkpoint(t, enginetest.Shape{}), "int8")
	mapped := func() bool {
		maps, err := os.ReadFile("/proc/self/maps")
		if err != nil {
			t.Fatal(err)
		}
		return strings.Contains(string(maps), dir)
	}
	e, err := Open(dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if !mapped() {
		t.Error("an open engine has no mapping of the packed file")
	}
	for range 2 {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	}
	if mapped() {
		t.Error("the file is still mapped after Close")
	}
	if _, err := Open(dir, Options{MemoryLimit: 1}); err == nil || mapped() {
		t.Errorf("too small a memory limit: %v, mapped: %v", err, mapped())
	}
	config := filepath.Join(dir, "config.json")
	text, err := os.ReadFile(config)
	if err != nil {
		t.Fatal(err)
	}
	changed := strings.Replace(string(text), `"intermediate_size": 80`, `"intermediate_size": 81`, 1)
	if err := os.WriteFile(config, []byte(changed), 0o666); err != nil || changed == string(text) {
		t.Fatal(err)
	}
	_, err = Open(dir, Options{})
	for _, want := range []string{"mlp.gate_proj.weight", "at byte", "160 x 48", "162 x 48"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("another config.json: %v, want %q in it", err, want)
		}
	}
	if mapped() {
		t.Error("the file is still mapped after a failed Open")
	}
}

// TestPackRefuses: an unknown format, a folder that holds weights, weights that are no numbers, packed weights.
func TestPackRefuses(t *testing.T) {
	t.Parallel()
	src := checkpoint(t, enginetest.Shape{})
	packed := pack(t, src, "bf16")
	if err := Pack(src, t.TempDir(), PackOptions{Weights: "int3"}); err == nil || !strings.Contains(err.Error(), "int3") {
		t.Error(err)
	}
	for _, dst := range []string{src, packed} {
		if err := Pack(src, dst, PackOptions{Weights: "int8"}); err == nil || !strings.Contains(err.Error(), "already") {
			t.Errorf("%s: %v", dst, err)
		}
	}
	if err := Pack(packed, t.TempDir(), PackOptions{Weights: "int8"}); err == nil || !strings.Contains(err.Error(), "packed already") {
		t.Error(err)
	}
	both := filepath.Join(packed, "model.safetensors")
	if err := os.WriteFile(both, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(packed, Options{}); err == nil || !strings.Contains(err.Error(), "both") {
		t.Error(err)
	}
	file := filepath.Join(src, "model.safetensors")
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	copy(data[len(data)-4:], []byte{0, 0, 0xc0, 0x7f}) // the last number of the last tensor becomes a NaN
	if err := os.WriteFile(file, data, 0o666); err != nil {
		t.Fatal(err)
	}
	dst := t.TempDir()
	if err := Pack(src, dst, PackOptions{Weights: "int8"}); err == nil || !strings.Contains(err.Error(), "NaN") {
		t.Error(err)
	}
	if left, _ := filepath.Glob(filepath.Join(dst, weights.PackedName+"*")); len(left) > 0 {
		t.Errorf("a failed packing leaves %v", left)
	}
}
