package engine

import (
	"context"
	"errors"
	"image"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"palimpsest.dev/engine/enginetest"
)

// checkpoint writes a random checkpoint and returns its folder.
func checkpoint(t testing.TB, s enginetest.Shape) string {
	t.Helper()
	dir := t.TempDir()
	if err := enginetest.WriteCheckpoint(dir, s); err != nil {
		t.Fatal(err)
	}
	return dir
}

// open opens a checkpoint until the end of the test.
func open(t testing.TB, dir string, o Options) *Engine {
	t.Helper()
	e, err := Open(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	return e
}

// noise is a picture nobody has seen before.
func noise(side int, seed uint64) *image.RGBA {
	random := rand.New(rand.NewPCG(seed, 3))
	img := image.NewRGBA(image.Rect(0, 0, side, side))
	for i := range img.Pix {
		img.Pix[i] = uint8(random.Uint32())
	}
	return img
}

// requests are questions of different pictures, prompts and lengths.
func requests(side, n int) []Request {
	prompts := []string{"ocr", "", "answer en what is it?", "detect a ; b", "ocr\n"}
	all := make([]Request, n)
	for i := range all {
		all[i] = Request{Image: noise(side, uint64(i)), Prompt: prompts[i%len(prompts)], MaxTokens: 1 + i*7%40}
	}
	return all
}

// ask answers requests, that many at a time.
func ask(t *testing.T, e *Engine, rs []Request, atOnce int) []Answer {
	t.Helper()
	answers := make([]Answer, len(rs))
	var wg sync.WaitGroup
	turn := make(chan struct{}, atOnce)
	for i, r := range rs {
		wg.Go(func() {
			turn <- struct{}{}
			defer func() { <-turn }()
			var err error
			if answers[i], err = e.Submit(t.Context(), r); err != nil {
				t.Errorf("request %d: %v", i, err)
			}
		})
	}
	wg.Wait()
	return answers
}

// TestAnswersDoNotDependOnCompany asks the same questions one by one and together, with different numbers of
// threads, batch sizes and ways to spread the work: tokens and probabilities are the same to the last bit.
func TestAnswersDoNotDependOnCompany(t *testing.T) {
	t.Parallel()
	for _, shape := range []enginetest.Shape{{}, {Sliding: true, BFloat16: true}} {
		dir := checkpoint(t, shape)
		rs := requests(56, 24)
		want := ask(t, open(t, dir, Options{Threads: 1, Window: "hf5"}), rs, 1)
		for _, o := range []Options{
			{Threads: 1, Window: "hf5"},
			{Threads: 2, Window: "hf5"},
			{Threads: 3, Window: "hf5", MaxBatch: 5},
			{Threads: 2, Window: "hf5", laneWeights: 1},
			{Threads: 4, Window: "hf5", laneWeights: 1, MaxBatch: 7},
		} {
			got := ask(t, open(t, dir, o), rs, len(rs))
			for i := range rs {
				if got[i].Text != want[i].Text || got[i].Stop != want[i].Stop || !slices.Equal(got[i].Tokens, want[i].Tokens) {
					t.Fatalf("%+v: request %d in company\n%q %v\nalone\n%q %v", o, i, got[i].Text, got[i].Stop, want[i].Text, want[i].Stop)
				}
			}
		}
	}
}

// TestRequestJoinsWhileAnotherIsDecoded lets one request run for a long time and asks a second meanwhile. The
// first is only ended once the second has its first token, so the test hangs on neither clock nor luck: were
// the second kept waiting, the first would end by itself.
func TestRequestJoinsWhileAnotherIsDecoded(t *testing.T) {
	t.Parallel()
	// A checkpoint without end mark whose steps are slow: the long request would last a second or more.
	e := open(t, checkpoint(t, enginetest.Shape{Width: 256, MLP: 1024, Layers: 6, Endless: true}), Options{})
	rs := requests(56, 2)
	alone, err := e.Submit(t.Context(), Request{Image: rs[1].Image, Prompt: "ocr", MaxTokens: 30})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	started, once := make(chan struct{}), sync.Once{}
	long := make(chan error, 1)
	go func() {
		_, err := e.Submit(ctx, Request{Image: rs[0].Image, MaxTokens: 8000, OnToken: func(Token) { once.Do(func() { close(started) }) }})
		long <- err
	}()
	<-started
	joined, err := e.Submit(t.Context(), Request{Image: rs[1].Image, Prompt: "ocr", MaxTokens: 30, OnToken: func(Token) { cancel() }})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(joined.Tokens, alone.Tokens) {
		t.Errorf("joined %q, alone %q", joined.Text, alone.Text)
	}
	if err := <-long; !errors.Is(err, context.Canceled) {
		t.Errorf("the long request ended with %v before the second had a token", err)
	}
}

func TestCancelledRequestsLeaveOthersAlone(t *testing.T) {
	t.Parallel()
	e := open(t, checkpoint(t, enginetest.Shape{}), Options{MaxBatch: 4})
	rs := requests(56, 12)
	want := ask(t, e, rs, 1)
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			n := 0
			_, err := e.Submit(ctx, Request{Image: noise(56, uint64(100+i)), MaxTokens: 4000, OnToken: func(Token) {
				if n++; n == 1+i%5 {
					cancel()
				}
			}})
			if !errors.Is(err, context.Canceled) {
				t.Errorf("cancelled request ended with %v", err)
			}
		})
	}
	got := ask(t, e, rs, len(rs))
	wg.Wait()
	for i := range rs {
		if !slices.Equal(got[i].Tokens, want[i].Tokens) {
			t.Errorf("request %d changed its answer", i)
		}
	}
	if _, err := e.Submit(cancelled(t), rs[0]); !errors.Is(err, context.Canceled) {
		t.Errorf("a request cancelled before it began: %v", err)
	}
}

