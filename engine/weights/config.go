package weights

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
)

// maxConfig bounds the bytes of config.json; the published ones have about two thousand.
const maxConfig = 1 << 20

// Config is what the engine needs of config.json, with the defaults of transformers' classes filled in
// where the published files leave a field out, and checked.
type Config struct {
	Text       Text
	Vision     Vision
	ImageToken int   // id that stands for a patch of the image in the prompt
	BOS        int   // id the prompt begins with
	EOS        []int // ids that end an answer
	Tied       bool  // the output table is the embedding table
}

// Text is the decoder: Gemma 2, or the Gemma 1 of PaliGemma 1.
type Text struct {
	Vocab      int     // rows of the embedding table, padding included
	Hidden     int     // D
	MLP        int     // F
	Layers     int     // L
	Heads      int     // H
	KVHeads    int     // K
	HeadDim    int     // d; not Hidden/Heads
	QueryScale float64 // queries are multiplied by QueryScale^-0.5; not always HeadDim
	Epsilon    float64 // of the RMS norms
	Theta      float64 // base of the rotary embedding
	AttnCap    float64 // soft-cap of attention scores; 0: none
	FinalCap   float64 // soft-cap of the logits; 0: none
	Window     int     // keys a generated token sees on sliding layers under the window setting "hf5"
	Sliding    []bool  // by layer
	MaxLength  int     // most positions of a sequence
	// OnlyPreNorms is the wiring of Gemma 1: what attention and MLP compute is added as it is, without a norm
	// of its own, and the norm before the MLP is called post_attention_layernorm.
	OnlyPreNorms bool
}

// Vision is the tower: SigLIP without pooling head.
type Vision struct {
	Hidden  int // V
	MLP     int // M
	Layers  int
	Heads   int     // A
	Image   int     // S
	Patch   int     // side of one patch in pixels
	Epsilon float64 // of the layer norms
}

// Patches is the number of patches of one image, and so of image tokens. The config's own
// num_image_tokens and num_positions are stale in some published files and are not read.
func (v Vision) Patches() int { side := v.Image / v.Patch; return side * side }

// HeadDim is the width of one attention head.
func (v Vision) HeadDim() int { return v.Hidden / v.Heads }

// rawConfig mirrors config.json. Pointers tell null, which switches a soft-cap off, from an absent field.
type rawConfig struct {
	ModelType  string          `json:"model_type"`
	ImageToken *int            `json:"image_token_index"`
	ImageNew   *int            `json:"image_token_id"`
	BOS        *int            `json:"bos_token_id"`
	EOS        json.RawMessage `json:"eos_token_id"`
	Tied       *bool           `json:"tie_word_embeddings"`
	Text       *rawText        `json:"text_config"`
	Vision     *rawVision      `json:"vision_config"`
}

type rawText struct {
	ModelType   string          `json:"model_type"`
	Vocab       int             `json:"vocab_size"`
	Hidden      int             `json:"hidden_size"`
	MLP         int             `json:"intermediate_size"`
	Layers      int             `json:"num_hidden_layers"`
	Heads       int             `json:"num_attention_heads"`
	KVHeads     int             `json:"num_key_value_heads"`
	HeadDim     int             `json:"head_dim"`
	QueryScale  float64         `json:"query_pre_attn_scalar"`
	Epsilon     float64         `json:"rms_norm_eps"`
	Theta       *float64        `json:"rope_theta"`
	Rope        *rawRope        `json:"rope_parameters"`
	RopeScaling json.RawMessage `json:"rope_scaling"`
	AttnCap     *float64        `json:"attn_logit_softcapping"`
	FinalCap    *float64        `json:"final_logit_softcapping"`
	Window      *int            `json:"sliding_window"`
	LayerTypes  []string        `json:"layer_types"`
	MaxLength   int             `json:"max_position_embeddings"`
	Activation  string          `json:"hidden_activation"`
	Act         string          `json:"hidden_act"`
	Bias        bool            `json:"attention_bias"`
	BOS         *int            `json:"bos_token_id"`
	EOS         json.RawMessage `json:"eos_token_id"`
	Tied        *bool           `json:"tie_word_embeddings"`
}

type rawRope struct {
	Theta *float64 `json:"rope_theta"`
	Type  string   `json:"rope_type"`
}

