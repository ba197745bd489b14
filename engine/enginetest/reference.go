// Package enginetest compares the engine with recorded values of the reference implementation, stage by
// stage. A case is a folder with a checkpoint, an image, the ids of a prompt, and what transformers computed
// from them in float64; the distance of the reference's own float32 run from that is the measure of how far
// another float32 engine may be.
package enginetest

import (
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/draw"
	_ "image/png" // the cases' images
	"math"
	"os"
	"path/filepath"
	"regexp"

	"palimpsest.dev/engine/gemma"
	"palimpsest.dev/engine/kernel"
	"palimpsest.dev/engine/mat"
	"palimpsest.dev/engine/siglip"
	"palimpsest.dev/engine/weights"
)

// Tolerance is how many times the reference's own float32 error a stage may be off.
const Tolerance = 8

// Case is one folder of reference values.
type Case struct {
	Name   string
	Note   string
	Prompt []int32 // after the image tokens
	Greedy []int32 // what the reference writes
	Noise  map[string]float64
	Image  *image.RGBA

	dir      string // of the case
	config   string // path of config.json
	weights  string // folder of the weights
	adapter  string // folder of the adapter, "" for none
	expected map[string]weights.Tensor
}

// caseFile mirrors case.json.
type caseFile struct {
	Note   string             `json:"note"`
	Image  string             `json:"image"`
	Prompt []int32            `json:"prompt_ids"`
	Greedy []int32            `json:"greedy"`
	Noise  map[string]float64 `json:"float32_vs_float64_max_abs"`
}

// List names the folders in root that hold a case.
func List(root string) ([]string, error) {
	files, err := filepath.Glob(filepath.Join(root, "*", "case.json"))
	for i, f := range files {
		files[i] = filepath.Dir(f)
	}
	return files, err
}

// Read reads the case in dir. What a case lacks, weights, image or expected values, it takes from the case
// beside it that its note names ("as wiring_3b_896 with full attention ..."). That is how the cases about
// file layouts and about one changed setting are written.
func Read(dir string) (*Case, error) {
	file, err := readCaseFile(dir)
	if err != nil {
		return nil, err
	}
	c := &Case{Name: filepath.Base(dir), Note: file.Note, dir: dir, config: filepath.Join(dir, "config.json"), weights: dir}
	base, baseFile := dir, file
	for _, word := range regexp.MustCompile(`\w+`).FindAllString(file.Note, -1) {
		beside := filepath.Join(filepath.Dir(dir), word)
		if other, err := readCaseFile(beside); err == nil && word != c.Name {
			base, baseFile = beside, other
			break
		}
	}
	if exists(filepath.Join(dir, "adapter_config.json")) {
		c.adapter, c.config = dir, filepath.Join(base, "config.json")
	}
	if !exists(filepath.Join(dir, "model.safetensors")) && !exists(filepath.Join(dir, "model.safetensors.index.json")) {
		c.weights = base
	}
	c.Prompt, c.Greedy, c.Noise = file.Prompt, file.Greedy, file.Noise
	if c.Prompt == nil {
		c.Prompt = baseFile.Prompt
	}
	if c.Greedy == nil {
		c.Greedy = baseFile.Greedy
	}
	if c.Noise == nil {
		c.Noise = baseFile.Noise
	}
	picture := filepath.Join(dir, "image.png")
	if file.Image != "" {
		picture = filepath.Join(dir, file.Image)
	} else if !exists(picture) {
		picture = filepath.Join(base, "image.png")
	}
	if c.Image, err = readImage(picture); err != nil {
		return nil, err
	}
	expected := filepath.Join(dir, "expected.safetensors")
	if !exists(expected) {
		expected = filepath.Join(base, "expected.safetensors")
	}
	c.expected, err = readTensors(expected)
	return c, err
}

func exists(path string) bool { _, err := os.Stat(path); return err == nil }

func readCaseFile(dir string) (f caseFile, err error) {
	text, err := os.ReadFile(filepath.Join(dir, "case.json"))
	if err != nil {
		return f, err
	}
	return f, json.Unmarshal(text, &f)
}

