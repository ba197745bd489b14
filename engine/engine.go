package engine

import (
	"context"
	"errors"
	"fmt"
	"image"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"palimpsest.dev/engine/batch"
	"palimpsest.dev/engine/gemma"
	"palimpsest.dev/engine/grammar"
	"palimpsest.dev/engine/kernel"
	"palimpsest.dev/engine/pool"
	"palimpsest.dev/engine/siglip"
	"palimpsest.dev/engine/tokenizer"
	"palimpsest.dev/engine/weights"
)

// The errors of Submit that a caller may want to tell apart, besides those of its context.
var (
	ErrRequest = errors.New("engine: the request cannot be answered") // it never can: wrong image, prompt too long
	ErrModel   = errors.New("engine: the model failed")               // the weights compute nonsense
	ErrMemory  = batch.ErrMemory                                      // the request alone passes MemoryLimit
	ErrClosed  = batch.ErrClosed
)

// Engine is one open checkpoint. Its methods may be called from many goroutines.
type Engine struct {
	info      Info
	tokens    *tokenizer.Tokenizer
	bos       int32
	newline   int32
	end       int32 // the id that ends an answer, -1 if the model can write none
	grammars  grammars
	text      *gemma.Model
	patches   int
	pool      *pool.Pool
	runner    *runner
	scheduler *batch.Scheduler[*sequence]
	files     *weights.Checkpoint // a packed file that the weights lie in; nil where they have been copied
	close     sync.Once
	closeErr  error
}

// Open reads the checkpoint folder dir: config.json, the weights in one file or in shards, tokenizer.json or
// tokenizer.model; it returns once the weights are in memory. Of a folder that Pack wrote, named by itself or by its
// packed file, the weights are not read but mapped.
func Open(dir string, o Options) (_ *Engine, err error) {
	if err := o.complete(); err != nil {
		return nil, err
	}
	dir = weights.Folder(dir)
	tokens, err := tokenizer.Load(dir)
	if err != nil {
		return nil, fmt.Errorf("engine: %w", err)
	}
	ck, err := weights.Open(dir)
	if err != nil {
		return nil, fmt.Errorf("engine: %w", err)
	}
	_, packed := ck.Packed()
	defer func() {
		if !packed || err != nil {
			err = errors.Join(err, ck.Close())
		}
	}()
	if o.Adapter != "" {
		if err := ck.Adapt(o.Adapter); err != nil {
			return nil, fmt.Errorf("engine: %w", err)
		}
	}
	e := &Engine{tokens: tokens, patches: ck.Config.Vision.Patches(), pool: pool.New(o.Threads)}
	if packed {
		e.files = ck
	}
	r, err := e.load(ck, o)
	if err != nil {
		e.pool.Close()
		return nil, fmt.Errorf("engine: %s: %w", dir, err)
	}
	limits := batch.Limits{Active: o.MaxBatch, Start: min(r.starts(), o.MaxBatch)}
	if o.MemoryLimit > 0 {
		limits.Memory = o.MemoryLimit - e.info.Bytes
	}
	e.runner, e.scheduler = r, batch.New[*sequence](r, limits)
	return e, nil
}

// complete fills in the defaults and refuses what is not known.
func (o *Options) complete() error {
	if o.Arithmetic == "" {
		o.Arithmetic = string(weights.Float32)
	}
	if o.Window == "" {
		o.Window = string(gemma.Reference)
	}
	if o.laneWeights == 0 {
		o.laneWeights = laneWeights
	}
	if o.MaxBatch == 0 {
		o.MaxBatch = DefaultMaxBatch
	}
	switch {
	case o.Arithmetic != string(weights.Float32) && o.Arithmetic != string(weights.BFloat16):
		return fmt.Errorf("engine: arithmetic %q; there are %q and %q", o.Arithmetic, weights.Float32, weights.BFloat16)
	case o.Window != string(gemma.Reference) && o.Window != string(gemma.HF5):
		return fmt.Errorf("engine: window setting %q; there are %q and %q", o.Window, gemma.Reference, gemma.HF5)
	case o.Threads < 0 || o.MaxBatch < 0 || o.MemoryLimit < 0:
		return fmt.Errorf("engine: %d threads, a batch of %d and a memory limit of %d: none may be negative", o.Threads, o.MaxBatch, o.MemoryLimit)
	}
	return nil
}