// cancelled is a context that has ended.
func cancelled(t *testing.T) context.Context {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	return ctx
}

// TestTokens holds answers to what is promised about their tokens.
func TestTokens(t *testing.T) {
	t.Parallel()
	e := open(t, checkpoint(t, enginetest.Shape{Seed: 2}), Options{})
	stops := map[Stop]int{}
	for i := range 40 {
		var streamed []Token
		a, err := e.Submit(t.Context(), Request{Image: noise(56, uint64(i)), MaxTokens: 300, OnToken: func(tok Token) { streamed = append(streamed, tok) }})
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(streamed, a.Tokens) {
			t.Errorf("streamed %d tokens, the answer has %d", len(streamed), len(a.Tokens))
		}
		var text strings.Builder
		for _, tok := range a.Tokens {
			text.WriteString(tok.Text)
			if !(tok.LogProb <= 0) {
				t.Errorf("token %q has log-probability %v", tok.Text, tok.LogProb)
			}
			if tok.Text == "<image>" || tok.Text == "<eos>" || int(tok.ID) >= e.Info().Vocab {
				t.Errorf("token %d %q was written", tok.ID, tok.Text)
			}
		}
		if text.String() != a.Text {
			t.Errorf("tokens spell %q, the text is %q", text.String(), a.Text)
		}
		if len(a.Tokens) == 300 != (a.Stop == StopLength) {
			t.Errorf("%d tokens and stop %q", len(a.Tokens), a.Stop)
		}
		stops[a.Stop]++
	}
	t.Logf("stops: %v", stops)
	if stops[StopEnd] == 0 || stops[StopLoop]+stops[StopLength] == 0 {
		t.Errorf("stops %v: the random checkpoint should show more than one", stops)
	}
}

func TestRequestsThatCannotBeAnswered(t *testing.T) {
	t.Parallel()
	e := open(t, checkpoint(t, enginetest.Shape{}), Options{})
	good := noise(56, 1)
	for name, r := range map[string]Request{
		"no image":          {},
		"wrong size":        {Image: noise(57, 1)},
		"image mark":        {Image: good, Prompt: "what is <image>?"},
		"negative length":   {Image: good, MaxTokens: -1},
		"more than it has":  {Image: good, MaxTokens: 8192},
		"prompt of a novel": {Image: good, Prompt: strings.Repeat("ocr ", 4000)},
	} {
		if _, err := e.Submit(t.Context(), r); !errors.Is(err, ErrRequest) {
			t.Errorf("%s: %v", name, err)
		}
	}
	part := noise(100, 1).SubImage(image.Rect(20, 30, 76, 86)).(*image.RGBA)
	if _, err := e.Submit(t.Context(), Request{Image: part, MaxTokens: 2}); err != nil {
		t.Errorf("part of a larger image: %v", err)
	}
}

// TestImagePartsAreRead checks that a part of an image is read at its own place.
func TestImagePartsAreRead(t *testing.T) {
	t.Parallel()
	e := open(t, checkpoint(t, enginetest.Shape{}), Options{})
	whole := noise(100, 9)
	part := whole.SubImage(image.Rect(20, 30, 76, 86)).(*image.RGBA)
	copied := image.NewRGBA(image.Rect(0, 0, 56, 56))
	for y := range 56 {
		copy(copied.Pix[y*copied.Stride:][:4*56], whole.Pix[whole.PixOffset(20, 30+y):])
	}
	answers := ask(t, e, []Request{{Image: part, MaxTokens: 30}, {Image: copied, MaxTokens: 30}}, 2)
	if !slices.Equal(answers[0].Tokens, answers[1].Tokens) {
		t.Errorf("part %q, copy %q", answers[0].Text, answers[1].Text)
	}
}