type rawVision struct {
	ModelType  string  `json:"model_type"`
	Hidden     int     `json:"hidden_size"`
	MLP        int     `json:"intermediate_size"`
	Layers     int     `json:"num_hidden_layers"`
	Heads      int     `json:"num_attention_heads"`
	Channels   int     `json:"num_channels"`
	Image      int     `json:"image_size"`
	Patch      int     `json:"patch_size"`
	Activation string  `json:"hidden_act"`
	Epsilon    float64 `json:"layer_norm_eps"`
}

// defaults returns what transformers' PaliGemmaConfig, Gemma2Config and SiglipVisionConfig assume for
// fields a file leaves out. The published 3B files rely on heads, head_dim, image_size and more.
func defaults() rawConfig {
	attn, final, theta, window, tied := 50.0, 30.0, 1e4, 4096, true
	return rawConfig{
		Tied: &tied,
		Text: &rawText{Vocab: 256000, Hidden: 2304, MLP: 9216, Layers: 26, Heads: 8, KVHeads: 4, HeadDim: 256, QueryScale: 256,
			Epsilon: 1e-6, Theta: &theta, AttnCap: &attn, FinalCap: &final, Window: &window, MaxLength: 8192, Activation: "gelu_pytorch_tanh"},
		Vision: &rawVision{Hidden: 768, MLP: 3072, Layers: 12, Heads: 12, Channels: 3, Image: 224, Patch: 16,
			Activation: "gelu_pytorch_tanh", Epsilon: 1e-6},
	}
}

// The decoders the engine runs, by their model_type.
const (
	gemma1 = "gemma"  // PaliGemma 1
	gemma2 = "gemma2" // PaliGemma 2
)

// gemma1Defaults is what GemmaConfig assumes for fields that a PaliGemma 1 leaves out.
func gemma1Defaults() rawText {
	theta := 1e4
	return rawText{Vocab: 256000, Hidden: 3072, MLP: 24576, Layers: 28, Heads: 16, KVHeads: 16, HeadDim: 256, Epsilon: 1e-6,
		Theta: &theta, MaxLength: 8192, Activation: "gelu_pytorch_tanh"}
}

// asGemma1 puts what Gemma 1 does not have out of the way of what is common: queries are scaled by the width
// of a head, nothing is capped and no layer has a window. Its files name the activation in one of two fields,
// and early ones call it "gelu" although the weights were trained with the tanh form, as transformers notes.
func (r *rawText) asGemma1() {
	if r.Act != "" && r.Activation == "" {
		r.Activation = r.Act
	}
	if r.Activation == "gelu" || r.Activation == "" {
		r.Activation = "gelu_pytorch_tanh"
	}
	r.QueryScale = float64(r.HeadDim)
	r.AttnCap, r.FinalCap, r.Window, r.LayerTypes = nil, nil, nil, nil
}

// ReadConfig reads config.json of the checkpoint folder dir.
func ReadConfig(dir string) (Config, error) {
	path := filepath.Join(dir, "config.json")
	info, err := os.Stat(path)
	if err != nil {
		return Config{}, fmt.Errorf("weights: %w; a checkpoint folder holds config.json, the weights and the tokenizer", err)
	}
	if info.Size() > maxConfig {
		return Config{}, fmt.Errorf("weights: %s has %d bytes, the limit is %d", path, info.Size(), maxConfig)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return Config{}, fmt.Errorf("weights: %w", err)
	}
	c, err := ParseConfig(text)
	if err != nil {
		return Config{}, fmt.Errorf("weights: %s: %w", path, err)
	}
	return c, nil
}

