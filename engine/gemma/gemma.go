// Package gemma is PaliGemma's decoder: Gemma 2 ("Gemma 2: Improving Open Language Models at a Practical
// Size", 2024), or the Gemma 1 of PaliGemma 1, which has half the norms and neither caps nor windows, with the prefix-LM mask of PaliGemma, over which image and prompt see all of themselves and
// the answer sees what came before it. Config, weights and running state are apart: a Model is read-only, a
// Cache belongs to one sequence, a State is scratch of one pass.
package gemma

import (
	"errors"
	"fmt"
	"math"

	"palimpsest.dev/engine/kernel"
	"palimpsest.dev/engine/weights"
)

// Window says what the sliding-window layers of the configuration mean.
type Window string

// The two readings of the window. They differ once image, prompt and answer pass the window's length, which
// of the published resolutions only 896 does.
const (
	// Reference has full attention in every layer: how big_vision trained the published weights.
	Reference Window = "reference"
	// HF5 is what transformers 5 does: the prefix sees all of itself, but on sliding layers a generated
	// token sees only the last positions, itself included, and so loses the image row by row.
	HF5 Window = "hf5"
)

// Options says how a checkpoint is run.
type Options struct {
	Arithmetic weights.Arithmetic // "" is weights.Float32
	Window     Window             // "" is Reference
}

// Model holds the weights of the decoder. It is read-only after Load and may be used by many States at once.
type Model struct {
	config   weights.Text
	window   Window
	round    bool           // round the inputs of matrix products to bfloat16
	half     bool           // keep keys and values as bfloat16
	embed    *kernel.Matrix // [W, D]
	head     *kernel.Matrix // [W, D]; the same as embed where they are tied
	layers   []layer
	norm     []float32 // [D]
	cos, sin []float32 // [MaxLength+1, d/2]
}

// layer holds the weights of one block. All norms are stored around zero: 1 is added when they are used.
type layer struct {
	preAttention, postAttention []float32      // [D]; Gemma 1 has no norms after attention and MLP: nil
	preMLP, postMLP             []float32      // [D]
	q                           *kernel.Matrix // [H·d, D]
	kv                          *kernel.Matrix // [2·K·d, D]: keys, then values
	out                         *kernel.Matrix // [D, H·d]
	gateUp                      *kernel.Matrix // [2F, D]: gate, then up
	down                        *kernel.Matrix // [D, F]
	sliding                     bool           // sees Window keys under HF5
}

// Load packs the decoder's weights, layers side by side on the threads of run.
func Load(c *weights.Checkpoint, o Options, run kernel.Runner) (*Model, error) {
	if o.Arithmetic == "" {
		o.Arithmetic = weights.Float32
	}
	if o.Window == "" {
		o.Window = Reference
	}
	if o.Window != Reference && o.Window != HF5 {
		return nil, fmt.Errorf("gemma: window setting %q; there are %q and %q", o.Window, Reference, HF5)
	}
	t := c.Config.Text
	m := &Model{config: t, window: o.Window, half: HalfCache(c), round: o.Arithmetic == weights.BFloat16, layers: make([]layer, t.Layers)}
	errs := make([]error, t.Layers+1)
	if run == nil {
		run = serial{}
	}
	run.Run(t.Layers+1, func(i int) {
		if i == t.Layers {
			errs[i] = m.loadTables(c, o.Arithmetic)
			return
		}
		m.layers[i], errs[i] = loadLayer(c, o.Arithmetic, i)
	})
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("decoder: %w", err)
	}
	m.cos, m.sin = kernel.RopeTables(t.HeadDim, t.MaxLength+1, t.Theta)
	return m, nil
}

// HalfCache says whether keys and values of a checkpoint are kept as bfloat16: where its weights are packed in 8 or 4 bits, which
// cost more than that rounding.
func HalfCache(c *weights.Checkpoint) bool {
	f, packed := c.Packed()
	return packed && f != kernel.Float32Format && f != kernel.BFloat16Format
}

// serial runs loops on the caller.
type serial struct{}

func (serial) Run(n int, f func(int)) {
	for i := range n {
		f(i)
	}
}

// loadTables loads what lies outside the layers.
func (m *Model) loadTables(c *weights.Checkpoint, a weights.Arithmetic) (err error) {
	t := m.config
	m.embed, err = c.Matrix(a, t.Hidden, weights.Part{Name: "language_model.embed_tokens.weight", N: t.Vocab})
	if err != nil {
		return err
	}
	m.head = m.embed
	if !c.Config.Tied { // stored beside the embeddings by some re-saves of tied models too; then it is no news
		m.head, err = c.Matrix(a, t.Hidden, weights.Part{Name: "language_model.lm_head.weight", N: t.Vocab})
		if err != nil {
			return err
		}
	}
	m.norm, err = c.Vector("language_model.norm.weight", t.Hidden)
	return err
}

