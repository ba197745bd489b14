package enginetest

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"palimpsest.dev/engine/gemma"
	"palimpsest.dev/engine/kernel"
	"palimpsest.dev/engine/pool"
	"palimpsest.dev/engine/weights"
)

// goldens finds the folder of reference cases: PALIMPSEST_GOLDENS, or the shared folder beside the project.
func goldens(t testing.TB) string {
	if dir := os.Getenv("PALIMPSEST_GOLDENS"); dir != "" {
		return dir
	}
	shared := os.Getenv("PALIMPSEST_SHARED")
	if shared == "" {
		shared = filepath.Join("..", "..", "..", "shared")
	}
	dir := filepath.Join(shared, "data", "goldens")
	if !exists(dir) {
		t.Skipf("no reference cases at %s; set PALIMPSEST_GOLDENS or PALIMPSEST_SHARED", dir)
	}
	return dir
}

// TestReference holds the engine to every case: each stage within Tolerance times the reference's own
// float32 error, and the same tokens. Then it says how far bfloat16 arithmetic is off.
func TestReference(t *testing.T) {
	dirs, err := List(goldens(t))
	if err != nil || len(dirs) == 0 {
		t.Fatalf("no cases in %s: %v", goldens(t), err)
	}
	p := pool.New(0)
	t.Cleanup(p.Close)
	for _, dir := range dirs {
		t.Run(filepath.Base(dir), func(t *testing.T) {
			c, err := Read(dir)
			if err != nil {
				t.Fatal(err)
			}
			// Under the race detector one of the 4,096-patch cases takes minutes: it is one long loop of the
			// kernels, which have their own tests, and the small cases cross the same code.
			if Race && c.Image.Rect.Dx() > 448 {
				t.Skip("896 pixels take minutes under the race detector; run without it")
			}
			// The reference is transformers 5, whose window setting is "hf5".
			checkCase(t, c, gemma.Options{Window: gemma.HF5}, p, "")
			if !Race {
				reportBFloat16(t, c, p)
			}
		})
	}
}

// TestReferenceWindow holds the setting "reference" to the case of the same weights whose window is longer
// than any sequence: the published configuration, 4,096, must then change nothing.
func TestReferenceWindow(t *testing.T) {
	if Race {
		t.Skip("896 pixels take minutes under the race detector; run without it")
	}
	dir := goldens(t)
	noWindow, err := Read(filepath.Join(dir, "no_window_896"))
	if errors.Is(err, os.ErrNotExist) {
		t.Skip("this folder has no case no_window_896")
	}
	if err != nil {
		t.Fatal(err)
	}
	p := pool.New(0)
	t.Cleanup(p.Close)
	checkCase(t, noWindow, gemma.Options{Window: gemma.Reference}, p, filepath.Join(dir, "wiring_3b_896", "config.json"))
}

// checkCase runs a case in float32 arithmetic.
func checkCase(t *testing.T, c *Case, o gemma.Options, run kernel.Runner, config string) {
	t.Helper()
	models, err := c.Load(o, run, t.TempDir(), config)
	if err != nil {
		t.Fatal(err)
	}
	res, err := c.Run(models, run)
	if err != nil {
		t.Fatal(err)
	}
	if len(res.Stages) != len(c.expected) {
		t.Errorf("%d stages compared, the case has values for %d", len(res.Stages), len(c.expected))
	}
	for _, s := range res.Stages {
		t.Logf("%-22s off by %.3g, limit %.3g", s.Name, s.Error, s.Limit)
		if !(s.Error <= s.Limit) {
			t.Errorf("%s is off by %.3g, more than %.3g", s.Name, s.Error, s.Limit)
		}
	}
	if !slices.Equal(res.Greedy, c.Greedy) {
		t.Errorf("tokens %v\nwant   %v", res.Greedy, c.Greedy)
	}
}

// reportBFloat16 says how far the case is off in bfloat16 arithmetic; nothing is demanded of it.
func reportBFloat16(t *testing.T, c *Case, run kernel.Runner) {
	models, err := c.Load(gemma.Options{Window: gemma.HF5, Arithmetic: weights.BFloat16}, run, t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	res, err := c.Run(models, run)
	if err != nil {
		t.Fatal(err)
	}
	same := 0
	for same < len(c.Greedy) && res.Greedy[same] == c.Greedy[same] {
		same++
	}
	var off strings.Builder
	for _, s := range res.Stages {
		if s.Name == "projector" || s.Name == "text.norm" || s.Name == "logits" || s.Name == "step_logits" {
			off.WriteString(" " + s.Name + " ")
			off.WriteString(formatError(s.Error))
		}
	}
	t.Logf("bfloat16 arithmetic: first %d of %d tokens equal; off by%s", same, len(c.Greedy), off.String())
}

func formatError(x float64) string { return strconv.FormatFloat(x, 'g', 3, 64) }

// formatTolerance is how many times the error of float32 computation over weights with normal errors of the format's size
// a packed model may be off. docs/decisions.md argues for it.
const formatTolerance = 1.5

// TestReferenceFormats holds packed models to the reference values, stage by stage, bf16 to 4 bits. The measure is taken
// from the definition of the format and the float32 path, not from packing or its kernels. The logits of later steps are
// left out: these models are made to be undecided, and after another token they answer another question.
func TestReferenceFormats(t *testing.T) {
	if Race {
		t.Skip("minutes under the race detector; the kernels have no goroutines of their own")
	}
	root := goldens(t)
	p := pool.New(0)
	t.Cleanup(p.Close)
	o := gemma.Options{Window: gemma.HF5}
	for _, name := range []string{"wiring_3b_224", "wiring_28b_224", "paligemma1_224"} {
		c, err := Read(filepath.Join(root, name))
		if errors.Is(err, os.ErrNotExist) {
			t.Skipf("no case %s", name)
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range kernel.Formats()[1:] {
			t.Run(name+"/"+string(f), func(t *testing.T) {
				limits := map[string]float64{}
				for seed := range uint64(2) {
					models, err := c.LoadNoisy(f, o, p, t.TempDir(), seed)
					if err != nil {
						t.Fatal(err)
					}
					res, err := c.Run(models, p)
					if err != nil {
						t.Fatal(err)
					}
					for _, s := range res.Stages {
						limits[s.Name] = max(limits[s.Name], formatTolerance*s.RMS)
					}
				}
				models, closePacked, err := c.LoadPacked(f, o, p, t.TempDir())
				if err != nil {
					t.Fatal(err)
				}
				defer closePacked()
				res, err := c.Run(models, p)
				if err != nil {
					t.Fatal(err)
				}
				for _, s := range res.Stages {
					if s.Name == "step_logits" {
						continue
					}
					t.Logf("%-22s off by %.4f of its size, limit %.4f", s.Name, s.RMS, limits[s.Name])
					if !(s.RMS <= limits[s.Name]) {
						t.Errorf("%s is off by %.4f of its size, more than %.4f", s.Name, s.RMS, limits[s.Name])
					}
				}
			})
		}
	}
}