func TestMemoryLimit(t *testing.T) {
	t.Parallel()
	dir := checkpoint(t, enginetest.Shape{})
	free := open(t, dir, Options{})
	rs := requests(56, 16)
	want := ask(t, free, rs, 1)
	one := free.text.CacheBytes(free.patches + 30 + 64)
	tight := open(t, dir, Options{MemoryLimit: free.Info().Bytes + 2*one + one/2})
	got := ask(t, tight, rs, len(rs))
	for i := range rs {
		if !slices.Equal(got[i].Tokens, want[i].Tokens) {
			t.Errorf("request %d changed its answer", i)
		}
	}
	if _, err := tight.Submit(t.Context(), Request{Image: rs[0].Image, MaxTokens: 8000}); !errors.Is(err, ErrMemory) {
		t.Errorf("a request larger than the limit: %v", err)
	}
	if _, err := Open(dir, Options{MemoryLimit: free.Info().Bytes / 2}); err == nil || !strings.Contains(err.Error(), "memory limit") {
		t.Errorf("weights larger than the limit: %v", err)
	}
}

func TestCloseFailsRequestsInProgress(t *testing.T) {
	t.Parallel()
	e := open(t, checkpoint(t, enginetest.Shape{}), Options{})
	var begun atomic.Bool
	started := make(chan struct{})
	failed := make(chan error, 1)
	go func() {
		_, err := e.Submit(context.Background(), Request{Image: noise(56, 4), MaxTokens: 8000, OnToken: func(Token) {
			if !begun.Swap(true) {
				close(started)
			}
		}})
		failed <- err
	}()
	<-started
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-failed; !errors.Is(err, ErrClosed) {
		t.Errorf("the request ended with %v", err)
	}
	if _, err := e.Submit(t.Context(), Request{Image: noise(56, 4)}); !errors.Is(err, ErrClosed) {
		t.Errorf("a request after Close: %v", err)
	}
}

func TestDamagedWeightsAreNoticed(t *testing.T) {
	t.Parallel()
	dir := checkpoint(t, enginetest.Shape{})
	path := filepath.Join(dir, "model.safetensors")
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for i := len(file) - 40; i < len(file); i++ { // the last tensor is the final norm
		file[i] = 0xff // NaN
	}
	if err := os.WriteFile(path, file, 0o666); err != nil {
		t.Fatal(err)
	}
	e := open(t, dir, Options{})
	if _, err := e.Submit(t.Context(), Request{Image: noise(56, 4)}); !errors.Is(err, ErrModel) {
		t.Errorf("got %v", err)
	}
}

func TestInfo(t *testing.T) {
	t.Parallel()
	dir := checkpoint(t, enginetest.Shape{})
	info := open(t, dir, Options{}).Info()
	if info.Name != filepath.Base(dir) || info.ImageSize != 56 || info.Arithmetic != "float32" || info.Window != "reference" ||
		info.Kernel == "" || info.Vocab != 6+94+64+1 || len(info.Hash) != 64 || info.Parameters < 100_000 || info.Bytes < 4*info.Parameters {
		t.Errorf("%+v", info)
	}
	if again := open(t, dir, Options{Arithmetic: "bfloat16"}).Info(); again.Hash != info.Hash || again.Arithmetic != "bfloat16" || again.Bytes >= info.Bytes {
		t.Errorf("opened again: %+v", again)
	}
	if other := open(t, checkpoint(t, enginetest.Shape{Seed: 1}), Options{}).Info(); other.Hash == info.Hash {
		t.Error("other weights have the same hash")
	}
	for _, o := range []Options{{Arithmetic: "int3"}, {Window: "none"}, {Threads: -1}} {
		if _, err := Open(dir, o); err == nil {
			t.Errorf("%+v was accepted", o)
		}
	}
	if _, err := Open(t.TempDir(), Options{}); err == nil {
		t.Error("an empty folder was opened")
	}
}

// TestLogProbabilities compares the sampler with the definition, in float64.
func TestLogProbabilities(t *testing.T) {
	t.Parallel()
	logits := []float32{1, -3, 2.5, 0, 9, 2.25, 100, 100}
	s := sampler{vocab: 6, banned: []int32{4}}
	sum := 0.0
	for _, i := range []int{0, 1, 2, 3, 5} {
		sum += math.Exp(float64(logits[i]))
	}
	id, got := s.pick(logits, make([]float32, len(logits)), nil)
	if want := 2.5 - math.Log(sum); id != 2 || math.Abs(float64(got)-want) > 1e-6 {
		t.Errorf("id %d with %v, want 2 with %v", id, got, want)
	}
}
