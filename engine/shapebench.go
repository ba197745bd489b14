package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"image"
	"math/rand/v2"
	"os"
	"slices"
	"time"

	"palimpsest.dev/engine/gemma"
	"palimpsest.dev/engine/kernel"
	"palimpsest.dev/engine/mat"
	"palimpsest.dev/engine/pool"
	"palimpsest.dev/engine/siglip"
	"palimpsest.dev/engine/weights"
)

// BenchOptions says what Bench measures.
type BenchOptions struct {
	Weights string // one of PackedFormats
	// Arithmetic is that of Options; "" is "float32". "bfloat16" lets bf16 weights meet inputs rounded to the same.
	Arithmetic string
	Prompt     int   // tokens around the image, begin mark and newline counted; at least 1
	Steps      int   // tokens of the answer; at least 1
	Pages      int   // pages, of whose times the median counts, after one that does not; at least 1
	Threads    int   // 0: as many as the process may use
	Memory     int64 // budget in bytes that weights and the cache of a page must fit
	// Folder is where the weights are written, packed, and opened and mapped from, as a packed model is; they are removed
	// afterwards. "": they are made in memory.
	Folder string
}

// BenchStage is what one stage of a page took.
type BenchStage struct {
	Seconds    float64 // by the clock, the median of all pages
	Processor  float64 // processor time of all threads in the page of the median; 0 where the system does not say
	Operations int64   // multiplications and additions, counted as two
	Bytes      int64   // weights read, every one once a pass
	// Share is of the ceiling: of arithmetic for tower and prefill, of reading for decoding. ProcessorShare is the same of the
	// time that the processor was given: on a machine with other work, the figure that says something about the program.
	Share, ProcessorShare float64
}

// BenchResult is what Bench measures. Ceilings are the better of two measurements, before and after.
type BenchResult struct {
	Kernel     string
	Threads    int
	Parameters int64
	Weights    int64 // bytes
	Made       time.Duration
	Opened     time.Duration // from the packed file's name to both halves of the model, the median; 0 without a Folder
	Ceilings   kernel.Ceilings
	Vision     BenchStage
	Prefill    BenchStage
	Decode     BenchStage // all steps
	Steps      int
	Peak       int64 // bytes of the process at most; 0 where the system does not say
	Page       int64 // bytes of them that a page takes beside the weights: activations, keys and values
}

// Bench measures a model of that configuration with random weights: one page at a time, from pixels to the last token.
func Bench(ctx context.Context, c weights.Config, o BenchOptions) (BenchResult, error) {
	if o.Prompt < 1 || o.Steps < 1 || o.Pages < 1 || o.Threads < 0 {
		return BenchResult{}, fmt.Errorf("engine: a prompt of %d, %d steps, %d pages on %d threads: each must be at least 1, threads 0", o.Prompt, o.Steps, o.Pages, o.Threads)
	}
	if a := weights.Arithmetic(o.Arithmetic); a != "" && a != weights.Float32 && a != weights.BFloat16 {
		return BenchResult{}, fmt.Errorf("engine: arithmetic %q; there are %q and %q", a, weights.Float32, weights.BFloat16)
	}
	d, err := Describe(c, o.Prompt-2)
	if err != nil {
		return BenchResult{}, err
	}
	if err := d.CheckMemory(o.Weights, o.Memory); err != nil {
		return BenchResult{}, err
	}
	if n := d.Patches + o.Prompt + o.Steps; n > c.Text.MaxLength {
		return BenchResult{}, fmt.Errorf("engine: image, prompt and answer take %d positions, the model has %d", n, c.Text.MaxLength)
	}
	p := pool.New(o.Threads)
	defer p.Close()
	r := BenchResult{Kernel: kernel.Name(), Threads: p.Threads(), Parameters: d.Parameters, Steps: o.Steps, Ceilings: kernel.MeasureCeilings(p, p.Threads())}
	start := time.Now()
	ck := weights.Random(c, kernel.Format(o.Weights), 1)
	b := &bench{pool: p, options: o, config: c}
	if o.Folder != "" {
		if err := b.pack(ck, &r); err != nil {
			return r, err
		}
		defer b.remove()
	} else if err := b.load(ck); err != nil {
		return r, err
	}
	r.Weights, r.Made = b.vision.Bytes()+b.text.Bytes(), time.Since(start)
	before := resetPeak()
	for range o.Pages + 1 {
		if err := b.page(ctx); err != nil {
			return r, err
		}
	}
	if r.Peak = peakMemory(); r.Peak > 0 && o.Folder == "" { // a mapped file comes in with the first page
		r.Page = r.Peak - before
	}
	after := kernel.MeasureCeilings(p, p.Threads())
	r.Ceilings = kernel.Ceilings{Float32: max(r.Ceilings.Float32, after.Float32), Half: max(r.Ceilings.Half, after.Half), Int8: max(r.Ceilings.Int8, after.Int8),
		Int4: max(r.Ceilings.Int4, after.Int4), Read: max(r.Ceilings.Read, after.Read)}
	b.sum(&r, d)
	return r, nil
}

