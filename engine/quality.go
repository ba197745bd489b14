package engine

import (
	"context"
	"fmt"
	"image"
	"math"
	"slices"

	"palimpsest.dev/engine/gemma"
	"palimpsest.dev/engine/kernel"
	"palimpsest.dev/engine/mat"
	"palimpsest.dev/engine/pool"
	"palimpsest.dev/engine/siglip"
	"palimpsest.dev/engine/weights"
)

// QualityLimit is how many times the error that noise of a format's size causes a packed model may be off by. docs/decisions.md
// argues for it.
const QualityLimit = 1.5

// qualityOutputs bounds the tokens whose logits are compared: the rows of the table are drawn alike, so that more of them say
// nothing more.
const qualityOutputs = 1 << 14

// qualityIDs is how many rows of the table the prompt and the answer are taken from.
const qualityIDs = 64

// QualityOptions says what MeasureQuality compares.
type QualityOptions struct {
	Weights []string // formats, of PackedFormats
	Prompt  int      // tokens behind the image; at least 1
	Steps   int      // tokens of the answer; at least 1
	Layers  int      // of tower and decoder at most; 0: all
	Threads int      // 0: as many as the process may use
	Memory  int64    // budget in bytes that the tower and a layer of the decoder in float32 must fit
	Seed    uint64
}

// QualityStage is how far a stage is off: root of the mean square of the difference over that of the values in float32. Limit is
// QualityLimit times what noise of the format's size, by its definition, does to the float32 computation.
type QualityStage struct{ Error, Limit float64 }

// Quality is how far a format is off from float32, on one model of normal weights.
type Quality struct {
	Weights string
	Vision  QualityStage // features of the image, in the decoder's width
	Prefill QualityStage // logits of the first token of the answer
	Decode  QualityStage // logits of the tokens after it
}

// Within says whether every stage is within its limit.
func (q Quality) Within() bool {
	for _, s := range []QualityStage{q.Vision, q.Prefill, q.Decode} {
		if !(s.Error <= s.Limit) {
			return false
		}
	}
	return true
}

// MeasureQuality draws one model of normal weights in that configuration and compares its answers in every format with those in
// float32: an image of noise, a prompt, and an answer whose tokens are given, so that all say the same. Every format goes on from
// its own errors. One layer of the decoder is in memory at a time, and one tower, whatever the model's size.
func MeasureQuality(ctx context.Context, c weights.Config, o QualityOptions) ([]Quality, error) {
	if o.Prompt < 1 || o.Steps < 1 || o.Layers < 0 || o.Threads < 0 || len(o.Weights) == 0 {
		return nil, fmt.Errorf("engine: a prompt of %d, %d steps, %d layers on %d threads, %d formats: prompt, steps and formats must be at least 1, the others 0",
			o.Prompt, o.Steps, o.Layers, o.Threads, len(o.Weights))
	}
	for _, f := range o.Weights {
		if !slices.Contains(PackedFormats(), f) {
			return nil, fmt.Errorf("engine: weights %q; there are %v", f, PackedFormats())
		}
	}
	if n := c.Vision.Patches() + o.Prompt + o.Steps; n > c.Text.MaxLength {
		return nil, fmt.Errorf("engine: image, prompt and answer take %d positions, the model has %d", n, c.Text.MaxLength)
	}
	q := &quality{options: o, config: shortened(c, o.Layers), stop: func() bool { return ctx.Err() != nil }}
	d, err := Describe(q.part(0), o.Prompt)
	if err != nil {
		return nil, err
	}
	if err := d.CheckMemory(string(kernel.Float32Format), o.Memory); err != nil {
		return nil, fmt.Errorf("%w (of the tower and one layer of the decoder)", err)
	}
	q.pool = pool.New(o.Threads)
	defer q.pool.Close()
	q.variants = []*variant{{format: kernel.Float32Format}}
	for _, f := range o.Weights {
		q.variants = append(q.variants, &variant{format: kernel.Format(f)}, &variant{format: kernel.Format(f), noisy: true})
	}
	if err := q.run(ctx); err != nil {
		return nil, err
	}
	return q.results(), nil
}

// shortened has at most that many layers, in the tower as in the decoder; 0: all.
func shortened(c weights.Config, layers int) weights.Config {
	if layers > 0 {
		c.Vision.Layers, c.Text.Layers = min(layers, c.Vision.Layers), min(layers, c.Text.Layers)
		c.Text.Sliding = c.Text.Sliding[:min(layers, len(c.Text.Sliding))]
	}
	return c
}

// quality is one run of MeasureQuality.
type quality struct {
	options  QualityOptions
	config   weights.Config
	pool     *pool.Pool
	stop     func() bool
	variants []*variant // float32, then every format and float32 with its noise
	scratch  gemma.State
}

// variant is one way to keep the weights, and where its computation is.
type variant struct {
	format kernel.Format
	noisy  bool
	// The features of the image; the rows of image and prompt, and of the answer, before the next layer; the logits in the end.
	features, prefix, answer mat.Mat // [P, D], [T, D], [S, D]
	logits                   mat.Mat // [1+S, W]
}

