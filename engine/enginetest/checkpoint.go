package enginetest

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Shape is the size of a random checkpoint. A field that is zero has a small value of its own, so that the
// zero Shape is a checkpoint of some hundred thousand parameters for images of 56 pixels.
type Shape struct {
	Image                                  int // side of the image in pixels
	VisionWidth, VisionLayers, VisionHeads int
	VisionMLP                              int
	Width, Layers, Heads, KVHeads, HeadDim int
	MLP                                    int
	Locations                              int // location tokens in the vocabulary; 64
	Padding                                int // rows of the embedding table behind the vocabulary; 7
	Seed                                   uint64
	NoSoftCaps, Sliding                    bool // no soft-caps; a sliding window of 64
	BFloat16                               bool // store the weights as bfloat16
	Endless                                bool // no token ends an answer
}

// complete fills in the small defaults.
func (s Shape) complete() Shape {
	for _, d := range []struct {
		field *int
		value int
	}{
		{&s.Image, 56}, {&s.VisionWidth, 32}, {&s.VisionLayers, 2}, {&s.VisionHeads, 2}, {&s.VisionMLP, 48},
		{&s.Width, 48}, {&s.Layers, 3}, {&s.Heads, 4}, {&s.KVHeads, 2}, {&s.HeadDim, 16}, {&s.MLP, 80}, {&s.Locations, 64}, {&s.Padding, 7},
	} {
		if *d.field == 0 {
			*d.field = d.value
		}
	}
	return s
}

// WriteCheckpoint writes a checkpoint with random weights to the folder dir: config.json,
// model.safetensors and tokenizer.json under the published names. Its answers are nonsense, but they hang on
// every pixel, word and weight, because the weights are large enough for soft-caps, masks and norms to matter.
func WriteCheckpoint(dir string, s Shape) error {
	s = s.complete()
	pieces := vocabulary(s.Locations)
	if s.Endless {
		pieces[1] = "<never>"
	}
	rows := len(pieces) + s.Padding
	config, err := json.MarshalIndent(s.config(rows, slices.Index(pieces, "<image>")), "", " ")
	if err != nil {
		return err
	}
	tokens, err := json.MarshalIndent(tokenizerFile(pieces), "", " ")
	if err != nil {
		return err
	}
	return errorsOf(
		os.WriteFile(filepath.Join(dir, "config.json"), config, 0o666),
		os.WriteFile(filepath.Join(dir, "tokenizer.json"), tokens, 0o666),
		os.WriteFile(filepath.Join(dir, "model.safetensors"), Safetensors(s.tensors(rows), s.BFloat16), 0o666),
	)
}

