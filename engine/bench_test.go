package engine

import (
	"fmt"
	"image"
	"sync"
	"sync/atomic"
	"testing"

	"palimpsest.dev/engine/enginetest"
	"palimpsest.dev/engine/gemma"
	"palimpsest.dev/engine/mat"
)

// mini has the shape of the default model, with random weights that never end an answer, so that every
// answer has as many tokens as asked for.
var mini = enginetest.Shape{Image: 224, VisionWidth: 192, VisionLayers: 4, VisionHeads: 3, VisionMLP: 768, Width: 192, Layers: 3,
	Heads: 3, KVHeads: 1, HeadDim: 64, MLP: 512, Locations: 1024, BFloat16: true, Endless: true}

// BenchmarkMiniPage reads a page as the default model does: 70 tiles with answers of 150 tokens, all asked
// at once. A word is about nine tokens: four for its box, five for its letters.
func BenchmarkMiniPage(b *testing.B) {
	const tiles, tokens = 70, 150
	e := open(b, checkpoint(b, mini), Options{})
	images := make([]*image.RGBA, tiles)
	for i := range images {
		images[i] = noise(224, uint64(i))
	}
	var written atomic.Int64 // a few answers end early in a loop
	for b.Loop() {
		var wg sync.WaitGroup
		for _, img := range images {
			wg.Go(func() {
				a, err := e.Submit(b.Context(), Request{Image: img, Prompt: "ocr", MaxTokens: tokens})
				if err != nil {
					b.Error(err)
				}
				written.Add(int64(len(a.Tokens)))
			})
		}
		wg.Wait()
	}
	rate := float64(written.Load()) / b.Elapsed().Seconds()
	b.ReportMetric(rate, "tokens/s")
	b.ReportMetric(rate/9, "words/s")
}

// BenchmarkMiniStages times the stages of the default model one by one, on one thread, as a lane runs them.
func BenchmarkMiniStages(b *testing.B) {
	e := open(b, checkpoint(b, mini), Options{Threads: 1})
	r := e.runner
	img, l := []*image.RGBA{noise(224, 1)}, &r.lanes[0]
	b.Run("vision", func(b *testing.B) {
		perOperation(b, nil, func() {
			if _, err := r.vision.Encode(nil, &l.vision, img, nil, nil); err != nil {
				b.Fatal(err)
			}
		})
	})
	cache, x := r.text.NewCache(), mat.New(r.vision.Patches()+5, r.text.Width())
	for i := range x.Rows {
		r.text.Embed(int32(10+i%50), x.Row(i))
	}
	b.Run("prefill", func(b *testing.B) {
		perOperation(b, nil, func() {
			cache.Reset()
			in := l.inputs.Mat(x.Rows, x.Cols)
			copy(in.Data, x.Data)
			r.text.Forward(nil, &l.text, []gemma.Segment{{Cache: cache, Rows: x.Rows}}, in, nil, nil)
		})
	})
	for _, n := range []int{1, 4, 8, 16, 32} {
		b.Run(fmt.Sprintf("decode%d", n), func(b *testing.B) { benchmarkDecode(b, r, l, x, n) })
	}
}

// benchmarkDecode times steps of n sequences whose answers have up to two hundred tokens.
func benchmarkDecode(b *testing.B, r *runner, l *lane, x mat.Mat, n int) {
	segments := make([]gemma.Segment, n)
	for i := range segments {
		segments[i] = gemma.Segment{Cache: r.text.NewCache(), Rows: 1}
	}
	prefixes := func() {
		if at := segments[0].Cache.Len(); at == 0 || at > x.Rows+200 {
			for _, s := range segments {
				s.Cache.Reset()
				in := l.inputs.Mat(x.Rows, x.Cols)
				copy(in.Data, x.Data)
				r.text.Forward(nil, &l.text, []gemma.Segment{{Cache: s.Cache, Rows: x.Rows}}, in, nil, nil)
			}
		}
	}
	perOperation(b, prefixes, func() {
		in := l.inputs.Mat(n, x.Cols)
		copy(in.Data, x.Data[:n*x.Cols])
		logits := r.text.Forward(nil, &l.text, segments, in, nil, nil)
		for i := range n {
			r.sampler.pick(logits.Row(i), l.scratch, nil)
		}
	})
}