// bench is one run of Bench.
type bench struct {
	pool    *pool.Pool
	options BenchOptions
	config  weights.Config
	vision  *siglip.Model
	text    *gemma.Model
	lane    lane
	cache   *gemma.Cache
	stages  [3][]spent // tower, prefill, decoding; by page
	mapped  *weights.Checkpoint
	folder  string // of the packed file
}

// benchOpens is how often a packed file is opened.
const benchOpens = 5

// load loads both halves of the model.
func (b *bench) load(ck *weights.Checkpoint) (err error) {
	a := weights.Arithmetic(cmp.Or(b.options.Arithmetic, string(weights.Float32)))
	if b.vision, err = siglip.Load(ck, a); err != nil {
		return err
	}
	b.text, err = gemma.Load(ck, gemma.Options{Arithmetic: a}, b.loading(ck))
	return err
}

// loading is what the layers are loaded on: one after the other where they are made up as they are asked for.
func (b *bench) loading(ck *weights.Checkpoint) kernel.Runner {
	if ck == b.mapped {
		return b.pool
	}
	return nil
}

// pack writes the weights, packed, and opens them a few times.
func (b *bench) pack(ck *weights.Checkpoint, r *BenchResult) (err error) {
	if b.folder, err = os.MkdirTemp(b.options.Folder, "palimpsest-bench-"); err != nil {
		return fmt.Errorf("engine: %w", err)
	}
	if err := weights.Pack(ck, b.folder, kernel.Format(b.options.Weights), everything, b.pool); err != nil {
		return errors.Join(err, b.remove())
	}
	var times []time.Duration
	for range benchOpens {
		if b.mapped != nil {
			if err := b.mapped.Close(); err != nil {
				return errors.Join(err, b.remove())
			}
		}
		start := time.Now()
		if b.mapped, err = weights.OpenAs(b.folder, b.config); err == nil {
			err = b.load(b.mapped)
		}
		if err != nil {
			return errors.Join(err, b.remove())
		}
		times = append(times, time.Since(start))
	}
	slices.Sort(times)
	r.Opened = times[len(times)/2]
	return nil
}

// remove unmaps and removes what pack wrote.
func (b *bench) remove() error {
	var err error
	if b.mapped != nil {
		err = b.mapped.Close()
	}
	return errors.Join(err, os.RemoveAll(b.folder))
}

// spent is the time of one stage of one page.
type spent struct{ clock, processor time.Duration }