func readImage(path string) (*image.RGBA, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	img, _, err := image.Decode(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	out := image.NewRGBA(img.Bounds())
	draw.Draw(out, out.Bounds(), img, img.Bounds().Min, draw.Src)
	return out, nil
}

func readTensors(path string) (map[string]weights.Tensor, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	tensors, err := weights.Parse(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	byName := map[string]weights.Tensor{}
	for _, t := range tensors {
		byName[t.Name] = t
	}
	return byName, nil
}

// Stage is how far one stage of the engine is from the reference.
type Stage struct {
	Name  string
	Error float64 // largest absolute difference
	Limit float64 // Tolerance times the reference's own
	RMS   float64 // root of the mean square of the difference, over that of the reference's values
}

// Result is what the engine makes of a case.
type Result struct {
	Stages []Stage // in the order they were computed
	Greedy []int32
}

// Models are the two halves of a checkpoint.
type Models struct {
	Vision *siglip.Model
	Text   *gemma.Model
}

// Load loads the checkpoint of the case; tmp is an empty folder. A config of another case of the same
// weights may be given, "" is the case's own.
func (c *Case) Load(o gemma.Options, run kernel.Runner, tmp, config string) (*Models, error) {
	ck, err := c.open(tmp, config)
	if err != nil {
		return nil, err
	}
	defer ck.Close()
	return load(ck, o, run)
}

// open opens the checkpoint of the case by way of the empty folder tmp.
func (c *Case) open(tmp, config string) (*weights.Checkpoint, error) {
	if config == "" {
		config = c.config
	}
	files, err := filepath.Glob(filepath.Join(c.weights, "model*.safetensors*"))
	if err != nil {
		return nil, err
	}
	for _, f := range append(files, config) {
		abs, err := filepath.Abs(f)
		if err != nil {
			return nil, err
		}
		if err := os.Symlink(abs, filepath.Join(tmp, filepath.Base(f))); err != nil {
			return nil, err
		}
	}
	ck, err := weights.Open(tmp)
	if err == nil && c.adapter != "" {
		if err := ck.Adapt(c.adapter); err != nil {
			return nil, errors.Join(err, ck.Close())
		}
	}
	return ck, err
}

// load loads both halves.
func load(ck *weights.Checkpoint, o gemma.Options, run kernel.Runner) (*Models, error) {
	if o.Arithmetic == "" {
		o.Arithmetic = weights.Float32
	}
	vision, err := siglip.Load(ck, o.Arithmetic)
	if err != nil {
		return nil, err
	}
	text, err := gemma.Load(ck, o, run)
	return &Models{vision, text}, err
}

// Run computes the case and compares every stage the case has values for.
func (c *Case) Run(m *Models, run kernel.Runner) (Result, error) {
	var res Result
	var failed error
	compare := func(stage string, rows mat.Mat) {
		want, ok := c.expected[stage]
		if !ok {
			return
		}
		worst, rms, err := difference(rows, want)
		if err != nil {
			failed = errors.Join(failed, fmt.Errorf("%s: %w", stage, err))
		}
		res.Stages = append(res.Stages, Stage{stage, worst, Tolerance * c.Noise[stage], rms})
	}
	features, err := m.Vision.Encode(run, new(siglip.State), []*image.RGBA{c.Image}, nil, compare)
	if err != nil {
		return res, err
	}
	x := mat.New(features.Rows+len(c.Prompt), m.Text.Width()) // [T, D]
	copy(x.Data, features.Data)
	for i, id := range c.Prompt {
		m.Text.Embed(id, x.Row(features.Rows+i))
	}
	state, cache := new(gemma.State), m.Text.NewCache()
	steps := mat.New(len(c.Greedy), m.Text.Vocab()) // [steps, W]
	logits := m.Text.Forward(run, state, []gemma.Segment{{Cache: cache, Rows: x.Rows}}, x, nil, compare)
	for i := range c.Greedy {
		copy(steps.Row(i), logits.Row(0))
		id := int32(kernel.ArgMax(steps.Row(i)))
		res.Greedy = append(res.Greedy, id)
		one := x.Slice(0, 1)
		m.Text.Embed(id, one.Row(0))
		logits = m.Text.Forward(run, state, []gemma.Segment{{Cache: cache, Rows: 1}}, one, nil, nil)
	}
	compare("step_logits", steps)
	return res, failed
}

// difference compares a matrix with a tensor of as many numbers: the largest difference, and the root mean square of all
// relative to that of the tensor. A NaN differs without bound.
func difference(got mat.Mat, want weights.Tensor) (worst, rms float64, err error) {
	if want.Len() != len(got.Data) {
		return math.Inf(1), math.Inf(1), fmt.Errorf("[%d, %d] computed, %v expected", got.Rows, got.Cols, want.Shape)
	}
	values, err := want.Float32s()
	if err != nil {
		return math.Inf(1), math.Inf(1), err
	}
	squares, all := 0.0, 0.0
	for i, w := range values {
		d := math.Abs(float64(got.Data[i]) - float64(w))
		if math.IsNaN(d) {
			return math.Inf(1), math.Inf(1), nil
		}
		worst = max(worst, d)
		squares, all = squares+d*d, all+float64(w)*float64(w)
	}
	return worst, math.Sqrt(squares / all), nil
}