// load packs the weights, while the fingerprint is computed beside, and makes what runs them.
func (e *Engine) load(ck *weights.Checkpoint, o Options) (*runner, error) {
	var hash string
	var hashErr error
	var hashing sync.WaitGroup
	hashing.Go(func() { hash, hashErr = ck.Hash() })
	defer hashing.Wait()
	arithmetic := weights.Arithmetic(o.Arithmetic)
	vision, err := siglip.Load(ck, arithmetic)
	if err != nil {
		return nil, err
	}
	e.text, err = gemma.Load(ck, gemma.Options{Arithmetic: arithmetic, Window: gemma.Window(o.Window)}, e.pool)
	if err != nil {
		return nil, err
	}
	r := newRunner(vision, e.text, e.pool, o.laneWeights)
	r.keep = o.MemoryLimit == 0
	if err := e.vocabulary(ck.Config, r); err != nil {
		return nil, err
	}
	hashing.Wait()
	if hashErr != nil {
		return nil, hashErr
	}
	dir, err := filepath.Abs(ck.Dir())
	if err != nil {
		return nil, err
	}
	e.info = Info{
		Name: filepath.Base(dir), Dir: dir, Parameters: ck.Parameters(), ImageSize: ck.Config.Vision.Image, Vocab: r.sampler.vocab,
		Kernel: kernel.Name(), Arithmetic: o.Arithmetic, Weights: weightsFormat(ck), Window: o.Window, Hash: hash, Bytes: vision.Bytes() + e.text.Bytes(),
	}
	if o.MemoryLimit > 0 && e.info.Bytes >= o.MemoryLimit {
		return nil, fmt.Errorf("the weights take %d bytes, the memory limit is %d; raise it or run a smaller checkpoint", e.info.Bytes, o.MemoryLimit)
	}
	return r, nil
}

// vocabulary looks up the ids with a meaning of their own and says which ids may be written. Rows of the
// embedding table behind the tokenizer's vocabulary only pad it: their logits mean nothing.
func (e *Engine) vocabulary(c weights.Config, r *runner) error {
	special := e.tokens.Special()
	e.bos, e.newline = special.BOS, special.Newline
	if e.bos < 0 {
		e.bos = int32(c.BOS)
	}
	if e.newline < 0 {
		return errors.New(`the tokenizer has no token "\n", which ends every prompt`)
	}
	r.sampler.vocab = min(e.tokens.Size(), c.Text.Vocab)
	for _, id := range []int{c.ImageToken, int(special.Image)} {
		if id >= 0 && id < r.sampler.vocab {
			r.sampler.banned = append(r.sampler.banned, int32(id))
		}
	}
	r.ends = map[int32]bool{}
	for _, id := range c.EOS {
		r.ends[int32(id)] = true
	}
	if special.EOS >= 0 {
		r.ends[special.EOS] = true
	}
	e.end = -1
	var ends []int32
	for id := range r.ends {
		if int(id) < r.sampler.vocab {
			ends = append(ends, id)
		}
	}
	slices.Sort(ends)
	if len(ends) > 0 {
		e.end = ends[0]
	}
	if special.EOS >= 0 {
		e.end = special.EOS
	}
	e.grammars.vocabulary = sync.OnceValue(func() *grammar.Vocabulary { return grammar.Read(e.tokens, r.sampler.vocab, ends) })
	if int(max(e.bos, e.newline)) >= c.Text.Vocab {
		return fmt.Errorf("the tokenizer's ids reach %d, the embedding table has %d rows; the files belong to different checkpoints", max(e.bos, e.newline), c.Text.Vocab)
	}
	return nil
}

// Info describes the checkpoint.
func (e *Engine) Info() Info { return e.info }

// Submit asks one question and blocks until it is answered or ctx ends. Requests of many callers are decoded
// together; the answer does not depend on the others. Ending ctx stops a request that is being decoded after
// the token in progress.
func (e *Engine) Submit(ctx context.Context, r Request) (Answer, error) {
	s, err := e.sequence(ctx, r)
	if err != nil {
		return Answer{}, err
	}
	if r.Grammar != "" {
		g, err := e.grammars.get(r.Grammar)
		if err != nil {
			return Answer{}, fmt.Errorf("%w: %w", ErrRequest, err)
		}
		s.matcher = g.Start(s.max)
	}
	if err := e.run(ctx, s, r.OnToken); err != nil {
		return Answer{}, err
	}
	return e.answer(s), nil
}

