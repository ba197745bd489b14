package main

import (
	"bytes"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"palimpsest.dev/plugins/molecule/smiles"
	"palimpsest.dev/task"
	"palimpsest.dev/task/loc"
)

// target is one example that the trainer is tested on, too.
type target struct {
	Name      string
	Answer    string
	Cut       bool
	Molecules []struct {
		Box    [4]float64
		Smiles string
		Label  string
	}
	Read []struct {
		Box    [4]float64
		Text   string
		Label  string
		Smiles string
	}

	// Of the form with a place in front of every atom: what is drawn and its molecule, or
	// what reading the answer gives.
	Drawing *struct {
		Atoms     [][3]any
		Bonds     [][3]any
		Name      string
		NamePlace []float64 `json:"name_place"`
	}
	Smiles string
	Sketch *struct{ Text, Label, Smiles string }
}

// TestTargets holds writing and reading to the examples of docs/targets.md.
func TestTargets(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile(filepath.Join("..", "..", "training", "testdata", "molecule_targets.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	const side = 224
	for line := range bytes.Lines(raw) {
		var c target
		d := json.NewDecoder(bytes.NewReader(line))
		d.DisallowUnknownFields()
		if err := d.Decode(&c); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		t.Run(c.Name, func(t *testing.T) {
			if c.Drawing != nil || c.Sketch != nil {
				c.sketched(t)
				return
			}
			var items []loc.Item
			for _, m := range c.Molecules {
				text := m.Smiles
				if p, err := smiles.Parse(m.Smiles); err != nil || p.Canonical() != m.Smiles {
					t.Errorf("%s is not canonical: %v", m.Smiles, err)
				}
				if m.Label != "" {
					text += " " + m.Label
				}
				items = append(items, loc.Item{Text: text, Box: [4]float64{m.Box[0] / side, m.Box[1] / side, m.Box[2] / side, m.Box[3] / side}})
			}
			if got := loc.Encode(items, loc.Bins, 4); c.Molecules != nil && got != c.Answer {
				t.Errorf("written\n%s, want\n%s", got, c.Answer)
			}
			page := task.Page{Number: 1, Width: side, Height: side}
			a := task.Answer{Text: c.Answer, Stop: task.StopEnd, ToPage: task.Affine{side, 0, 0, 0, side, 0}, Ask: task.Ask{Region: page.Bounds()}}
			if c.Cut {
				a.Stop = task.StopLength
			}
			r, err := molecule{}.Read(t.Context(), page, []task.Answer{a})
			if err != nil {
				t.Fatal(err)
			}
			if c.Read == nil { // reading gives back what was written, in steps of 4
				if len(r.Records) != len(c.Molecules) {
					t.Fatalf("%d records, want %d", len(r.Records), len(c.Molecules))
				}
				for i, m := range c.Molecules {
					check(t, r.Records[i], m.Box, 0.6, m.Smiles, m.Label, m.Smiles)
				}
				return
			}
			if len(r.Records) != len(c.Read) {
				t.Fatalf("%d records, want %d", len(r.Records), len(c.Read))
			}
			for i, m := range c.Read {
				check(t, r.Records[i], m.Box, 1e-6, m.Text, m.Label, m.Smiles)
			}
		})
	}
}

// sketched holds reading to an example of the form with a place in front of every atom. How a drawing is written is
// tested where it is read.
func (c target) sketched(t *testing.T) {
	text, _, _ := strings.Cut(c.Answer, " ")
	want := [3]string{text, "", c.Smiles}
	if c.Drawing != nil {
		want[1] = c.Drawing.Name
	} else {
		want = [3]string{c.Sketch.Text, c.Sketch.Label, c.Sketch.Smiles}
	}
	page := task.Page{Number: 1, Width: 224, Height: 224}
	a := task.Answer{Text: c.Answer, Stop: task.StopEnd, ToPage: task.Affine{224, 0, 0, 0, 224, 0},
		Ask: task.Ask{Region: page.Bounds(), State: []byte(`{"box":"atoms","bins":1024}`)}}
	if c.Cut {
		a.Stop = task.StopLength
	}
	r, err := molecule{}.Read(t.Context(), page, []task.Answer{a})
	if err != nil || len(r.Records) != 1 {
		t.Fatalf("%v, %v", r.Records, err)
	}
	value := func(name string) string { s, _ := r.Records[0].Values[name].(string); return s }
	if got := [3]string{value("text"), value("label"), value("smiles")}; got != want || r.Records[0].Values["valid"] != (want[2] != "") {
		t.Errorf("%q, want %q; %s", got, want, value("reason"))
	}
}

func check(t *testing.T, r task.Record, box [4]float64, near float64, text, label, canonical string) {
	t.Helper()
	for k, v := range [4]float64{r.Box.X0, r.Box.Y0, r.Box.X1, r.Box.Y1} {
		if math.Abs(v-box[k]) > near {
			t.Errorf("%s: box %v, want %v", text, r.Box, box)
			break
		}
	}
	value := func(name string) string { s, _ := r.Values[name].(string); return s }
	if value("text") != text || value("label") != label || value("smiles") != canonical || r.Values["valid"] != (canonical != "") {
		t.Errorf("%v, want %s", r.Values, strings.Join([]string{text, label, canonical}, ", "))
	}
}