// part is the configuration of layer i of the decoder alone. The table has the tokens that are asked with, and behind the last
// layer those that are compared.
func (q *quality) part(i int) weights.Config {
	c := q.config
	c.Text.Vocab = min(qualityIDs, c.Text.Vocab)
	if i == q.config.Text.Layers-1 {
		c.Text.Vocab = min(qualityOutputs, q.config.Text.Vocab)
	}
	if len(c.Text.Sliding) > i {
		c.Text.Sliding = c.Text.Sliding[i : i+1]
	}
	c.Text.Layers, c.Text.MaxLength = 1, c.Vision.Patches()+q.options.Prompt+q.options.Steps
	return c
}

// draw is how the weights of a variant are made.
func (q *quality) draw(v *variant, layer int) weights.Draw {
	return weights.Draw{Format: v.format, Noisy: v.noisy, Seed: q.options.Seed, Layer: layer, Run: q.pool}
}

// run takes all variants through the tower and then, layer by layer, through the decoder.
func (q *quality) run(ctx context.Context) error {
	for _, v := range q.variants {
		if err := q.see(v); err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	for i := range q.config.Text.Layers {
		for _, v := range q.variants {
			if err := q.layer(v, i); err != nil {
				return err
			}
			if err := ctx.Err(); err != nil {
				return err
			}
		}
	}
	return nil
}

// see computes the tower.
func (q *quality) see(v *variant) error {
	m, err := siglip.Load(weights.Drawn(q.config, q.draw(v, 0)), weights.Float32)
	if err != nil {
		return err
	}
	features, err := m.Encode(q.pool, new(siglip.State), []*image.RGBA{noiseImage(q.config.Vision.Image)}, q.stop, nil)
	v.features = features
	return err
}

// layer computes layer i of the decoder: the prefix first, then the answer token by token, as if the layers before had been
// computed for each in turn.
func (q *quality) layer(v *variant, i int) error {
	m, err := gemma.Load(weights.Drawn(q.part(i), q.draw(v, i)), gemma.Options{}, nil)
	if err != nil {
		return err
	}
	if i == 0 {
		q.begin(v, m)
	}
	if i == q.config.Text.Layers-1 {
		v.logits = mat.New(1+q.options.Steps, m.Vocab())
	}
	cache := m.NewCache()
	q.rows(v, m, cache, i, 0, v.prefix)
	for s := range q.options.Steps {
		q.rows(v, m, cache, i, 1+s, v.answer.Slice(s, s+1))
	}
	return nil
}

// rows takes x through layer i: in place, or to the logits in row at behind the last one.
func (q *quality) rows(v *variant, m *gemma.Model, cache *gemma.Cache, i, at int, x mat.Mat) {
	segments := []gemma.Segment{{Cache: cache, Rows: x.Rows}}
	work := mat.New(x.Rows, x.Cols)
	copy(work.Data, x.Data)
	if i == q.config.Text.Layers-1 {
		copy(v.logits.Row(at), m.Forward(q.pool, &q.scratch, segments, work, q.stop, nil).Data)
		return
	}
	m.Forward(q.pool, &q.scratch, segments, work, q.stop, func(stage string, rows mat.Mat) {
		if stage == "text.layer.0" {
			copy(x.Data, rows.Data)
		}
	})
}

// begin lays out what the decoder reads: features and prompt, and the answer.
func (q *quality) begin(v *variant, m *gemma.Model) {
	v.prefix = mat.New(v.features.Rows+q.options.Prompt, m.Width())
	copy(v.prefix.Data, v.features.Data)
	v.answer = mat.New(q.options.Steps, m.Width())
	for i := range q.options.Prompt {
		m.Embed(int32(i%m.Vocab()), v.prefix.Row(v.features.Rows+i))
	}
	for i := range q.options.Steps {
		m.Embed(int32((q.options.Prompt+i)%m.Vocab()), v.answer.Row(i))
	}
}

// results compares all variants with the first.
func (q *quality) results() []Quality {
	plain := q.variants[0]
	compare := func(pair []*variant, of func(*variant) mat.Mat) QualityStage {
		return QualityStage{relativeError(of(pair[0]), of(plain)), QualityLimit * relativeError(of(pair[1]), of(plain))}
	}
	var all []Quality
	for i, name := range q.options.Weights {
		pair := q.variants[1+2*i : 3+2*i]
		all = append(all, Quality{Weights: name,
			Vision:  compare(pair, func(v *variant) mat.Mat { return v.features }),
			Prefill: compare(pair, func(v *variant) mat.Mat { return v.logits.Slice(0, 1) }),
			Decode:  compare(pair, func(v *variant) mat.Mat { return v.logits.Slice(1, v.logits.Rows) })})
	}
	return all
}

// relativeError is the root of the mean square of the difference, over that of want.
func relativeError(got, want mat.Mat) float64 {
	squares, all := 0.0, 0.0
	for i, w := range want.Data {
		d := float64(got.Data[i]) - float64(w)
		squares, all = squares+d*d, all+float64(w)*float64(w)
	}
	return math.Sqrt(squares / all)
}
