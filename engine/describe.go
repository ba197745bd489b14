package engine

import (
	"fmt"
	"strconv"
	"strings"

	"palimpsest.dev/engine/gemma"
	"palimpsest.dev/engine/kernel"
	"palimpsest.dev/engine/weights"
)

// Description is what a model of some configuration is made of and costs to run, known without its weights.
type Description struct {
	ImageSize  int
	Patches    int   // image tokens
	Parameters int64 // without rows of the embedding table that only pad it
	Padding    int64 // numbers in those rows
	Vision     int64 // of Parameters: the tower
	Projector  int64
	Decoder    int64 // with the embedding table
	Prompt     int   // tokens around the image: begin mark, prompt, newline
	Operations Operations
	Memory     []FormatMemory // by format, the widest first
	Cache      int64          // bytes of keys and values of one page, image and prompt, as float32; 8- and 4-bit formats keep half
	PerToken   int64          // bytes of keys and values of one further token, likewise
}

// Operations are multiplications and additions, counted as two, of one page.
type Operations struct {
	VisionLinear, VisionAttention   int64
	PrefillLinear, PrefillAttention int64 // image and prompt through the decoder, and the logits of one token
	Token                           int64 // one token of the answer, attention left out
}

// FormatMemory is the memory of the weights in one format.
type FormatMemory struct {
	Format  string
	Bytes   int64
	Cache   int64  // bytes of keys and values of one page beside it
	Refusal string // why the format cannot hold the model; "" where it can
}

// Shapes are the sizes and resolutions of the released PaliGemma 2.
var (
	shapeNames = []string{"3b", "10b", "28b"}
	shapeSides = []int{224, 448, 896}
)

// Shape is the configuration of a released PaliGemma 2 by its name, "3b-448"; "3b" alone is at 224. Its embedding
// table has the 257,152 rows that were trained, not the 64 that the published files add.
func Shape(name string) (weights.Config, error) {
	size, side, _ := strings.Cut(strings.ToLower(name), "-")
	image := shapeSides[0]
	if side != "" {
		image, _ = strconv.Atoi(side)
	}
	t := weights.Text{Vocab: 257152, Epsilon: 1e-6, Theta: 1e4, AttnCap: 50, FinalCap: 30, Window: 4096, MaxLength: 8192, HeadDim: 256, QueryScale: 256}
	switch size {
	case "3b":
		t.Hidden, t.MLP, t.Layers, t.Heads, t.KVHeads = 2304, 9216, 26, 8, 4
	case "10b":
		t.Hidden, t.MLP, t.Layers, t.Heads, t.KVHeads = 3584, 14336, 42, 16, 8
	case "28b":
		t.Hidden, t.MLP, t.Layers, t.Heads, t.KVHeads = 4608, 36864, 46, 32, 16
		t.HeadDim, t.QueryScale = 128, 144
	default:
		return weights.Config{}, fmt.Errorf("engine: shape %q; there are %v at %v, as in \"3b-448\"", name, shapeNames, shapeSides)
	}
	if image != 224 && image != 448 && image != 896 {
		return weights.Config{}, fmt.Errorf("engine: shape %q; the resolutions are %v", name, shapeSides)
	}
	t.Sliding = make([]bool, t.Layers)
	for i := range t.Sliding {
		t.Sliding[i] = i%2 == 0
	}
	return weights.Config{
		Text: t, Vision: weights.Vision{Hidden: 1152, MLP: 4304, Layers: 27, Heads: 16, Image: image, Patch: 14, Epsilon: 1e-6},
		ImageToken: 257152, BOS: 2, EOS: []int{1}, Tied: true,
	}, nil
}

// Describe counts what a model of that configuration consists of and costs for a page asked with a prompt of that many
// tokens, the begin mark and the newline not counted.
func Describe(c weights.Config, prompt int) (Description, error) {
	entries, err := weights.Plan(c, everything)
	if err != nil {
		return Description{}, fmt.Errorf("engine: %w", err)
	}
	p := int64(c.Vision.Patches())
	d := Description{ImageSize: c.Vision.Image, Patches: int(p), Prompt: prompt + 2}
	padding := max(0, c.Text.Vocab-c.ImageToken)
	tokens := p + int64(d.Prompt)
	var patchWeights, textWeights, head int64 // of matrices: each meets every patch, every token, the last token
	for _, e := range entries {
		n := e.Numbers()
		if e.Parts != nil && e.Rows == c.Text.Vocab {
			d.Padding += int64(padding) * int64(e.Cols)
			n -= int64(padding) * int64(e.Cols)
			head = e.Numbers()
		}
		switch part, _, _ := strings.Cut(e.Name, "."); {
		case part == "vision_tower":
			d.Vision += n
		case part == "multi_modal_projector":
			d.Projector += n
		default:
			d.Decoder += n
			if e.Parts != nil && e.Rows != c.Text.Vocab {
				textWeights += n
			}
			continue
		}
		if e.Parts != nil {
			patchWeights += n
		}
	}
	d.Parameters = d.Vision + d.Projector + d.Decoder
	t, v := c.Text, c.Vision
	d.Operations = Operations{
		VisionLinear: 2 * p * patchWeights, VisionAttention: 4 * p * p * int64(v.Hidden*v.Layers),
		PrefillLinear: 2 * (tokens*textWeights + head), PrefillAttention: 4 * tokens * tokens * int64(t.Heads*t.HeadDim*t.Layers),
		Token: 2 * (textWeights + head),
	}
	for _, f := range kernel.Formats() {
		m := formatMemory(f, entries)
		m.Cache = gemma.CacheBytes(t, int(tokens))
		if f != kernel.Float32Format && f != kernel.BFloat16Format {
			m.Cache /= 2
		}
		d.Memory = append(d.Memory, m)
	}
	d.Cache = gemma.CacheBytes(t, int(tokens))
	d.PerToken = gemma.CacheBytes(t, 1<<16) >> 16
	return d, nil
}

// formatMemory adds up the weights in a format.
func formatMemory(f kernel.Format, entries []weights.Entry) FormatMemory {
	m := FormatMemory{Format: string(f)}
	for _, e := range entries {
		if e.Parts == nil {
			m.Bytes += int64(e.Rows) * 4
			continue
		}
		sizes, err := kernel.FormatSizes(weights.FormatOf(f, e), e.Rows, e.Cols)
		if err != nil {
			m.Refusal = err.Error()
		}
		m.Bytes += sizes.Total()
	}
	return m
}

// CheckMemory refuses a format whose weights, with the keys and values of one page, pass budget bytes.
func (d Description) CheckMemory(format string, budget int64) error {
	for _, m := range d.Memory {
		switch need := m.Bytes + m.Cache; {
		case m.Format != format:
			continue
		case m.Refusal != "":
			return fmt.Errorf("engine: %s: %s", format, m.Refusal)
		case need > budget:
			return fmt.Errorf("engine: %d parameters in %s take %d bytes, the keys and values of one page of %d pixels %d more, in all %d: the memory budget is %d; choose a narrower format or a smaller shape",
				d.Parameters, format, m.Bytes, d.ImageSize, m.Cache, need, budget)
		}
		return nil
	}
	return fmt.Errorf("engine: weights %q; there are %v", format, PackedFormats())
}
