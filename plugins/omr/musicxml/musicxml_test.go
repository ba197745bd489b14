package musicxml

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"encoding/xml"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"palimpsest.dev/plugins/omr/kern"
)

// texts are the **kern texts of the evaluation data.
func texts(t testing.TB) map[string]string {
	t.Helper()
	root := os.Getenv("PALIMPSEST_SHARED")
	if root == "" {
		root = filepath.Join("..", "..", "..", "..", "shared")
	}
	out := map[string]string{}
	for _, name := range []string{"kern_oracle.jsonl.gz", "kern_bad.jsonl"} {
		raw, err := os.ReadFile(filepath.Join(root, "data", "metric_vectors", name))
		if err != nil {
			t.Skipf("no evaluation data: %v", err)
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
		lines := bufio.NewScanner(bytes.NewReader(raw))
		lines.Buffer(nil, 64<<20)
		for lines.Scan() {
			var o struct{ ID, Path, Kern string }
			if err := json.Unmarshal(lines.Bytes(), &o); err != nil {
				t.Fatal(err)
			}
			if o.Path != "" {
				text, err := os.ReadFile(filepath.Join(root, "data", filepath.FromSlash(o.Path)))
				if err != nil {
					t.Fatal(err)
				}
				o.Kern = string(text)
			}
			out[o.ID] = o.Kern
		}
	}
	return out
}

var update = flag.Bool("update", false, "rewrite testdata")

// TestExample compares a short piece with testdata/example.musicxml: a pickup, a
// clef and a key that change inside a bar, two voices, a triplet, a tie, a grace
// note, an accidental that is drawn once, a repeat.
func TestExample(t *testing.T) {
	t.Parallel()
	rows := []string{"**kern  **kern", "*clefF4  *clefG2", "*k[f#]  *k[f#]", "*M3/4  *M3/4", "*met(c)  *met(c)", "4r  4b", "=1!|:  =1!|:",
		"*  *^", "2.GG;  (12c#L  [2.g", ".  12d  .", ".  12eJ)  .", ".  8qf#  .", ".  8c#L  .", ".  8dnJ  .", "*clefG2  *  *", "*k[]  *k[]  *k[]", ".  4f'  .",
		"*  *v  *v", "=2  =2", "4e 4g  2.g]", "8.f#L  .", "16fJk  .", "4ryy  .", "=:|!  =:|!", "*-  *-"}
	s := kern.Read(strings.ReplaceAll(strings.Join(rows, "\n"), "  ", "\t")+"\n", kern.Options{})
	if !s.Valid() {
		t.Fatal(s.Problems)
	}
	got, err := Write(s, Source{Title: "An <example> & more", Software: "test 1"})
	if err != nil {
		t.Fatal(err)
	}
	const file = "testdata/example.musicxml"
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), string(got)); d != "" {
		t.Error(d)
	}
}

func TestNothingToWrite(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "**kern\n*-\n", "**text\nla\n*-\n"} {
		if _, err := Write(kern.Read(text, kern.Options{}), Source{}); !errors.Is(err, ErrNoMusic) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestHowValuesAreDrawn(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		num, den       int64
		name           string
		actual, normal int64
	}{
		{1, 1, "quarter", 1, 1}, {4, 1, "whole", 1, 1}, {8, 1, "breve", 1, 1}, {32, 1, "maxima", 1, 1}, {1, 32, "128th", 1, 1},
		{1, 3, "eighth", 3, 2}, {2, 3, "quarter", 3, 2}, {4, 3, "half", 3, 2}, {8, 3, "whole", 3, 2}, {1, 5, "16th", 5, 4},
		{1, 7, "16th", 7, 4}, {4, 9, "eighth", 9, 8}, {3, 4, "quarter", 4, 3},
	} {
		value, _ := kern.NewFrac(c.num, c.den)
		index, actual, normal, ok := drawn(value)
		if !ok || typeNames[index] != c.name || actual != c.actual || normal != c.normal {
			t.Errorf("%s quarter notes: %s %d:%d %v, want %s %d:%d", value, typeNames[index], actual, normal, ok, c.name, c.actual, c.normal)
		}
	}
	for _, n := range []int64{0, 64} {
		if _, _, _, ok := drawn(kern.Whole(n)); ok {
			t.Errorf("a note of %d quarter notes is drawn", n)
		}
	}
}

// doc is as much of MusicXML as it takes to read the notes back.
type doc struct {
	Version string `xml:"version,attr"`
	List    struct {
		Parts []struct {
			ID string `xml:"id,attr"`
		} `xml:"score-part"`
	} `xml:"part-list"`
	Parts []struct {
		ID       string `xml:"id,attr"`
		Measures []struct {
			Number string    `xml:"number,attr"`
			Items  []element `xml:",any"`
		} `xml:"measure"`
	} `xml:"part"`
}

type element struct {
	XMLName xml.Name
	Attrs   []xml.Attr `xml:",any,attr"`
	Text    string     `xml:",chardata"`
	Items   []element  `xml:",any"`
}

func (e element) child(name string) *element {
	for i := range e.Items {
		if e.Items[i].XMLName.Local == name {
			return &e.Items[i]
		}
	}
	return nil
}

