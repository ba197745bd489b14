package siglip

import (
	"fmt"
	"image"
	"math"

	"palimpsest.dev/engine/kernel"
	"palimpsest.dev/engine/mat"
)

// mlpRows is how many rows pass the MLP together: enough to use each weight often, few enough that the
// inner activations of a 4,096-patch image stay small.
const mlpRows = 512

// State is the scratch memory of one pass at a time; the zero value is ready. It is reused from pass to
// pass, so that encoding allocates nothing once it has seen the largest batch.
type State struct {
	patches, hidden, normed, qkv, attended, inner, out mat.Buffer
	keys                                               []*kernel.KV // [A]
}

// Bytes is the memory the state holds.
func (s *State) Bytes() int64 {
	n := int64(0)
	for _, b := range []*mat.Buffer{&s.patches, &s.hidden, &s.normed, &s.qkv, &s.attended, &s.inner, &s.out} {
		n += b.Bytes()
	}
	for _, k := range s.keys {
		n += k.Bytes()
	}
	return n
}

// Tap receives the activations after each stage, under the names of the reference values; rows of several
// images follow one another. The matrix is only valid during the call.
type Tap func(stage string, rows mat.Mat)

// Encode computes the features of B images of S x S pixels: [B·P, D], valid until the state is used
// again. The features of an image do not depend on the other images. run spreads the work over threads;
// nil computes on the caller. stop, if not nil, is asked before every layer; when it says true, Encode
// gives up and the result is useless.
func (m *Model) Encode(run kernel.Runner, s *State, images []*image.RGBA, stop func() bool, tap Tap) (mat.Mat, error) {
	c, rows := m.config, len(images)*m.Patches()
	x := s.patches.Mat(rows, 3*c.Patch*c.Patch) // [B·P, 3·14·14]
	for i, img := range images {
		if b := img.Bounds(); b.Dx() != c.Image || b.Dy() != c.Image {
			return mat.Mat{}, fmt.Errorf("siglip: image of %d x %d pixels, the checkpoint sees %d x %d", b.Dx(), b.Dy(), c.Image, c.Image)
		}
		patchRows(x.Slice(i*m.Patches(), (i+1)*m.Patches()), img, c.Patch)
	}
	h := s.hidden.Mat(rows, c.Hidden) // [B·P, V]
	m.linear(run, h, x, m.patch, m.patchBias)
	for i := range rows {
		kernel.Add(h.Row(i), h.Row(i), m.position.Row(i%m.Patches()))
	}
	tap.call("vision.embeddings", h)
	for i := range m.layers {
		if stop != nil && stop() {
			return mat.Mat{}, nil
		}
		m.layers[i].apply(m, run, s, h)
		if tap != nil {
			tap(fmt.Sprintf("vision.layer.%d", i), h)
		}
	}
	m.norm.apply(run, h, h, m.config.Epsilon)
	tap.call("vision.post_layernorm", h)
	out := s.out.Mat(rows, m.width) // [B·P, D]
	m.linear(run, out, h, m.projector, m.projBias)
	tap.call("projector", out)
	return out, nil
}

func (t Tap) call(stage string, rows mat.Mat) {
	if t != nil {
		t(stage, rows)
	}
}

// apply is one block: h += attention(norm1(h)); h += mlp(norm2(h)). h is [B·P, V].
func (l *layer) apply(m *Model, run kernel.Runner, s *State, h mat.Mat) {
	v := m.config.Hidden
	n := s.normed.Mat(h.Rows, v) // [B·P, V]
	l.norm1.apply(run, n, h, m.config.Epsilon)
	qkv := s.qkv.Mat(h.Rows, 3*v) // [B·P, 3V]
	m.linear(run, qkv, n, l.qkv, l.qkvBias)
	a := s.attended.Mat(h.Rows, v) // [B·P, V]
	for from := 0; from < h.Rows; from += m.Patches() {
		m.attend(run, s, a.Slice(from, from+m.Patches()), qkv.Slice(from, from+m.Patches()))
	}
	m.linear(run, n, a, l.out, l.outBias)
	add(run, h, n)
	for from := 0; from < h.Rows; from += mlpRows {
		l.mlp(m, run, s, h.Slice(from, min(from+mlpRows, h.Rows)))
	}
}