// ParseConfig reads the text of a config.json.
func ParseConfig(text []byte) (Config, error) {
	var kind struct {
		Text struct {
			ModelType string `json:"model_type"`
		} `json:"text_config"`
	}
	if err := json.Unmarshal(text, &kind); err != nil {
		return Config{}, err
	}
	raw := defaults()
	if kind.Text.ModelType == gemma1 {
		*raw.Text = gemma1Defaults()
	}
	if err := json.Unmarshal(text, &raw); err != nil {
		return Config{}, err
	}
	var present map[string]json.RawMessage
	if err := json.Unmarshal(text, &present); err != nil {
		return Config{}, err
	}
	if raw.ModelType != "paligemma" {
		return Config{}, fmt.Errorf("model_type %q: the engine runs \"paligemma\"", raw.ModelType)
	}
	if present["text_config"] == nil || present["vision_config"] == nil || raw.Text == nil || raw.Vision == nil {
		return Config{}, fmt.Errorf("text_config or vision_config is missing; both belong to a PaliGemma")
	}
	switch raw.Text.ModelType {
	case gemma2:
	case gemma1:
		raw.Text.asGemma1()
	default:
		return Config{}, fmt.Errorf("text_config.model_type %q: the engine runs PaliGemma 2 and 1, whose decoders are %q and %q", raw.Text.ModelType, gemma2, gemma1)
	}
	text2, err := raw.Text.config()
	if err != nil {
		return Config{}, fmt.Errorf("text_config: %w", err)
	}
	vision, err := raw.Vision.config()
	if err != nil {
		return Config{}, fmt.Errorf("vision_config: %w", err)
	}
	c := Config{Text: text2, Vision: vision}
	// In text_config the tie is a leftover of the base model when the top level says otherwise.
	c.Tied = raw.Tied == nil || *raw.Tied
	return c, c.ids(raw)
}

// ids fills in the special ids: those of the top level, and those of text_config where that is silent.
// text_config.eos_token_id of the published files names <end_of_turn> too, a leftover that ends nothing here.
func (c *Config) ids(raw rawConfig) error {
	image := raw.ImageToken
	if image == nil {
		image = raw.ImageNew
	}
	bos := raw.BOS
	if bos == nil {
		bos = raw.Text.BOS
	}
	if image == nil {
		return fmt.Errorf("image_token_index is missing")
	}
	c.ImageToken, c.BOS = *image, 2 // 2: default of Gemma2Config
	if bos != nil {
		c.BOS = *bos
	}
	for _, source := range []json.RawMessage{raw.EOS, raw.Text.EOS, json.RawMessage("1")} {
		ids, err := idList(source)
		if err != nil {
			return fmt.Errorf("eos_token_id: %w", err)
		}
		if len(ids) > 0 {
			c.EOS = ids
			break
		}
	}
	for _, id := range append([]int{c.BOS}, c.EOS...) {
		if id < 0 || id >= c.Text.Vocab {
			return fmt.Errorf("special id %d lies outside the vocabulary of %d", id, c.Text.Vocab)
		}
	}
	if c.ImageToken < 0 {
		return fmt.Errorf("image_token_index %d is negative", c.ImageToken)
	}
	return nil
}

// idList reads one id or a list of them; null and nothing are the empty list.
func idList(text json.RawMessage) ([]int, error) {
	if len(text) == 0 || string(text) == "null" {
		return nil, nil
	}
	var one int
	if json.Unmarshal(text, &one) == nil {
		return []int{one}, nil
	}
	var many []int
	err := json.Unmarshal(text, &many)
	return many, err
}

