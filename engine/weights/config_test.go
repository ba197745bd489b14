package weights

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// released3B is the config.json of the published 3B checkpoint at 224 pixels, with its stale hidden_size and
// without the fields it leaves to the defaults.
const released3B = `{"_vocab_size":257152,"architectures":["PaliGemmaForConditionalGeneration"],"bos_token_id":2,"eos_token_id":1,
"hidden_size":2048,"image_token_index":257152,"model_type":"paligemma","num_hidden_layers":26,"pad_token_id":0,"projection_dim":2304,
"text_config":{"architectures":["Gemma2ForCausalLM"],"attn_logit_softcapping":50.0,"cache_implementation":"hybrid","eos_token_id":[1,107],
"final_logit_softcapping":30.0,"hidden_act":"gelu_pytorch_tanh","hidden_activation":"gelu_pytorch_tanh","hidden_size":2304,"intermediate_size":9216,
"model_type":"gemma2","num_hidden_layers":26,"num_image_tokens":256,"num_key_value_heads":4,"query_pre_attn_scalar":256,"sliding_window":4096,
"torch_dtype":"bfloat16","vocab_size":257216},"torch_dtype":"bfloat16","vision_config":{"hidden_size":1152,"intermediate_size":4304,
"model_type":"siglip_vision_model","num_attention_heads":16,"num_hidden_layers":27,"num_image_tokens":256,"num_positions":256,"patch_size":14,
"projection_dim":2304,"vision_use_head":false}}`

// alternating is the layer pattern of Gemma 2.
func alternating(layers int) []bool {
	s := make([]bool, layers)
	for i := range s {
		s[i] = i%2 == 0
	}
	return s
}

