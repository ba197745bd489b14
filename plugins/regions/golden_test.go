package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"palimpsest.dev/task"
	"palimpsest.dev/task/loc"
	"palimpsest.dev/task/tasktest"
)

var update = flag.Bool("update", false, "rewrite the expected parts of testdata/*.txtar")

// TestGolden runs the cases of testdata: a model's answer in, rows out. A file
// holds these parts:
//
//	answer [STOP] [?PROBABILITY]
//	           what the model wrote about a page of 1000 x 1400 pixels that fills a
//	           letterboxed view, line breaks left out; {X0 Y0 X1 Y1} in page pixels
//	           becomes four locations. Tokens have probability 0.9 unless said
//	           otherwise, those behind a ! in the line's first place half of it.
//	regions    expected: rows and notes
func TestGolden(t *testing.T) {
	t.Parallel()
	given := func(name string) bool { return strings.HasPrefix(name, "answer") }
	tasktest.Golden(t, *update, given, func(t *testing.T, archive *txtar.Archive) map[string]string {
		page := task.Page{Document: "case.pdf", Number: 1, Width: 1000, Height: 1400}
		asks, err := regions{}.Plan(t.Context(), page, usual)
		if err != nil {
			t.Fatal(err)
		}
		r, err := regions{}.Read(t.Context(), page, []task.Answer{answerOf(archive, asks[0])})
		if err == nil {
			err = regions{}.Info().CheckReading(page, 1, r)
		}
		if err != nil {
			t.Fatal(err)
		}
		return map[string]string{"regions": show(r)}
	})
}

func show(r task.Reading) string {
	var b strings.Builder
	for _, rec := range r.Records {
		fmt.Fprintf(&b, "%d %s [%.0f %.0f %.0f %.0f] %.2f %s\n", rec.Values["seq"], rec.Values["kind"], rec.Box.X0, rec.Box.Y0, rec.Box.X1, rec.Box.Y1, rec.Confidence, rec.Source)
	}
	for _, n := range r.Notes {
		fmt.Fprintf(&b, "note: %s\n", n)
	}
	if r.Unreadable != "" {
		fmt.Fprintf(&b, "unreadable: %s\n", r.Unreadable)
	}
	return b.String()
}

var places = regexp.MustCompile(`\{(\d+) (\d+) (\d+) (\d+)\}`)

func boxOf(x0, y0, x1, y1 int) string {
	return fmt.Sprintf("<loc%04d><loc%04d><loc%04d><loc%04d>", y0, x0, y1, x1)
}

// answerOf is what the case's model writes.
func answerOf(archive *txtar.Archive, ask task.Ask) task.Answer {
	const side, x = 1400, -200 // of the view, in page pixels
	a := task.Answer{Ask: ask, Stop: task.StopBlank, ToPage: task.Affine{side, 0, x, 0, side, 0}}
	for _, f := range archive.Files {
		if !strings.HasPrefix(f.Name, "answer") {
			continue
		}
		a.Stop = task.StopEnd
		usual := 0.9
		for _, w := range strings.Fields(f.Name)[1:] {
			if p, ok := strings.CutPrefix(w, "?"); ok {
				usual, _ = strconv.ParseFloat(p, 64)
			} else {
				a.Stop = task.Stop(w)
			}
		}
		for line := range strings.Lines(string(f.Data)) {
			probability := usual
			line, doubtful := strings.CutPrefix(strings.TrimSuffix(line, "\n"), "!")
			if doubtful {
				probability /= 2
			}
			line = places.ReplaceAllStringFunc(line, func(s string) string {
				var v [4]float64
				for i, n := range places.FindStringSubmatch(s)[1:] {
					v[i], _ = strconv.ParseFloat(n, 64)
				}
				return loc.Encode([]loc.Item{{Box: [4]float64{(v[0] - x) / side, v[1] / side, (v[2] - x) / side, v[3] / side}}}, loc.Bins, 1)
			})
			a.Text += line
			for _, c := range line {
				a.Tokens = append(a.Tokens, task.Token{Text: string(c), LogProb: math.Log(probability)})
			}
		}
	}
	return a
}

// target is one example that the trainer is tested on, too. Boxes are pixels of
// a picture of 224.
type target struct {
	Name    string
	Answer  string
	Cut     bool
	Regions []struct {
		Box  [4]float64
		Kind string
	}
	Read []struct {
		Box  [4]float64
		Kind string
	}
}

// TestTargets holds writing and reading to the examples of docs/targets.md.
func TestTargets(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile(filepath.Join("..", "..", "training", "testdata", "regions_targets.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	const side = 224
	page := task.Page{Number: 1, Width: side, Height: side}
	for line := range bytes.Lines(raw) {
		var c target
		d := json.NewDecoder(bytes.NewReader(line))
		d.DisallowUnknownFields()
		if err := d.Decode(&c); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		want, near := c.Read, 1e-6
		if c.Regions != nil {
			var items []string
			for _, r := range c.Regions {
				items = append(items, loc.Encode([]loc.Item{{Text: " " + r.Kind, Box: [4]float64{r.Box[0] / side, r.Box[1] / side, r.Box[2] / side, r.Box[3] / side}}}, loc.Bins, 4))
			}
			if got := strings.Join(items, " ; "); got != c.Answer {
				t.Errorf("%s: written\n%s, want\n%s", c.Name, got, c.Answer)
			}
			want, near = c.Regions, 0.9 // places come in steps of 4, the last is 1,020
		}
		a := task.Answer{Text: c.Answer, Stop: task.StopEnd, ToPage: task.Affine{side, 0, 0, 0, side, 0}, Ask: task.Ask{Region: page.Bounds()}}
		if c.Cut {
			a.Stop = task.StopLength
		}
		r, err := regions{}.Read(t.Context(), page, []task.Answer{a})
		if err != nil || len(r.Records) != len(want) {
			t.Errorf("%s: %d regions, want %d, %v", c.Name, len(r.Records), len(want), err)
			continue
		}
		for i, w := range want {
			got := r.Records[i]
			for k, v := range [4]float64{got.Box.X0, got.Box.Y0, got.Box.X1, got.Box.Y1} {
				if math.Abs(v-w.Box[k]) > near || got.Values["kind"] != w.Kind {
					t.Errorf("%s: region %d is %v %v, want %v", c.Name, i, got.Values["kind"], got.Box, w)
					break
				}
			}
		}
	}
}