func (e element) number(t testing.TB, name string) int64 {
	c := e.child(name)
	if c == nil {
		return 0
	}
	var n int64
	if _, err := fmt.Sscan(c.Text, &n); err != nil {
		t.Fatalf("%s: %q", name, c.Text)
	}
	return n
}

// order of what a note may hold, from the schema's type note.
var order = []string{"grace", "chord", "pitch", "rest", "duration", "tie", "voice", "type", "dot", "accidental", "time-modification", "stem", "staff", "beam", "notations"}

// inOrder holds a note's elements to the schema's order.
func inOrder(t testing.TB, bar string, note element) {
	t.Helper()
	last := 0
	for _, c := range note.Items {
		i := slices.Index(order, c.XMLName.Local)
		if i < last {
			t.Errorf("bar %s: %s out of place in a note", bar, c.XMLName.Local)
		}
		last = i
	}
	for _, must := range []string{"voice"} {
		if note.child(must) == nil {
			t.Errorf("bar %s: a note without %s", bar, must)
		}
	}
}

// heard reads a file as a reader of the format does: a cursor that durations,
// backups and forwards move. It returns the notes as "onset duration pitch ties
// grace" and holds every bar to its structure.
func heard(t testing.TB, raw []byte) (notes []string, bars int) {
	t.Helper()
	var d doc
	if err := xml.Unmarshal(raw, &d); err != nil {
		t.Fatal(err)
	}
	if d.Version != "4.0" || len(d.Parts) != len(d.List.Parts) {
		t.Fatalf("version %q, %d parts of %d", d.Version, len(d.Parts), len(d.List.Parts))
	}
	for _, p := range d.Parts {
		var divisions, start, staves int64 = 0, 0, 1
		for _, m := range p.Measures {
			bars++
			cursor, end, last := start, start, start
			busy := map[int64]int64{} // by voice, until when it sounds
			for _, it := range m.Items {
				switch it.XMLName.Local {
				case "attributes":
					if n := it.number(t, "divisions"); n > 0 {
						divisions = n
					}
					staves = max(staves, it.number(t, "staves"))
				case "backup":
					cursor -= it.number(t, "duration")
				case "forward":
					cursor += it.number(t, "duration")
				case "note":
					inOrder(t, m.Number, it)
					at, length := cursor, it.number(t, "duration")
					grace := it.child("grace") != nil
					if it.child("chord") != nil {
						at = last
					} else {
						last = at
						cursor += length
						voice := it.number(t, "voice")
						if at < busy[voice] {
							t.Errorf("bar %s: voice %d begins before its last note ends", m.Number, voice)
						}
						busy[voice] = at + length
					}
					if s := it.number(t, "staff"); s > staves || staves > 1 && s < 1 {
						t.Errorf("bar %s: staff %d of %d", m.Number, s, staves)
					}
					if pitch := it.child("pitch"); pitch != nil {
						on, _ := kern.NewFrac(at, divisions)
						lasts, _ := kern.NewFrac(length, divisions)
						var ties []string
						for _, c := range it.Items {
							if c.XMLName.Local == "tie" {
								ties = append(ties, c.Attrs[0].Value)
							}
						}
						notes = append(notes, fmt.Sprintf("%s %s %s %d %d %v %v", on, lasts, pitch.child("step").Text, pitch.number(t, "alter"), pitch.number(t, "octave"), ties, grace))
					}
				}
				if cursor < start {
					t.Errorf("bar %s: backed up before its beginning", m.Number)
				}
				end = max(end, cursor)
			}
			if cursor != end {
				t.Errorf("bar %s ends at %d, its cursor at %d", m.Number, end, cursor)
			}
			start = end
		}
	}
	slices.Sort(notes)
	return notes, bars
}

func written(s *kern.Score) []string {
	var out []string
	for _, e := range s.Events {
		for _, p := range e.Pitches {
			out = append(out, fmt.Sprintf("%s %s %c %d %d %v %v", e.Onset, p.Duration, p.Step, p.Alter, p.Octave, tieTypes(p.Tie), e.Grace != kern.NotGrace))
		}
	}
	slices.Sort(out)
	return out
}

// TestTheFileSaysWhatTheScoreSays writes every text of the evaluation data,
// reads the file back, and compares all notes.
func TestTheFileSaysWhatTheScoreSays(t *testing.T) {
	t.Parallel()
	files, notes := 0, 0
	out := os.Getenv("MUSICXML_OUT") // a folder for other programs to look at
	for id, text := range texts(t) {
		s := kern.Read(text, kern.Options{})
		raw, err := Write(s, Source{Title: id + " <&>", Software: "test"})
		if errors.Is(err, ErrNoMusic) {
			continue
		}
		if err != nil {
			t.Fatalf("%s: %v", id, err)
		}
		files++
		got, bars := heard(t, raw)
		notes += len(got)
		if want := written(s); !slices.Equal(got, want) {
			t.Errorf("%s: %d notes, want %d\n%s", id, len(got), len(want), text)
		}
		if bars%len(s.Measures) != 0 {
			t.Errorf("%s: %d bars, want a multiple of %d", id, bars, len(s.Measures))
		}
		if out != "" {
			if err := os.WriteFile(filepath.Join(out, id+".musicxml"), raw, 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	t.Logf("%d files, %d notes", files, notes)
}
