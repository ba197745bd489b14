package engine

import (
	"fmt"
	"image"
	"runtime/debug"
	"time"

	"palimpsest.dev/engine/gemma"
	"palimpsest.dev/engine/kernel"
	"palimpsest.dev/engine/mat"
	"palimpsest.dev/engine/pool"
	"palimpsest.dev/engine/siglip"
)

// laneWeights is the size of a model up to which each thread computes sequences of its own, from pixels to
// logits, instead of sharing every matrix product with the others. A product of a small model lasts
// microseconds, less than it takes to spread it and wait for the slowest; its weights stay in the caches.
// A larger model would be read from memory once per thread. Results are the same either way.
const laneWeights = 64 << 20

// startRows is how many image rows are started together on a large model: enough that each weight read from
// memory is used often, few enough that running sequences soon get their next token.
const startRows = 512

// keptCaches bounds the memory of caches that wait for their next sequence.
const keptCaches = 64 << 20

// lane is the scratch memory of one thread, or of all threads together.
type lane struct {
	vision   siglip.State
	text     gemma.State
	inputs   mat.Buffer
	scratch  []float32 // [W]
	images   []*image.RGBA
	segments []gemma.Segment
}

// keptScratch is the most scratch memory that one half of the model keeps from page to page. Pages of 224 pixels stay
// under it; for one of 896 the halves would hold a quarter of a gigabyte each, of which only one is ever in use, and
// taking it anew costs a thousandth of the page's time.
const keptScratch = 128 << 20

// leaveVision gives the tower's scratch memory back before the decoder begins, if it is large; leaveText the decoder's
// before the next image. The collection makes room at once, where the next one might be a long way off.
func (l *lane) leaveVision() {
	if l.vision.Bytes() > keptScratch {
		l.vision = siglip.State{}
		debug.FreeOSMemory()
	}
}

func (l *lane) leaveText() {
	if l.text.Bytes()+l.inputs.Bytes() > keptScratch {
		l.text, l.inputs = gemma.State{}, mat.Buffer{}
		debug.FreeOSMemory()
	}
}

// runner computes what the scheduler decides. It implements batch.Model.
type runner struct {
	vision  *siglip.Model
	text    *gemma.Model
	pool    *pool.Pool
	sampler sampler
	ends    map[int32]bool // ids that end an answer
	lanes   []lane         // one per thread for a small model, else one
	keep    bool           // keep caches for reuse
	caches  []*gemma.Cache // free ones
	kept    int64          // bytes of them
}

// newRunner makes a runner for loaded weights; each thread computes its own sequences if they are no larger
// than lanes bytes.
func newRunner(v *siglip.Model, t *gemma.Model, p *pool.Pool, lanes int64) *runner {
	r := &runner{vision: v, text: t, pool: p, lanes: make([]lane, 1)}
	if v.Bytes()+t.Bytes() <= lanes {
		r.lanes = make([]lane, p.Threads())
	}
	for i := range r.lanes {
		r.lanes[i].scratch = make([]float32, t.Vocab())
	}
	return r
}

// starts is how many sequences are best started in one turn.
func (r *runner) starts() int { return max(len(r.lanes), startRows/r.vision.Patches()) }

// Start computes the image and the prompt of each sequence, and its first token.
func (r *runner) Start(joining []*sequence) {
	now := time.Now()
	for _, s := range joining {
		s.began, s.cache = now, r.cache()
	}
	lanes := min(len(r.lanes), len(joining))
	if lanes <= 1 {
		r.prefill(&r.lanes[0], r.pool, joining)
		return
	}
	r.pool.Run(lanes, func(i int) {
		for j := i; j < len(joining); j += lanes {
			r.prefill(&r.lanes[i], nil, joining[j:j+1])
		}
	})
}