// loadLayer loads layer i.
func loadLayer(c *weights.Checkpoint, a weights.Arithmetic, i int) (l layer, err error) {
	t, p := c.Config.Text, fmt.Sprintf("language_model.layers.%d.", i)
	l.sliding = t.Sliding[i]
	type norm struct {
		name string
		to   *[]float32
	}
	norms := []norm{
		{"input_layernorm", &l.preAttention}, {"post_attention_layernorm", &l.postAttention},
		{"pre_feedforward_layernorm", &l.preMLP}, {"post_feedforward_layernorm", &l.postMLP},
	}
	if t.OnlyPreNorms { // the second name then means the norm after the attention's sum, before the MLP
		norms = []norm{{"input_layernorm", &l.preAttention}, {"post_attention_layernorm", &l.preMLP}}
	}
	for _, v := range norms {
		if *v.to, err = c.Vector(p+v.name+".weight", t.Hidden); err != nil {
			return l, err
		}
	}
	queries, keys := t.Heads*t.HeadDim, t.KVHeads*t.HeadDim
	for _, w := range []struct {
		to    **kernel.Matrix
		k     int
		parts []weights.Part
	}{
		{&l.q, t.Hidden, []weights.Part{{Name: p + "self_attn.q_proj.weight", N: queries}}},
		{&l.kv, t.Hidden, []weights.Part{{Name: p + "self_attn.k_proj.weight", N: keys}, {Name: p + "self_attn.v_proj.weight", N: keys}}},
		{&l.out, queries, []weights.Part{{Name: p + "self_attn.o_proj.weight", N: t.Hidden}}},
		{&l.gateUp, t.Hidden, []weights.Part{{Name: p + "mlp.gate_proj.weight", N: t.MLP}, {Name: p + "mlp.up_proj.weight", N: t.MLP}}},
		{&l.down, t.MLP, []weights.Part{{Name: p + "mlp.down_proj.weight", N: t.Hidden}}},
	} {
		if *w.to, err = c.Matrix(a, w.k, w.parts...); err != nil {
			return l, err
		}
	}
	return l, nil
}

// Bytes is the memory the weights take.
func (m *Model) Bytes() int64 {
	n := m.embed.Bytes() + int64(len(m.cos)+len(m.sin))*4
	if m.head != m.embed {
		n += m.head.Bytes()
	}
	for _, l := range m.layers {
		n += l.q.Bytes() + l.kv.Bytes() + l.out.Bytes() + l.gateUp.Bytes() + l.down.Bytes()
	}
	return n
}

// Width is D, the width of the rows Forward takes.
func (m *Model) Width() int { return m.config.Hidden }

// Vocab is W, the number of logits.
func (m *Model) Vocab() int { return m.config.Vocab }

// MaxLength is the most positions a sequence may have.
func (m *Model) MaxLength() int { return m.config.MaxLength }

// Embed writes the embedding of a token to dst [D], scaled by √D as the decoder's input wants it. Rows of
// the vision tower enter without that scale.
func (m *Model) Embed(id int32, dst []float32) {
	m.embed.Row(int(id), dst)
	kernel.Scale(dst, float32(math.Sqrt(float64(m.config.Hidden))))
}

// Cache holds the keys and values of one sequence. It grows as the sequence does.
type Cache struct {
	heads []*kernel.KV // [L, K]
	k     int          // K
}

// NewCache makes an empty cache.
func (m *Model) NewCache() *Cache {
	c := &Cache{heads: make([]*kernel.KV, len(m.layers)*m.config.KVHeads), k: m.config.KVHeads}
	for i := range c.heads {
		if m.half {
			c.heads[i] = kernel.NewHalfKV(m.config.HeadDim)
			continue
		}
		c.heads[i] = kernel.NewKV(m.config.HeadDim)
	}
	return c
}

// CacheBytes is the memory a cache of that many positions takes.
func (m *Model) CacheBytes(positions int) int64 {
	if m.half {
		return CacheBytes(m.config, positions) / 2
	}
	return CacheBytes(m.config, positions)
}

// CacheBytes is the memory a float32 cache of that many positions takes in a decoder of that configuration; one of bfloat16
// takes half.
func CacheBytes(t weights.Text, positions int) int64 {
	return int64(t.Layers*t.KVHeads) * kernel.KVBytes(t.HeadDim, positions)
}

// Reset empties the cache for another sequence and keeps its memory.
func (c *Cache) Reset() {
	for _, h := range c.heads {
		h.Reset()
	}
}

// Truncate forgets the positions from n on, so that another text may follow those before.
func (c *Cache) Truncate(n int) {
	for _, h := range c.heads {
		h.Truncate(n)
	}
}

// Len is the number of positions the cache holds.
func (c *Cache) Len() int { return c.heads[len(c.heads)-1].Len() }

// Bytes is the memory the cache holds.
func (c *Cache) Bytes() int64 {
	n := int64(0)
	for _, h := range c.heads {
		n += h.Bytes()
	}
	return n
}

// layer is the caches of the kv heads of layer i.
func (c *Cache) layer(i int) []*kernel.KV { return c.heads[i*c.k : (i+1)*c.k] }