// errorsOf returns the first error.
func errorsOf(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func (s Shape) config(rows, image int) map[string]any {
	var attn, final any = 50.0, 30.0
	if s.NoSoftCaps {
		attn, final = nil, nil
	}
	end := 1
	if s.Endless {
		end = rows - 1 // a row that only pads the table
	}
	window := 4096
	if s.Sliding {
		window = 64
	}
	return map[string]any{
		"model_type": "paligemma", "image_token_index": image, "hidden_size": 2048, "bos_token_id": 2, "eos_token_id": end,
		"text_config": map[string]any{
			"model_type": "gemma2", "vocab_size": rows, "hidden_size": s.Width, "intermediate_size": s.MLP, "num_hidden_layers": s.Layers,
			"num_attention_heads": s.Heads, "num_key_value_heads": s.KVHeads, "head_dim": s.HeadDim, "query_pre_attn_scalar": s.HeadDim,
			"sliding_window": window, "attn_logit_softcapping": attn, "final_logit_softcapping": final,
		},
		"vision_config": map[string]any{
			"hidden_size": s.VisionWidth, "intermediate_size": s.VisionMLP, "num_attention_heads": s.VisionHeads,
			"num_hidden_layers": s.VisionLayers, "patch_size": 14, "image_size": s.Image,
		},
	}
}

// vocabulary is specials, newline, space, printable ASCII, locations and the image mark.
func vocabulary(locations int) []string {
	pieces := []string{"<pad>", "<eos>", "<bos>", "<unk>", "\n", "▁"}
	for c := '!'; c <= '~'; c++ {
		pieces = append(pieces, string(c))
	}
	for i := range locations {
		pieces = append(pieces, fmt.Sprintf("<loc%04d>", i))
	}
	return append(pieces, "<image>")
}

// tokenizerFile is a byte-pair model over single characters as Hugging Face's tokenizers write it.
func tokenizerFile(pieces []string) map[string]any {
	vocab, added := map[string]int{}, []any{}
	for i, p := range pieces {
		marked := strings.HasPrefix(p, "<") && len(p) > 1
		if marked {
			added = append(added, map[string]any{"id": i, "content": p, "special": !strings.HasPrefix(p, "<loc"),
				"single_word": false, "lstrip": false, "rstrip": false, "normalized": false})
		}
		if !marked || i < 4 {
			vocab[p] = i
		}
	}
	replace := func(from, to string) map[string]any {
		return map[string]any{"type": "Replace", "pattern": map[string]any{"String": from}, "content": to}
	}
	return map[string]any{
		"version": "1.0", "added_tokens": added, "pre_tokenizer": nil, "post_processor": nil,
		"normalizer": replace(" ", "▁"),
		"decoder":    map[string]any{"type": "Sequence", "decoders": []any{replace("▁", " "), map[string]any{"type": "Fuse"}}},
		"model":      map[string]any{"type": "BPE", "unk_token": "<unk>", "byte_fallback": false, "vocab": vocab, "merges": []any{}},
	}
}

// Array is a tensor to be written.
type Array struct {
	Name  string
	Shape []int
	Data  []float32
}

// tensors draws all weights of the checkpoint under their published names.
func (s Shape) tensors(rows int) []Array {
	random := rand.New(rand.NewPCG(s.Seed, 17))
	var all []Array
	draw := func(name string, mean, deviation float64, shape ...int) {
		n := 1
		for _, d := range shape {
			n *= d
		}
		a := Array{name, shape, make([]float32, n)}
		for i := range a.Data {
			a.Data[i] = float32(mean + deviation*random.NormFloat64())
		}
		all = append(all, a)
	}
	linear := func(name string, n, k int, gain float64) { draw(name, 0, gain/math.Sqrt(float64(k)), n, k) }
	v, patches := "vision_tower.vision_model.", (s.Image/14)*(s.Image/14)
	draw(v+"embeddings.patch_embedding.weight", 0, 1.5/math.Sqrt(3*14*14), s.VisionWidth, 3, 14, 14)
	draw(v+"embeddings.patch_embedding.bias", 0, 0.1, s.VisionWidth)
	draw(v+"embeddings.position_embedding.weight", 0, 0.5, patches, s.VisionWidth)
	for i := range s.VisionLayers {
		p := fmt.Sprintf("%sencoder.layers.%d.", v, i)
		for _, name := range []string{"layer_norm1", "layer_norm2"} {
			draw(p+name+".weight", 1, 0.3, s.VisionWidth)
			draw(p+name+".bias", 0, 0.3, s.VisionWidth)
		}
		for _, m := range []struct {
			name string
			n, k int
		}{
			{"self_attn.q_proj", s.VisionWidth, s.VisionWidth}, {"self_attn.k_proj", s.VisionWidth, s.VisionWidth},
			{"self_attn.v_proj", s.VisionWidth, s.VisionWidth}, {"self_attn.out_proj", s.VisionWidth, s.VisionWidth},
			{"mlp.fc1", s.VisionMLP, s.VisionWidth}, {"mlp.fc2", s.VisionWidth, s.VisionMLP},
		} {
			linear(p+m.name+".weight", m.n, m.k, 1.5)
			draw(p+m.name+".bias", 0, 0.1, m.n)
		}
	}
	draw(v+"post_layernorm.weight", 1, 0.3, s.VisionWidth)
	draw(v+"post_layernorm.bias", 0, 0.3, s.VisionWidth)
	linear("multi_modal_projector.linear.weight", s.Width, s.VisionWidth, 1.5)
	draw("multi_modal_projector.linear.bias", 0, 0.1, s.Width)
	t := "language_model.model."
	draw(t+"embed_tokens.weight", 0, 0.1, rows, s.Width)
	for i := range s.Layers {
		p := fmt.Sprintf("%slayers.%d.", t, i)
		for _, name := range []string{"input_layernorm", "pre_feedforward_layernorm"} {
			draw(p+name+".weight", 0, 0.3, s.Width)
		}
		for _, name := range []string{"post_attention_layernorm", "post_feedforward_layernorm"} {
			draw(p+name+".weight", 2, 0.3, s.Width)
		}
		linear(p+"self_attn.q_proj.weight", s.Heads*s.HeadDim, s.Width, 2.5)
		linear(p+"self_attn.k_proj.weight", s.KVHeads*s.HeadDim, s.Width, 2.5)
		linear(p+"self_attn.v_proj.weight", s.KVHeads*s.HeadDim, s.Width, 1.5)
		linear(p+"self_attn.o_proj.weight", s.Width, s.Heads*s.HeadDim, 1.5)
		linear(p+"mlp.gate_proj.weight", s.MLP, s.Width, 1.5)
		linear(p+"mlp.up_proj.weight", s.MLP, s.Width, 1.5)
		linear(p+"mlp.down_proj.weight", s.Width, s.MLP, 1.5)
	}
	draw(t+"norm.weight", 5, 0.3, s.Width)
	return all
}

// Safetensors is a safetensors file with those tensors, as float32 or rounded to bfloat16.
func Safetensors(arrays []Array, narrow bool) []byte {
	type entry struct {
		DType   string `json:"dtype"`
		Shape   []int  `json:"shape"`
		Offsets [2]int `json:"data_offsets"`
	}
	header, data := map[string]entry{}, []byte{}
	for _, a := range arrays {
		from, kind := len(data), "F32"
		for _, x := range a.Data {
			bits := math.Float32bits(x)
			if narrow {
				kind = "BF16"
				data = binary.LittleEndian.AppendUint16(data, uint16((bits+0x7fff+bits>>16&1)>>16))
			} else {
				data = binary.LittleEndian.AppendUint32(data, bits)
			}
		}
		header[a.Name] = entry{kind, a.Shape, [2]int{from, len(data)}}
	}
	text, err := json.Marshal(header)
	if err != nil {
		panic(err) // maps of strings and numbers always encode
	}
	for len(text)%8 != 0 {
		text = append(text, ' ')
	}
	file := binary.LittleEndian.AppendUint64(nil, uint64(len(text)))
	return append(append(file, text...), data...)
}
