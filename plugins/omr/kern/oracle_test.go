package kern

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// sharedData is a file of the evaluation data beside the repository.
func sharedData(t testing.TB, name string) string {
	t.Helper()
	root := os.Getenv("PALIMPSEST_SHARED")
	if root == "" {
		root = filepath.Join("..", "..", "..", "..", "shared")
	}
	path := filepath.Join(root, "data", filepath.FromSlash(name))
	if _, err := os.Stat(path); err != nil {
		t.Skipf("no evaluation data: %v", err)
	}
	return path
}

// oracle is a record of kern_oracle.jsonl.gz or kern_bad.jsonl.
type oracle struct {
	ID, Class, Path, Kern string
	Spines                int
	KernSpines            int    `json:"kern_spines"`
	Total                 string `json:"total_quarters"`
	Notes                 [][]any
	Measures              [][]any
	Keys                  [][]any `json:"key_signatures"`
	Metres                [][]any `json:"time_signatures"`
	OpenTies              [][]any `json:"open_ties"`
	Valid                 bool
	Tolerable             bool
	Errors                []struct {
		Line int
		Kind Kind
	}
}

func readOracle(t testing.TB, name string) []oracle {
	t.Helper()
	raw, err := os.ReadFile(sharedData(t, "metric_vectors/"+name))
	if err != nil {
		t.Fatal(err)
	}
	if strings.HasSuffix(name, ".gz") {
		z, err := gzip.NewReader(bytes.NewReader(raw))
		if err == nil {
			raw, err = io.ReadAll(z)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	var out []oracle
	lines := bufio.NewScanner(bytes.NewReader(raw))
	lines.Buffer(nil, 64<<20)
	for lines.Scan() {
		var o oracle
		if err := json.Unmarshal(lines.Bytes(), &o); err != nil {
			t.Fatal(err)
		}
		if o.Path != "" {
			text, err := os.ReadFile(sharedData(t, o.Path))
			if err != nil {
				t.Fatal(err)
			}
			o.Kern = string(text)
		}
		out = append(out, o)
	}
	if err := lines.Err(); err != nil || len(out) == 0 {
		t.Fatalf("%s: %d records, %v", name, len(out), err)
	}
	return out
}

// rows writes a score in the oracle's form.
func rows(s *Score) (notes, measures, keys, metres []string) {
	for _, e := range s.Events {
		for _, p := range e.Pitches {
			tie := "<nil>"
			if p.Tie != NoTie {
				tie = string(p.Tie)
			}
			notes = append(notes, fmt.Sprint([]any{e.Spine, e.Onset, p.Duration, p.MIDI(), p.Name(), tie, e.Grace != NotGrace, e.Line, e.Column}))
		}
	}
	for _, m := range s.Measures {
		number := "<nil>"
		if m.Number != "" {
			number = m.Number
		}
		measures = append(measures, fmt.Sprint([]any{number, m.Onset, m.Duration, m.Line}))
	}
	for _, c := range s.Changes {
		switch c.Kind {
		case Key:
			keys = append(keys, fmt.Sprint([]any{c.Spine, c.Onset, c.Text, c.Fifths}))
		case Metre:
			metres = append(metres, fmt.Sprint([]any{c.Spine, c.Onset, c.Text}))
		}
	}
	return notes, measures, keys, metres
}

func show(rows [][]any) []string {
	var out []string
	for _, r := range rows {
		out = append(out, fmt.Sprint(r))
	}
	return out
}

// TestNotesEqualTheOracle compares every note, bar, key and metre with what
// music21 and Verovio read in the same texts.
func TestNotesEqualTheOracle(t *testing.T) {
	t.Parallel()
	all := readOracle(t, "kern_oracle.jsonl.gz")
	equal, notes := 0, 0
	for _, o := range all {
		s := Read(o.Kern, Options{})
		n, m, k, x := rows(s)
		notes += len(n)
		ok := true
		for _, c := range []struct {
			what      string
			got, want []string
		}{{"notes", n, show(o.Notes)}, {"measures", m, show(o.Measures)}, {"keys", k, show(o.Keys)}, {"metres", x, show(o.Metres)}} {
			if !slices.Equal(c.got, c.want) {
				ok = false
				t.Errorf("%s: %d %s, want %d; first difference: %s", o.ID, len(c.got), c.what, len(c.want), difference(c.got, c.want))
			}
		}
		if len(s.Exclusive) != o.Spines || s.KernSpines() != o.KernSpines || s.Total.String() != o.Total || !s.Whole() {
			ok = false
			t.Errorf("%s: %d spines, %d of music, %s quarters, whole %v; want %d, %d, %s, true", o.ID, len(s.Exclusive), s.KernSpines(), s.Total, s.Whole(), o.Spines, o.KernSpines, o.Total)
		}
		// Ties that cross the cut of a segment are the only faults.
		var open [][]any
		for _, p := range s.Problems {
			if p.Kind != MeasureDuration {
				open = append(open, []any{float64(p.Line), string(p.Kind)})
			}
		}
		if len(open)+len(o.OpenTies) > 0 && !reflect.DeepEqual(open, o.OpenTies) {
			ok = false
			t.Errorf("%s: problems %v, want %v", o.ID, s.Problems, o.OpenTies)
		}
		if ok {
			equal++
		}
	}
	t.Logf("%d of %d texts equal, %d notes", equal, len(all), notes)
}

func difference(got, want []string) string {
	for i := range max(len(got), len(want)) {
		g, w := "nothing", "nothing"
		if i < len(got) {
			g = got[i]
		}
		if i < len(want) {
			w = want[i]
		}
		if g != w {
			return fmt.Sprintf("%s, want %s", g, w)
		}
	}
	return "none"
}

// TestFaultsEqualTheOracle holds broken texts to the line and kind of their
// fault, and valid ones, however odd, to none.
func TestFaultsEqualTheOracle(t *testing.T) {
	t.Parallel()
	broken, right, valid, accepted := 0, 0, 0, 0
	for _, o := range readOracle(t, "kern_bad.jsonl") {
		s := Read(o.Kern, Options{})
		if o.Valid {
			valid++
			n, m, _, _ := rows(s)
			if d := difference(n, show(o.Notes)) + difference(m, show(o.Measures)); len(s.Problems) > 0 || d != "nonenone" || s.Total.String() != o.Total {
				t.Errorf("%s: valid: %v, %s\n%s", o.ID, s.Problems, d, o.Kern)
			} else {
				accepted++
			}
			continue
		}
		broken++
		want := slices.ContainsFunc(s.Problems, func(p Problem) bool { return p.Line == o.Errors[0].Line && p.Kind == o.Errors[0].Kind })
		if !want || s.Problems[0].Line != o.Errors[0].Line || o.Tolerable != s.Whole() && o.Class != "bar_duration" {
			t.Logf("%s (%s): %v, whole %v; want %v\n%s", o.ID, o.Class, s.Problems, s.Whole(), o.Errors, o.Kern)
			continue
		}
		right++
	}
	t.Logf("%d of %d broken texts refused at the right line for the right kind; %d of %d odd but valid texts read as expected", right, broken, accepted, valid)
	if right*100 < broken*95 {
		t.Errorf("%d of %d: want 95 %%", right, broken)
	}
}
