package engine

import (
	"bufio"
	"encoding/json"
	"errors"
	"image"
	"image/draw"
	_ "image/png" // the tiles
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// miniDir is the default model, which is committed with the project.
var miniDir = filepath.Join("..", "models", "mini")

// reference is one line of the default model's testdata: what transformers writes for a tile.
type reference struct {
	Image     string  `json:"image"`
	Prompt    string  `json:"prompt"`
	MaxTokens int     `json:"max_tokens"`
	Tokens    []int32 `json:"tokens"` // with the end mark, if it came
	Text      string  `json:"text"`
}

// readReferences reads the reference answers of the default model.
func readReferences(t testing.TB) []reference {
	t.Helper()
	path := filepath.Join(miniDir, "testdata", "reference_tokens.jsonl")
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		t.Skipf("no %s; write it with python -m training.reference", path)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var all []reference
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var r reference
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		all = append(all, r)
	}
	if err := lines.Err(); err != nil || len(all) == 0 {
		t.Fatalf("%s: %d answers, %v", path, len(all), err)
	}
	return all
}

// readTile reads a tile of the reference answers.
func readTile(t testing.TB, name string) *image.RGBA {
	t.Helper()
	f, err := os.Open(filepath.Join(miniDir, "testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	img, _, err := image.Decode(f)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	out := image.NewRGBA(img.Bounds())
	draw.Draw(out, out.Rect, img, img.Bounds().Min, draw.Src)
	return out
}

// TestMiniWritesTheReferenceTokens asks the default model all its reference tiles at once and wants the
// tokens that transformers writes. An answer that the engine ends as a repetition loop, which transformers
// goes on with, must be the beginning of the reference's.
func TestMiniWritesTheReferenceTokens(t *testing.T) {
	t.Parallel()
	references := readReferences(t)
	e := open(t, miniDir, Options{})
	var wg sync.WaitGroup
	for _, want := range references {
		wg.Go(func() {
			got, err := e.Submit(t.Context(), Request{Image: readTile(t, want.Image), Prompt: want.Prompt, MaxTokens: want.MaxTokens})
			if err != nil {
				t.Errorf("%s: %v", want.Image, err)
				return
			}
			var ids []int32
			for _, token := range got.Tokens {
				ids = append(ids, token.ID)
			}
			tokens := want.Tokens
			if n := len(tokens); got.Stop == StopEnd && n > 0 {
				tokens = tokens[:n-1]
			}
			if got.Stop == StopLoop && len(ids) < len(tokens) {
				t.Logf("%s: a loop after %d tokens", want.Image, len(ids))
				tokens = tokens[:len(ids)]
			}
			if !slices.Equal(ids, tokens) {
				t.Errorf("%s (%s):\ngot  %s\nwant %s", want.Image, got.Stop, show(got.Text), show(want.Text))
			}
		})
	}
	wg.Wait()
}

// show makes an answer readable.
func show(text string) string { return strings.ReplaceAll(text, "\n", "⏎") }

// BenchmarkMiniTiles reads the reference tiles with the default model's own weights.
func BenchmarkMiniTiles(b *testing.B) {
	references := readReferences(b)
	e := open(b, miniDir, Options{})
	tiles := make([]*image.RGBA, len(references))
	for i, r := range references {
		tiles[i] = readTile(b, r.Image)
	}
	var mu sync.Mutex
	tokens := 0
	for b.Loop() {
		var wg sync.WaitGroup
		for i, r := range references {
			wg.Go(func() {
				a, err := e.Submit(b.Context(), Request{Image: tiles[i], Prompt: r.Prompt, MaxTokens: r.MaxTokens})
				if err != nil {
					b.Error(err)
				}
				mu.Lock()
				tokens += len(a.Tokens)
				mu.Unlock()
			})
		}
		wg.Wait()
	}
	b.ReportMetric(float64(tokens)/b.Elapsed().Seconds(), "tokens/s")
	b.ReportMetric(float64(len(references)*b.N)/b.Elapsed().Seconds(), "tiles/s")
}
