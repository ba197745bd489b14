package weights_test

import (
	"fmt"
	"strings"
	"testing"

	"palimpsest.dev/engine/enginetest"
	"palimpsest.dev/engine/weights"
)

const (
	adapted = "language_model.layers.0.self_attn.q_proj.weight" // [64, 48] in the small checkpoint
	halves  = "base_model.model.model.language_model.layers.0.self_attn.q_proj."
)

// numbered is a tensor of 0, 1, 2 ... times step.
func numbered(name string, step float32, shape ...int) enginetest.Array {
	n := 1
	for _, d := range shape {
		n *= d
	}
	a := array(name, 0, n)
	a.Shape = shape
	for i := range a.Data {
		a.Data[i] *= step
	}
	return a
}

// adapter writes an adapter's folder.
func adapter(t *testing.T, config string, arrays ...enginetest.Array) string {
	t.Helper()
	dir := t.TempDir()
	write(t, dir, map[string][]byte{"adapter_config.json": []byte(config), "adapter_model.safetensors": enginetest.Safetensors(arrays, false)})
	return dir
}

// TestAdapt merges an adapter: the named matrix gains scale·B·A, whatever naming family the adapter was saved
// under, a whole tensor replaces the base's, everything else stays, and the fingerprint changes.
func TestAdapt(t *testing.T) {
	t.Parallel()
	base := checkpoint(t)
	for _, c := range []struct {
		config, prefix string
		scale          float32
	}{
		{`{"peft_type":"LORA","r":2,"lora_alpha":8}`, halves, 4},
		{`{"peft_type":"LORA","r":2,"lora_alpha":8}`, "base_model.model.language_model.model.layers.0.self_attn.q_proj.", 4},
		{`{"peft_type":"LORA","r":4,"lora_alpha":8,"use_rslora":true}`, halves, 4},
	} {
		a, b := numbered(c.prefix+"lora_A.weight", 0.01, 2, 48), numbered(c.prefix+"lora_B.weight", 0.1, 64, 2)
		norm := numbered("base_model.model.model.language_model.norm.weight", 1, 48)
		ck, err := weights.Open(base)
		if err != nil {
			t.Fatal(err)
		}
		defer ck.Close()
		before, err := ck.Vector(adapted, 64, 48)
		if err != nil {
			t.Fatal(err)
		}
		hash, _ := ck.Hash()
		if err := ck.Adapt(adapter(t, c.config, a, b, norm)); err != nil {
			t.Fatal(err)
		}
		after, err := ck.Vector(adapted, 64, 48)
		if err != nil {
			t.Fatal(err)
		}
		for i, v := range after {
			row, col := i/48, i%48
			want := before[i] + c.scale*(b.Data[row*2]*a.Data[col]+b.Data[row*2+1]*a.Data[48+col])
			if d := v - want; d > 1e-4 || d < -1e-4 {
				t.Fatalf("%s: row %d column %d is %v, want %v", c.config, row, col, v, want)
			}
		}
		if v, err := ck.Vector("language_model.norm.weight", 48); err != nil || v[47] != 47 {
			t.Errorf("the replaced norm ends with %v, %v", v, err)
		}
		if h, err := ck.Hash(); err != nil || h == hash {
			t.Errorf("the fingerprint stays %s, %v", h, err)
		}
	}
}

// TestAdaptRefuses names what does not fit.
func TestAdaptRefuses(t *testing.T) {
	t.Parallel()
	base := checkpoint(t)
	const config = `{"peft_type":"LORA","r":2,"lora_alpha":8}`
	a, b := numbered(halves+"lora_A.weight", 1, 2, 48), numbered(halves+"lora_B.weight", 1, 64, 2)
	for want, dir := range map[string]string{
		"peft_type":         adapter(t, `{"peft_type":"IA3","r":2,"lora_alpha":8}`, a, b),
		"r is 0":            adapter(t, `{"peft_type":"LORA","lora_alpha":8}`, a, b),
		"lora_alpha":        adapter(t, `{"peft_type":"LORA","r":2}`, a, b),
		"use_dora":          adapter(t, `{"peft_type":"LORA","r":2,"lora_alpha":8,"use_dora":true}`, a, b),
		"alpha_pattern":     adapter(t, `{"peft_type":"LORA","r":2,"lora_alpha":8,"alpha_pattern":{"q":1}}`, a, b),
		"half of the":       adapter(t, config, a),
		"no change of":      adapter(t, config, a, numbered(halves+"lora_B.weight", 1, 63, 2)),
		"does not have":     adapter(t, config, numbered("base_model.model.model.other.lora_A.weight", 1, 2, 48), numbered("base_model.model.model.other.lora_B.weight", 1, 64, 2)),
		"replaces none":     adapter(t, config, numbered("base_model.model.model.language_model.norm.weight", 1, 49)),
		"adapter_config":    t.TempDir(),
		"unexpected end of": adapter(t, `{`, a, b),
	} {
		ck, err := weights.Open(base)
		if err != nil {
			t.Fatal(err)
		}
		if err := ck.Adapt(dir); err == nil || !strings.Contains(fmt.Sprint(err), want) {
			t.Errorf("%s: %v", want, err)
		}
		ck.Close()
	}
}