// config checks the decoder's fields and turns them into the engine's terms.
func (r *rawText) config() (Text, error) {
	t := Text{Vocab: r.Vocab, Hidden: r.Hidden, MLP: r.MLP, Layers: r.Layers, Heads: r.Heads, KVHeads: r.KVHeads, HeadDim: r.HeadDim,
		QueryScale: r.QueryScale, Epsilon: r.Epsilon, Theta: 1e4, MaxLength: r.MaxLength, OnlyPreNorms: r.ModelType == gemma1}
	if r.Theta != nil {
		t.Theta = *r.Theta
	}
	if r.Rope != nil {
		if r.Rope.Theta != nil {
			t.Theta = *r.Rope.Theta
		}
		if r.Rope.Type != "" && r.Rope.Type != "default" {
			return t, fmt.Errorf("rope_type %q: Gemma 2 uses \"default\"", r.Rope.Type)
		}
	}
	if len(r.RopeScaling) > 0 && string(r.RopeScaling) != "null" {
		return t, fmt.Errorf("rope_scaling is not part of Gemma 2")
	}
	if r.AttnCap != nil {
		t.AttnCap = *r.AttnCap
	}
	if r.FinalCap != nil {
		t.FinalCap = *r.FinalCap
	}
	if r.Window != nil {
		t.Window = *r.Window
	}
	if err := checkRanges([]fieldRange{
		{"vocab_size", t.Vocab, 1, 1 << 22}, {"hidden_size", t.Hidden, 1, 1 << 16}, {"intermediate_size", t.MLP, 1, 1 << 18},
		{"num_hidden_layers", t.Layers, 1, 1 << 10}, {"num_attention_heads", t.Heads, 1, 1 << 10}, {"num_key_value_heads", t.KVHeads, 1, t.Heads},
		{"head_dim", t.HeadDim, 2, 1 << 10}, {"max_position_embeddings", t.MaxLength, 1, 1 << 17},
	}); err != nil {
		return t, err
	}
	if t.Heads%t.KVHeads != 0 || t.HeadDim%2 != 0 {
		return t, fmt.Errorf("%d heads over %d key/value heads of width %d: heads must divide evenly and the width be even", t.Heads, t.KVHeads, t.HeadDim)
	}
	if !(t.QueryScale > 0) || !(t.Epsilon > 0) || !(t.Theta > 0) || t.AttnCap < 0 || t.FinalCap < 0 {
		return t, fmt.Errorf("query_pre_attn_scalar %g, rms_norm_eps %g, rope_theta %g and the soft-caps %g, %g must be positive", t.QueryScale, t.Epsilon, t.Theta, t.AttnCap, t.FinalCap)
	}
	if r.Activation != "gelu_pytorch_tanh" || r.Bias {
		return t, fmt.Errorf("hidden_activation %q, attention_bias %v: Gemma 2 has \"gelu_pytorch_tanh\" and no biases", r.Activation, r.Bias)
	}
	if len(r.LayerTypes) > 0 && len(r.LayerTypes) != t.Layers {
		return t, fmt.Errorf("%d layer_types for %d layers", len(r.LayerTypes), t.Layers)
	}
	t.Sliding = make([]bool, t.Layers)
	for i := range t.Sliding {
		t.Sliding[i] = i%2 == 0
		if len(r.LayerTypes) > 0 {
			t.Sliding[i] = r.LayerTypes[i] == "sliding_attention"
			if !slices.Contains([]string{"sliding_attention", "full_attention"}, r.LayerTypes[i]) {
				return t, fmt.Errorf("layer_types[%d] is %q", i, r.LayerTypes[i])
			}
		}
		t.Sliding[i] = t.Sliding[i] && t.Window > 0
	}
	return t, nil
}

// config checks the tower's fields and turns them into the engine's terms.
func (r *rawVision) config() (Vision, error) {
	v := Vision{Hidden: r.Hidden, MLP: r.MLP, Layers: r.Layers, Heads: r.Heads, Image: r.Image, Patch: r.Patch, Epsilon: r.Epsilon}
	if err := checkRanges([]fieldRange{
		{"hidden_size", v.Hidden, 1, 1 << 16}, {"intermediate_size", v.MLP, 1, 1 << 18}, {"num_hidden_layers", v.Layers, 1, 1 << 10},
		{"num_attention_heads", v.Heads, 1, 1 << 10}, {"image_size", v.Image, 1, 1 << 12}, {"patch_size", v.Patch, 1, v.Image}, {"num_channels", r.Channels, 3, 3},
	}); err != nil {
		return v, err
	}
	if v.Hidden%v.Heads != 0 {
		return v, fmt.Errorf("hidden_size %d is no multiple of %d heads", v.Hidden, v.Heads)
	}
	if !(v.Epsilon > 0) || r.Activation != "gelu_pytorch_tanh" {
		return v, fmt.Errorf("layer_norm_eps %g, hidden_act %q: the tower has a positive one and \"gelu_pytorch_tanh\"", v.Epsilon, r.Activation)
	}
	return v, nil
}

// fieldRange is a field with the values it may have.
type fieldRange struct {
	name            string
	value, min, max int
}

// checkRanges names the first field outside its range.
func checkRanges(fields []fieldRange) error {
	for _, f := range fields {
		if f.value < f.min || f.value > f.max {
			return fmt.Errorf("%s is %d, outside %d to %d", f.name, f.value, f.min, f.max)
		}
	}
	return nil
}