func TestReleasedConfig(t *testing.T) {
	t.Parallel()
	got, err := ParseConfig([]byte(released3B))
	if err != nil {
		t.Fatal(err)
	}
	want := Config{
		Text: Text{Vocab: 257216, Hidden: 2304, MLP: 9216, Layers: 26, Heads: 8, KVHeads: 4, HeadDim: 256, QueryScale: 256, Epsilon: 1e-6,
			Theta: 1e4, AttnCap: 50, FinalCap: 30, Window: 4096, Sliding: alternating(26), MaxLength: 8192},
		Vision:     Vision{Hidden: 1152, MLP: 4304, Layers: 27, Heads: 16, Image: 224, Patch: 14, Epsilon: 1e-6},
		ImageToken: 257152, BOS: 2, EOS: []int{1}, Tied: true,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if got.Vision.Patches() != 256 || got.Vision.HeadDim() != 72 {
		t.Errorf("%d patches, heads of %d", got.Vision.Patches(), got.Vision.HeadDim())
	}
}

// releasedPaliGemma1 is the config.json of the published PaliGemma 1 at 448 pixels, which leaves width of a
// head, epsilon and activation to GemmaConfig.
const releasedPaliGemma1 = `{"_vocab_size":257152,"architectures":["PaliGemmaForConditionalGeneration"],"bos_token_id":2,"eos_token_id":1,
"hidden_size":2048,"ignore_index":-100,"image_token_index":257152,"model_type":"paligemma","pad_token_id":0,"projection_dim":2048,
"text_config":{"hidden_size":2048,"intermediate_size":16384,"model_type":"gemma","num_attention_heads":8,"num_hidden_layers":18,
"num_image_tokens":1024,"num_key_value_heads":1,"torch_dtype":"float32","vocab_size":257216},"torch_dtype":"float32",
"vision_config":{"hidden_size":1152,"image_size":448,"intermediate_size":4304,"model_type":"siglip_vision_model","num_attention_heads":16,
"num_hidden_layers":27,"num_image_tokens":1024,"patch_size":14,"projection_dim":2048,"projector_hidden_act":"gelu_fast","vision_use_head":false}}`

// TestPaliGemma1Config reads the older family's configuration: no soft-caps and no window, whatever the file
// says, and queries scaled by the width of a head.
func TestPaliGemma1Config(t *testing.T) {
	t.Parallel()
	want := Config{
		Text: Text{Vocab: 257216, Hidden: 2048, MLP: 16384, Layers: 18, Heads: 8, KVHeads: 1, HeadDim: 256, QueryScale: 256, Epsilon: 1e-6,
			Theta: 1e4, Sliding: make([]bool, 18), MaxLength: 8192, OnlyPreNorms: true},
		Vision:     Vision{Hidden: 1152, MLP: 4304, Layers: 27, Heads: 16, Image: 448, Patch: 14, Epsilon: 1e-6},
		ImageToken: 257152, BOS: 2, EOS: []int{1}, Tied: true,
	}
	for _, more := range []string{``, `"hidden_act":"gelu",`, `"hidden_act":"gelu_pytorch_tanh","hidden_activation":null,`, `"attn_logit_softcapping":50.0,"sliding_window":64,`} {
		got, err := ParseConfig([]byte(strings.Replace(releasedPaliGemma1, `"model_type":"gemma",`, `"model_type":"gemma",`+more, 1)))
		if err != nil {
			t.Fatalf("%s: %v", more, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", more, diff)
		}
	}
	if _, err := ParseConfig([]byte(strings.Replace(releasedPaliGemma1, `"model_type":"gemma",`, `"model_type":"gemma","hidden_activation":"relu",`, 1))); err == nil {
		t.Error("ReLU was accepted")
	}
}

// TestConfigVariants changes one thing at a time in the released configuration.
func TestConfigVariants(t *testing.T) {
	t.Parallel()
	change := func(pairs ...string) string { return strings.NewReplacer(pairs...).Replace(released3B) }
	for _, c := range []struct {
		name, text string
		check      func(Config) string
	}{
		{"28B", change(`"hidden_size":2304,"intermediate_size":9216`, `"hidden_size":4608,"intermediate_size":36864,"head_dim":128,"num_attention_heads":32`,
			`"num_key_value_heads":4,"query_pre_attn_scalar":256`, `"num_key_value_heads":16,"query_pre_attn_scalar":144`), func(c Config) string {
			return fmt.Sprint(c.Text.HeadDim, c.Text.Heads, c.Text.KVHeads, c.Text.QueryScale)
		}},
		{"soft-caps off", change(`"attn_logit_softcapping":50.0`, `"attn_logit_softcapping":null`, `"final_logit_softcapping":30.0`, `"final_logit_softcapping":null`),
			func(c Config) string { return fmt.Sprint(c.Text.AttnCap, c.Text.FinalCap) }},
		{"soft-caps left out", change(`"attn_logit_softcapping":50.0,`, ``, `"final_logit_softcapping":30.0,`, ``),
			func(c Config) string { return fmt.Sprint(c.Text.AttnCap, c.Text.FinalCap) }},
		{"896 pixels", change(`"num_positions":256`, `"num_positions":256,"image_size":896`), func(c Config) string { return fmt.Sprint(c.Vision.Patches()) }},
		{"newer names", change(`"image_token_index"`, `"image_token_id"`, `"torch_dtype":"bfloat16","vocab_size"`, `"rope_parameters":{"rope_theta":500.0,"rope_type":"default"},"vocab_size"`),
			func(c Config) string { return fmt.Sprint(c.ImageToken, c.Text.Theta) }},
		{"no window", change(`"sliding_window":4096`, `"sliding_window":null`), func(c Config) string { return fmt.Sprint(slices.Contains(c.Text.Sliding, true)) }},
		{"several ends", change(`"eos_token_id":1,`, `"eos_token_id":[1,5],`), func(c Config) string { return fmt.Sprint(c.EOS) }},
		{"ends of the decoder", change(`"eos_token_id":1,`, ``), func(c Config) string { return fmt.Sprint(c.EOS) }},
		{"own output table", change(`"model_type":"paligemma"`, `"model_type":"paligemma","tie_word_embeddings":false`), func(c Config) string { return fmt.Sprint(c.Tied) }},
	} {
		got, err := ParseConfig([]byte(c.text))
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		want := map[string]string{"28B": "128 32 16 144", "soft-caps off": "0 0", "soft-caps left out": "50 30", "896 pixels": "4096", "newer names": "257152 500",
			"no window": "false", "several ends": "[1 5]", "ends of the decoder": "[1 107]", "own output table": "false"}[c.name]
		if s := c.check(got); s != want {
			t.Errorf("%s: %s, want %s", c.name, s, want)
		}
	}
}

func TestConfigRefuses(t *testing.T) {
	t.Parallel()
	for name, pair := range map[string][2]string{
		"another decoder":     {`"model_type":"gemma2"`, `"model_type":"gemma3_text"`},
		"another model":       {`"model_type":"paligemma"`, `"model_type":"llava"`},
		"no vision":           {`"vision_config":{`, `"other":{`},
		"no text":             {`"text_config":{`, `"other":{`},
		"zero layers":         {`"num_hidden_layers":26,"num_image_tokens"`, `"num_hidden_layers":0,"num_image_tokens"`},
		"endless layers":      {`"num_hidden_layers":26,"num_image_tokens"`, `"num_hidden_layers":99999,"num_image_tokens"`},
		"odd head":            {`"query_pre_attn_scalar":256`, `"head_dim":255`},
		"uneven groups":       {`"num_key_value_heads":4`, `"num_key_value_heads":3`},
		"negative width":      {`"hidden_size":2304`, `"hidden_size":-2304`},
		"ReLU":                {`"hidden_activation":"gelu_pytorch_tanh"`, `"hidden_activation":"relu"`},
		"zero scale":          {`"query_pre_attn_scalar":256`, `"query_pre_attn_scalar":0`},
		"rope scaling":        {`"sliding_window":4096`, `"rope_scaling":{"type":"linear"}`},
		"huge image":          {`"num_positions":256`, `"image_size":100000`},
		"patch over image":    {`"patch_size":14`, `"patch_size":500`},
		"heads do not divide": {`"num_attention_heads":16`, `"num_attention_heads":7`},
		"end outside":         {`"eos_token_id":1,`, `"eos_token_id":999999,`},
		"end of no kind":      {`"eos_token_id":1,`, `"eos_token_id":"one",`},
		"no image token":      {`"image_token_index":257152,`, ``},
		"layer types":         {`"sliding_window":4096`, `"layer_types":["full_attention"]`},
		"number as text":      {`"hidden_size":2304`, `"hidden_size":"2304"`},
	} {
		text := strings.Replace(released3B, pair[0], pair[1], 1)
		if text == released3B {
			t.Errorf("%s: nothing was changed", name)
		}
		if c, err := ParseConfig([]byte(text)); err == nil {
			t.Errorf("%s was accepted: %+v", name, c)
		}
	}
}

// FuzzConfig looks for configurations that are accepted although the engine would divide by zero or reserve
// absurd amounts of memory.
func FuzzConfig(f *testing.F) {
	f.Add([]byte(released3B))
	f.Add([]byte(releasedPaliGemma1))
	f.Add([]byte(`{"model_type":"paligemma","image_token_index":5,"text_config":{"model_type":"gemma2"},"vision_config":{}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := ParseConfig(text)
		if err != nil {
			return
		}
		if c.Vision.Patches() < 1 || c.Vision.HeadDim() < 1 || c.Text.Heads%c.Text.KVHeads != 0 || len(c.Text.Sliding) != c.Text.Layers ||
			len(c.EOS) == 0 || c.Text.MaxLength*c.Text.HeadDim > 1<<27 {
			t.Fatalf("accepted %+v", c)
		}
	})
}
