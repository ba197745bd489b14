package printed

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"strings"
	"testing"

	"palimpsest.dev/plugins/omr/kern"
)

var update = flag.Bool("update", false, "rewrite what reading the examples gives")

const examples = "../../../training/testdata/omr_bars_targets.jsonl"

// example is a line of the file that the trainer is tested on, too.
type example struct {
	Name     string      `json:"name"`
	Staves   int         `json:"staves"`
	Explicit bool        `json:"explicit"`
	Spelled  string      `json:"spelled,omitempty"`  // the **kern that bars spell
	Bars     []string    `json:"bars,omitempty"`     // answers about bars
	Kern     string      `json:"kern,omitempty"`     // what they are joined to
	Kind     string      `json:"kind,omitempty"`     // its first fault; none where it is sound
	Measures [][]float64 `json:"measures,omitempty"` // boxes in the unit square
	Answer   string      `json:"answer,omitempty"`   // about a system
}

// TestExamplesSharedWithTheTrainer joins the bars of the examples: what was spelled from **kern comes back byte by byte.
func TestExamplesSharedWithTheTrainer(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile(examples)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	write := json.NewEncoder(&out)
	write.SetEscapeHTML(false)
	n := 0
	for line := range strings.Lines(string(raw)) {
		var c example
		if err := json.Unmarshal([]byte(line), &c); err != nil {
			t.Fatal(err)
		}
		if c.Measures == nil {
			n++
			got := Kern(c.Bars, Options{Staves: c.Staves, Explicit: c.Explicit})
			read, kind := kern.Read(got.Text, kern.Options{Fragment: true}), ""
			if len(read.Problems) > 0 {
				kind = string(read.Problems[0].Kind)
			}
			if *update {
				c.Kern, c.Kind = got.Text, kind
			}
			if got.Text != c.Kern || kind != c.Kind {
				t.Errorf("%s: %q (%s), want %q (%s)", c.Name, got.Text, kind, c.Kern, c.Kind)
			}
			if c.Spelled != "" && got.Text != c.Spelled {
				t.Errorf("%s: %q, which was spelled from %q", c.Name, got.Text, c.Spelled)
			}
			checkOrigins(t, c.Bars, got)
		}
		if err := write.Encode(c); err != nil {
			t.Fatal(err)
		}
	}
	if n < 10 {
		t.Errorf("%d examples", n)
	}
	if *update {
		if err := os.WriteFile(examples, out.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// checkOrigins holds that every token has an origin, and that origins lie in their bars.
func checkOrigins(t *testing.T, bars []string, s Score) {
	t.Helper()
	rows := strings.Split(strings.TrimSuffix(s.Text, "\n"), "\n")
	if len(rows) != len(s.Origins) {
		t.Fatalf("%d lines, origins of %d", len(rows), len(s.Origins))
	}
	for i, row := range rows {
		if n := strings.Count(row, "\t") + 1; n != len(s.Origins[i]) {
			t.Fatalf("line %d: %d columns, origins of %d", i+1, n, len(s.Origins[i]))
		}
		for _, at := range s.Origins[i] {
			if at.Bar >= 0 && (at.Bar >= len(bars) || at.From < 0 || at.To < at.From || at.To > len(bars[at.Bar])) {
				t.Fatalf("line %d: origin %v", i+1, at)
			}
		}
	}
}

// Every drawn accidental is marked in the explicit manner; the plain one marks what is drawn without need.
func TestManners(t *testing.T) {
	t.Parallel()
	bars := []string{"<loc0004>*G2\n<loc0010>4<loc0100>b#<loc0090>d\n<loc0020>4<loc0100>b#\n<loc0030>4<loc0100>bn\n<loc0040>4<loc0100>b--"}
	for explicit, want := range map[bool]string{true: "4f#X 4a\n4f#X\n4fn\n4f--\n", false: "4f# a\n4f#X\n4fn\n4f--\n"} {
		if got := Kern(bars, Options{Explicit: explicit}).Text; !strings.Contains(got, want) {
			t.Errorf("explicit %v: %q, want %q in it", explicit, got, want)
		}
	}
}

// FuzzKern holds that any answer gives **kern of even lines, whose reader ends, and that all tokens have their origin.
func FuzzKern(f *testing.F) {
	raw, err := os.ReadFile(examples)
	if err != nil {
		f.Fatal(err)
	}
	for line := range strings.Lines(string(raw)) {
		var c example
		if json.Unmarshal([]byte(line), &c) == nil {
			f.Add(strings.Join(c.Bars, "\x00"), c.Staves, c.Explicit)
		}
	}
	f.Fuzz(func(t *testing.T, text string, staves int, explicit bool) {
		bars := strings.Split(text, "\x00")
		got := Kern(bars, Options{Staves: staves, Explicit: explicit})
		checkOrigins(t, bars, got)
		kern.Read(got.Text, kern.Options{Fragment: true})
	})
}