// page computes one page.
func (b *bench) page(ctx context.Context) error {
	picture := noiseImage(b.config.Vision.Image)
	if b.cache == nil {
		b.cache = b.text.NewCache()
	}
	b.cache.Reset()
	stop := func() bool { return ctx.Err() != nil }
	from := now()
	features, err := b.vision.Encode(b.pool, &b.lane.vision, []*image.RGBA{picture}, stop, nil) // [P, D]
	if err != nil {
		return err
	}
	from = b.took(0, from)
	if err := ctx.Err(); err != nil {
		return err
	}
	x := b.lane.inputs.Mat(features.Rows+b.options.Prompt, b.text.Width()) // [T, D]
	copy(x.Data, features.Data)
	for i := range b.options.Prompt {
		b.text.Embed(int32(100+i), x.Row(features.Rows+i))
	}
	b.lane.leaveVision()
	segments := []gemma.Segment{{Cache: b.cache, Rows: x.Rows}}
	logits := b.text.Forward(b.pool, &b.lane.text, segments, x, stop, nil)
	b.lane.leaveText()
	from = b.took(1, from)
	segments[0].Rows = 1
	for range b.options.Steps {
		if err := ctx.Err(); err != nil {
			return err
		}
		one := b.lane.inputs.Mat(1, b.text.Width())
		b.text.Embed(int32(kernel.ArgMax(logits.Row(0))), one.Row(0))
		logits = b.text.Forward(b.pool, &b.lane.text, segments, one, nil, nil)
	}
	b.took(2, from)
	return checkNumbers(logits)
}

// noiseImage is a square of noise, always the same.
func noiseImage(side int) *image.RGBA {
	picture := image.NewRGBA(image.Rect(0, 0, side, side))
	random := rand.New(rand.NewPCG(3, 4))
	for i := range picture.Pix {
		picture.Pix[i] = uint8(random.Uint32())
	}
	return picture
}

// checkNumbers refuses logits that are no numbers: the random weights are meant to have finite ones.
func checkNumbers(logits mat.Mat) error {
	if v := kernel.Sum(logits.Row(0)); v != v {
		return fmt.Errorf("%w: logits of random weights are no numbers", ErrModel)
	}
	return nil
}

// took notes what a stage took since it began and begins the next.
func (b *bench) took(stage int, from spent) spent {
	to := now()
	b.stages[stage] = append(b.stages[stage], spent{to.clock - from.clock, to.processor - from.processor})
	return to
}

var benchEpoch = time.Now()

func now() spent { return spent{time.Since(benchEpoch), processorUse()} }

// sum turns the times into the result. The first page, whose buffers grow, is left out.
func (b *bench) sum(r *BenchResult, d Description) {
	arithmetic, tower := r.Ceilings.Float32, r.Ceilings.Float32
	switch kernel.Format(b.options.Weights) {
	case kernel.BFloat16Format:
		if b.options.Arithmetic == string(weights.BFloat16) && r.Ceilings.Half > 0 {
			arithmetic, tower = r.Ceilings.Half, r.Ceilings.Half
		}
	case kernel.Int8Format:
		arithmetic, tower = r.Ceilings.Int8, r.Ceilings.Int8
	case kernel.Int4Format:
		arithmetic, tower = r.Ceilings.Int4, r.Ceilings.Int8
	}
	o, text := d.Operations, b.text.Bytes()
	fill := func(s *BenchStage, stage int, operations, bytes int64, work, ceiling float64) {
		times := b.stages[stage][1:]
		slices.SortFunc(times, func(x, y spent) int { return int(x.clock - y.clock) })
		t := times[len(times)/2]
		s.Seconds, s.Processor, s.Operations, s.Bytes = t.clock.Seconds(), t.processor.Seconds(), operations, bytes
		if ceiling > 0 {
			s.Share = work / s.Seconds / ceiling
			if s.Processor > 0 {
				s.ProcessorShare = work / (s.Processor / float64(r.Threads)) / ceiling
			}
		}
	}
	vision, prefill := o.VisionLinear+o.VisionAttention, o.PrefillLinear+o.PrefillAttention
	steps := int64(b.options.Steps)
	fill(&r.Vision, 0, vision, b.vision.Bytes(), float64(vision), tower)
	fill(&r.Prefill, 1, prefill, text, float64(prefill), arithmetic)
	fill(&r.Decode, 2, steps*o.Token, steps*text, float64(steps*text), r.Ceilings.Read)
}