// mlp adds fc2(gelu(fc1(norm2(h)))) to some rows.
func (l *layer) mlp(m *Model, run kernel.Runner, s *State, h mat.Mat) {
	n := s.normed.Mat(h.Rows, m.config.Hidden) // [r, V]
	l.norm2.apply(run, n, h, m.config.Epsilon)
	inner := s.inner.Mat(h.Rows, m.config.MLP) // [r, M]
	m.linear(run, inner, n, l.fc1, l.fc1Bias)
	kernel.EachRow(run, h.Rows, h.Rows*m.config.MLP, func(i int) { kernel.GeluTanh(inner.Row(i)) })
	m.linear(run, n, inner, l.fc2, l.fc2Bias)
	add(run, h, n)
}

// attend lets every patch of one image look at every other: qkv [P, 3V] to a [P, V].
func (m *Model) attend(run kernel.Runner, s *State, a, qkv mat.Mat) {
	c, d := m.config, m.config.HeadDim()
	for len(s.keys) < c.Heads {
		s.keys = append(s.keys, kernel.NewKV(d))
	}
	fill := func(head int) {
		k, v := qkv.Data[c.Hidden+head*d:], qkv.Data[2*c.Hidden+head*d:]
		s.keys[head].Reset()
		s.keys[head].Append(k, qkv.Cols, v, qkv.Cols, qkv.Rows)
	}
	if run == nil {
		for head := range c.Heads {
			fill(head)
		}
	} else {
		run.Run(c.Heads, fill)
	}
	kernel.Attend(run, kernel.Attention{
		Dst: a.Data, LdDst: a.Cols, Q: qkv.Data, LdQ: qkv.Cols, Rows: qkv.Rows, Heads: c.Heads, Dim: d,
		KV: s.keys[:c.Heads], Scale: float32(1 / math.Sqrt(float64(d))),
	})
}

// linear is dst = a·wᵀ + bias. In bfloat16 arithmetic it may round a in place: every input here is scratch
// that nobody reads afterwards.
func (m *Model) linear(run kernel.Runner, dst, a mat.Mat, w *kernel.Matrix, bias []float32) {
	if m.round {
		kernel.MatMulRounded(run, dst.Data, dst.Cols, a.Data, a.Cols, a.Rows, w, bias)
		return
	}
	kernel.MatMul(run, dst.Data, dst.Cols, a.Data, a.Cols, a.Rows, w, bias)
}

// apply is the layer norm of every row.
func (n *norm) apply(run kernel.Runner, dst, x mat.Mat, epsilon float64) {
	kernel.EachRow(run, x.Rows, len(x.Data), func(i int) {
		kernel.LayerNorm(dst.Row(i), x.Row(i), n.weight, n.bias, float32(epsilon))
	})
}

// add adds y to x.
func add(run kernel.Runner, x, y mat.Mat) {
	kernel.EachRow(run, x.Rows, len(x.Data), func(i int) { kernel.Add(x.Row(i), x.Row(i), y.Row(i)) })
}

// levels holds the value of each pixel level: level/255·2 - 1, in float32 as the reference computes it.
var levels = func() (t [256]float32) {
	for i := range t {
		t[i] = float32(i)/255*2 - 1
	}
	return t
}()

// patchRows cuts an image into patches, row by row from the top left: dst [P, 3·patch·patch], a row's
// numbers ordered channel, y, x like the weights of the published convolution. Alpha is ignored; pixels
// right and below the last whole patch too.
func patchRows(dst mat.Mat, img *image.RGBA, patch int) {
	side := img.Rect.Dx() / patch
	for p := range dst.Rows {
		row, left, top := dst.Row(p), p%side*patch, p/side*patch
		for y := range patch {
			at := img.PixOffset(img.Rect.Min.X+left, img.Rect.Min.Y+top+y)
			pixels := img.Pix[at : at+4*patch]
			for x := range patch {
				i := y*patch + x
				row[i] = levels[pixels[4*x]]
				row[patch*patch+i] = levels[pixels[4*x+1]]
				row[2*patch*patch+i] = levels[pixels[4*x+2]]
			}
		}
	}
}
