// Package siglip is PaliGemma's eye: the SigLIP vision tower without its pooling head, and the linear
// projector that carries its output into the decoder's width. Wiring: "Sigmoid Loss for Language Image
// Pre-Training" (Zhai et al. 2023), with GELU in its tanh form and layer norms before each half of a block.
package siglip

import (
	"fmt"

	"palimpsest.dev/engine/kernel"
	"palimpsest.dev/engine/mat"
	"palimpsest.dev/engine/weights"
)

// Model holds the weights of tower and projector. It is read-only after Load.
type Model struct {
	config    weights.Vision
	width     int            // D, width of the decoder
	round     bool           // round the inputs of matrix products to bfloat16
	patch     *kernel.Matrix // [V, 3·14·14], inputs ordered channel, y, x
	patchBias []float32      // [V]
	position  mat.Mat        // [P, V]
	layers    []layer
	norm      norm           // after the last layer
	projector *kernel.Matrix // [D, V]
	projBias  []float32      // [D]
}

// norm holds the weights of one layer norm.
type norm struct{ weight, bias []float32 } // [V]

// layer holds the weights of one block.
type layer struct {
	norm1, norm2 norm
	qkv          *kernel.Matrix // [3V, V]
	out          *kernel.Matrix // [V, V]
	fc1          *kernel.Matrix // [M, V]
	fc2          *kernel.Matrix // [V, M]
	qkvBias      []float32      // [3V]
	outBias      []float32      // [V]
	fc1Bias      []float32      // [M]
	fc2Bias      []float32      // [V]
}

// Load packs the tower's weights.
func Load(c *weights.Checkpoint, a weights.Arithmetic) (*Model, error) {
	v, l := c.Config.Vision, &loader{c: c, a: a}
	p, width, pixels := v.Patches(), c.Config.Text.Hidden, 3*v.Patch*v.Patch
	m := &Model{config: v, width: width, round: a == weights.BFloat16}
	m.patch = l.matrix(pixels, weights.Part{Name: "vision_tower.embeddings.patch_embedding.weight", N: v.Hidden})
	m.patchBias = l.vector("vision_tower.embeddings.patch_embedding.bias", v.Hidden)
	m.position = mat.Mat{Data: l.vector("vision_tower.embeddings.position_embedding.weight", p, v.Hidden), Rows: p, Cols: v.Hidden}
	for i := range v.Layers {
		m.layers = append(m.layers, l.layer(fmt.Sprintf("vision_tower.encoder.layers.%d.", i), v))
	}
	m.norm = l.norm("vision_tower.post_layernorm", v.Hidden)
	m.projector = l.matrix(v.Hidden, weights.Part{Name: "multi_modal_projector.linear.weight", N: width})
	m.projBias = l.vector("multi_modal_projector.linear.bias", width)
	if l.err != nil {
		return nil, fmt.Errorf("vision tower: %w", l.err)
	}
	return m, nil
}

// Bytes is the memory the weights take.
func (m *Model) Bytes() int64 {
	n := m.patch.Bytes() + m.projector.Bytes() + int64(len(m.position.Data))*4
	for _, l := range m.layers {
		n += l.qkv.Bytes() + l.out.Bytes() + l.fc1.Bytes() + l.fc2.Bytes()
	}
	return n
}

// Patches is the number of rows Encode yields for one image.
func (m *Model) Patches() int { return m.position.Rows }

// loader fills fields and keeps the first error.
type loader struct {
	c   *weights.Checkpoint
	a   weights.Arithmetic
	err error
}

func (l *loader) vector(name string, shape ...int) []float32 {
	if l.err != nil {
		return nil
	}
	var v []float32
	v, l.err = l.c.Vector(name, shape...)
	return v
}

func (l *loader) matrix(k int, parts ...weights.Part) *kernel.Matrix {
	if l.err != nil {
		return nil
	}
	var m *kernel.Matrix
	m, l.err = l.c.Matrix(l.a, k, parts...)
	return m
}

func (l *loader) norm(prefix string, n int) norm {
	return norm{l.vector(prefix+".weight", n), l.vector(prefix+".bias", n)}
}

// layer loads one block; queries, keys and values become one matrix.
func (l *loader) layer(prefix string, v weights.Vision) layer {
	attn, w := prefix+"self_attn.", v.Hidden
	out := layer{
		norm1: l.norm(prefix+"layer_norm1", w),
		norm2: l.norm(prefix+"layer_norm2", w),
		qkv: l.matrix(w, weights.Part{Name: attn + "q_proj.weight", N: w}, weights.Part{Name: attn + "k_proj.weight", N: w},
			weights.Part{Name: attn + "v_proj.weight", N: w}),
		out: l.matrix(w, weights.Part{Name: attn + "out_proj.weight", N: w}),
		fc1: l.matrix(w, weights.Part{Name: prefix + "mlp.fc1.weight", N: v.MLP}),
		fc2: l.matrix(v.MLP, weights.Part{Name: prefix + "mlp.fc2.weight", N: w}),
	}
	for _, name := range []string{"q_proj", "k_proj", "v_proj"} {
		out.qkvBias = append(out.qkvBias, l.vector(attn+name+".bias", w)...)
	}
	out.outBias = l.vector(attn+"out_proj.bias", w)
	out.fc1Bias = l.vector(prefix+"mlp.fc1.bias", v.MLP)
	out.fc2Bias = l.vector(prefix+"mlp.fc2.bias", w)
	return out
}