// prefill starts sequences in one pass.
func (r *runner) prefill(l *lane, run kernel.Runner, joining []*sequence) {
	abandoned := func() bool {
		for _, s := range joining {
			if s.ctx.Err() == nil {
				return false
			}
		}
		return true
	}
	l.images, l.segments = l.images[:0], l.segments[:0]
	rows, patches := 0, r.vision.Patches()
	for _, s := range joining {
		n := len(s.images)*patches + len(s.prompt)
		l.images = append(l.images, s.images...)
		l.segments = append(l.segments, gemma.Segment{Cache: s.cache, Rows: n})
		rows += n
	}
	features, err := r.vision.Encode(run, &l.vision, l.images, abandoned, nil) // [B·P, D]
	if err == nil && !abandoned() {
		x := l.inputs.Mat(rows, r.text.Width()) // [R, D]
		at, seen := 0, 0                        // rows of x and of the features
		for _, s := range joining {
			n := len(s.images) * patches // images stand one behind the other, without anything between
			copy(x.Slice(at, at+n).Data, features.Slice(seen, seen+n).Data)
			for j, id := range s.prompt {
				r.text.Embed(id, x.Row(at+n+j))
			}
			at, seen = at+n+len(s.prompt), seen+n
		}
		l.leaveVision()
		logits := r.text.Forward(run, &l.text, l.segments, x, abandoned, nil) // [B, W]
		if !abandoned() {
			r.take(l, joining, logits)
		}
		l.leaveText()
	}
	now := time.Now()
	for _, s := range joining {
		s.images, s.first, s.ended = nil, now, now
		if err != nil {
			s.err = err
		} else if s.repeats.ids == nil && s.scoring == nil && !s.done() || s.scoring != nil && !s.scoring.begun {
			// no token was taken: the pass was given up
			s.err = s.ctx.Err()
		}
	}
}

// Step computes the next token of each sequence.
func (r *runner) Step(running []*sequence) {
	lanes := min(len(r.lanes), len(running))
	if len(r.lanes) == 1 {
		r.step(&r.lanes[0], r.pool, running)
		return
	}
	if lanes == 1 {
		r.step(&r.lanes[0], nil, running)
		return
	}
	r.pool.Run(lanes, func(i int) {
		r.step(&r.lanes[i], nil, running[i*len(running)/lanes:(i+1)*len(running)/lanes])
	})
}

// step decodes some sequences by one token.
func (r *runner) step(l *lane, run kernel.Runner, running []*sequence) {
	x := l.inputs.Mat(len(running), r.text.Width()) // [B, D]
	l.segments = l.segments[:0]
	for i, s := range running {
		r.text.Embed(s.last, x.Row(i))
		l.segments = append(l.segments, gemma.Segment{Cache: s.cache, Rows: 1})
	}
	logits := r.text.Forward(run, &l.text, l.segments, x, nil, nil) // [B, W]
	r.take(l, running, logits)
	now := time.Now()
	for _, s := range running {
		s.ended = now
	}
}

// take goes on with each sequence by its row of logits [B, W].
func (r *runner) take(l *lane, seqs []*sequence, logits mat.Mat) {
	for i, s := range seqs {
		if s.scoring != nil {
			s.score(r.sampler.normalise(logits.Row(i), l.scratch))
			continue
		}
		id, logProb := r.sampler.pick(logits.Row(i), l.scratch, s.matcher)
		switch {
		case logProb != logProb:
			s.err = fmt.Errorf("%w: after %d tokens the probabilities are not numbers; the weights are damaged", ErrModel, len(s.repeats.ids))
		case id < 0 || r.ends[id]:
			s.stop = StopEnd
			if s.matcher != nil && s.matcher.Closing() {
				s.stop = StopLength // it would have gone on
			}
		default:
			s.write(id, logProb)
		}
	}
}

// Done says whether a sequence needs no further step.
func (r *runner) Done(s *sequence) bool { return s.done() }

// Release takes the sequence's cache back.
func (r *runner) Release(s *sequence, err error) {
	c := s.cache
	s.cache = nil
	if c != nil && r.keep && r.kept+c.Bytes() <= keptCaches {
		c.Reset()
		r.caches = append(r.caches, c)
		r.kept += c.Bytes()
	}
}

// cache is an empty cache, a used one if there is any.
func (r *runner) cache() *gemma.Cache {
	if n := len(r.caches); n > 0 {
		c := r.caches[n-1]
		r.caches = r.caches[:n-1]
		r.kept -= c.Bytes()
		return c
	}
	return r.text.NewCache()
}