// run has a sequence computed and hands out its tokens as they come.
func (e *Engine) run(ctx context.Context, s *sequence, onToken func(Token)) error {
	ticket, err := e.scheduler.Add(s, e.text.CacheBytes(s.prefix+s.max))
	if err != nil {
		return err
	}
	defer ticket.Cancel() // onToken may panic
	told := 0
	tell := func() {
		if onToken == nil {
			return
		}
		for _, t := range s.since(told) {
			told++
			onToken(t)
		}
	}
	for {
		select {
		case <-s.news:
			tell()
			continue
		case <-ctx.Done():
			ticket.Cancel()
			<-ticket.Done()
		case <-ticket.Done():
		}
		break
	}
	if err := errors.Join(ctx.Err(), s.err, ticket.Err()); err != nil {
		if cause := ctx.Err(); cause != nil {
			err = cause
		}
		return fmt.Errorf("engine: request ended after %d tokens: %w", len(s.tokens), err)
	}
	tell()
	return nil
}

// sequence checks a request and makes it ready for the batch.
func (e *Engine) sequence(ctx context.Context, r Request) (*sequence, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	images := append([]*image.RGBA{r.Image}, r.More...)
	if len(images) > MaxImages {
		return nil, fmt.Errorf("%w: %d images, at most %d are shown together", ErrRequest, len(images), MaxImages)
	}
	for _, img := range images {
		size := image.Point{}
		if img != nil {
			size = img.Rect.Size()
		}
		if size.X != e.info.ImageSize || size.Y != e.info.ImageSize {
			return nil, fmt.Errorf("%w: the image has %d x %d pixels, this checkpoint sees %d x %d", ErrRequest, size.X, size.Y, e.info.ImageSize, e.info.ImageSize)
		}
	}
	if r.MaxTokens < 0 {
		return nil, fmt.Errorf("%w: MaxTokens is %d", ErrRequest, r.MaxTokens)
	}
	if r.MaxTokens == 0 {
		r.MaxTokens = DefaultMaxTokens
	}
	prompt, err := e.prompt(r.Prompt)
	if err != nil {
		return nil, err
	}
	prefix := len(images)*e.patches + len(prompt)
	if n := prefix + r.MaxTokens; n > e.text.MaxLength() {
		return nil, fmt.Errorf("%w: images, prompt and answer may take %d positions, the checkpoint has %d; ask for at most %d tokens",
			ErrRequest, n, e.text.MaxLength(), max(0, e.text.MaxLength()-prefix))
	}
	return &sequence{
		ctx: ctx, images: images, prompt: prompt, prefix: prefix, max: r.MaxTokens, added: time.Now(), news: make(chan struct{}, 1),
		repeats: repeats{isLocation: e.isLocation}, spelling: spelling{tokens: e.tokens},
	}, nil
}

// prompt spells a prompt in ids: BOS, the text, and a newline that is always a token of its own, which is
// why newlines at the end of the text are dropped.
func (e *Engine) prompt(text string) ([]int32, error) {
	ids := append([]int32{e.bos}, e.tokens.Encode(strings.TrimRight(text, "\n"))...)
	ids = append(ids, e.newline)
	mark := e.tokens.Special().Image
	for _, id := range ids {
		if id == mark || int(id) >= e.text.Vocab() {
			return nil, fmt.Errorf("%w: the prompt holds %q, which has no meaning there", ErrRequest, e.tokens.Piece(id))
		}
	}
	return ids, nil
}

// isLocation tells location tokens from others.
func (e *Engine) isLocation(id int32) bool {
	s := e.tokens.Special()
	return s.Loc0 >= 0 && id >= s.Loc0 && id < s.Loc0+s.Locs
}

// answer puts the result of a sequence together.
func (e *Engine) answer(s *sequence) Answer {
	if n := len(s.tokens); n > 0 {
		s.tokens[n-1].Text += s.spelling.flush()
	}
	return Answer{Text: e.tokens.Decode(s.repeats.ids), Tokens: s.tokens, Stop: s.stop, Timing: s.timing()}
}

// Close ends the engine; requests in progress fail with ErrClosed. It may be called more than once.
func (e *Engine) Close() error {
	e.close.Do(func() {
		e.scheduler.Close()
		e.pool.Close()
		if e.files != nil {
			e.closeErr = e.files.Close()
		}
	})
	return e.closeErr
}
