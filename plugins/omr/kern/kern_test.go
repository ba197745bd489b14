package kern

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// lines makes a text of rows whose columns are separated by two spaces.
func lines(rows ...string) string {
	return strings.ReplaceAll(strings.Join(rows, "\n"), "  ", "\t") + "\n"
}

func TestFaultsSayLineKindAndReason(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, text, want string
		whole            bool
	}{
		{"a note that is none", lines("**kern", "4c", "4x", "=", "1d", "*-"), `line 3: bad_token: "4x" has neither a pitch nor a rest`, false},
		{"a grace of no note", lines("**kern", "4c", "q", "=", "1d", "*-"), `line 3: bad_token: "q" has neither a pitch nor a rest`, false},
		{"a zero duration", lines("**kern", "0%3c", "*-"), `line 2: bad_token: "0%3c": "0%3" is no duration`, false},
		{"a duration of zeros and more", lines("**kern", "04c", "*-"), `line 2: bad_token: "04c": "04" is no duration`, false},
		{"a pitch no key has", lines("**kern", "4CCCCCCC", "*-"), `line 2: bad_token: "4CCCCCCC": pitch C-3 is out of reach`, false},
		{"a chord that disagrees", lines("**kern", "4c 2e", "*-"), `line 2: mixed_chord: "4c 2e": the notes of a chord last equally long`, true},
		{"a metre of nothing", lines("**kern", "*M0/4", "*-"), `line 2: bad_token: "*M0/4" is no metre`, false},
		{"a new column without a name", lines("**kern", "*+", "4c  4d", "*-  *-"), `line 3: no_exclusive: a column made by *+ should say what it holds`, false},
		{"a bar too long at the beginning", lines("**kern", "*M2/4", "1c", "=2", "2d", "==", "*-"), `line 4: measure_duration: the bar that ends here lasts 4 quarter notes, its metre wants 2`, true},
		{"a bar too long at the end", lines("**kern", "*M2/4", "2c", "=2", "1d", "*-"), `line 6: measure_duration: the bar that ends here lasts 4 quarter notes, its metre wants 2`, true},
		{"voices that part before the end", lines("**kern  **kern", "4c  2e", "*-  *-"), `line 3: measure_duration: the last bar ends at 1 quarter notes in one voice and at 2 in another`, true},
		{"bytes that are no text", "**kern\n4\xff\n*-\n", `line 2: not_utf8: bytes that are no UTF-8`, false},
		{"a time beyond all bounds", lines("**kern") + strings.Repeat("1%99999c\n", 6) + "*-\n", `line 4: too_large: the end of "1%99999c" passes the bounds of a moment`, false},
	} {
		s := Read(c.text, Options{})
		if len(s.Problems) == 0 || s.Problems[0].Error() != c.want || s.Whole() != c.whole || s.Valid() {
			t.Errorf("%s: %v, whole %v\nwant %s, %v", c.name, s.Problems, s.Whole(), c.want, c.whole)
		}
	}
}

// What cannot be read takes the rest of its bar with it, and no more.
func TestReadingGoesOnAtTheNextBarLine(t *testing.T) {
	t.Parallel()
	s := Read(lines("**kern", "*M2/4", "=1", "4c", "4?", "=2", "4d", "4e", "=3", "2f", "==", "*-"), Options{})
	var names []string
	for _, e := range s.Events {
		names = append(names, fmt.Sprint(e.Pitches[0].Name(), "@", s.Measures[e.Measure].Number))
	}
	if want := []string{"C4@1", "D4@2", "E4@2", "F4@3"}; !slices.Equal(names, want) || len(s.Problems) != 1 || !s.Measures[0].Torn {
		t.Errorf("%v, %v; want %v", names, s.Problems, want)
	}
}

func TestTiesMayCrossTheEndsOfAFragment(t *testing.T) {
	t.Parallel()
	text := lines("**kern", "2c]", "[2d", "*-")
	if s := Read(text, Options{Fragment: true}); !s.Valid() {
		t.Error(s.Problems)
	}
	if s := Read(text, Options{}); len(s.Problems) != 2 || s.Problems[0].Kind != TieWithoutStart || s.Problems[1].Kind != TieWithoutEnd {
		t.Error(s.Problems)
	}
	for _, inside := range []string{lines("**kern", "2c", "2d]", "*-"), lines("**kern", "[2c", "2d", "*-")} {
		if s := Read(inside, Options{Fragment: true}); len(s.Problems) != 1 {
			t.Errorf("%q: %v", inside, s.Problems)
		}
	}
}

// A bar is held against the metre that holds when its first note begins: a change
// in front of a bar line is that of the bar behind it.
func TestMetresHoldFromTheNextBar(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		lines("**kern", "*M4/4", "=1", "1c", "=2", "1c", "*M3/4", "=3", "2.c", "=4", "2.d", "==", "*-"),
		lines("**kern", "*M4/4", "=1", "1c", "=2", "1c", "=3", "*M3/4", "2.c", "=4", "2.d", "==", "*-"),
		lines("**kern", "*M2+3/8", "=1", "2c", "8c", "=2", "2c", "8c", "=3", "*MX", "00c", "=4", "1c", "=5", "1c", "*-"),
		lines("**kern", "*M3/3%2", "=1", "0c", "=2", "0c", "=3", "0c", "*-"),
	} {
		if s := Read(text, Options{}); !s.Valid() {
			t.Errorf("%s%v", text, s.Problems)
		}
	}
}

func TestSpinesThatComeAndGo(t *testing.T) {
	t.Parallel()
	s := Read(lines("**kern", "*staff2", "1C", "=", "*+", "*  **kern", "1D  1d", "=  =", "*  *^", "1E  2e  2g", ".  2f  2a", "*x  *x  *", "1g  1F  1b", "*-  *  *", "1G  1c", "*  *", "*-  *-"), Options{})
	var got []string
	for _, e := range s.Events {
		got = append(got, fmt.Sprintf("%s@%s spine %d voice %d", e.Text, e.Onset, e.Spine, e.Voice))
	}
	want := []string{"1C@0 spine 0 voice 1", "1D@4 spine 0 voice 1", "1d@4 spine 1 voice 1",
		"1E@8 spine 0 voice 1", "2e@8 spine 1 voice 1", "2g@8 spine 1 voice 2", "2f@10 spine 1 voice 1", "2a@10 spine 1 voice 2",
		"1g@12 spine 1 voice 1", "1F@12 spine 0 voice 1", "1b@12 spine 1 voice 2", "1G@16 spine 0 voice 1", "1c@16 spine 1 voice 1"}
	if !slices.Equal(got, want) || !s.Valid() {
		t.Errorf("%q\n%v", got, s.Problems)
	}
}

func TestFractions(t *testing.T) {
	t.Parallel()
	f := func(n, d int64) Frac { v, _ := NewFrac(n, d); return v }
	if got, ok := f(1, 3).Plus(f(1, 6)); !ok || got != f(1, 2) || got.String() != "1/2" {
		t.Error(got, ok)
	}
	if got, ok := f(1, 3).Minus(f(1, 2)); !ok || got != f(-1, 6) || got.Cmp(Frac{}) != -1 || f(-1, 2).Cmp(got) != -1 {
		t.Error(got, ok)
	}
	if got, ok := f(-2, 3).Times(f(9, 4)); !ok || got != f(-3, 2) {
		t.Error(got, ok)
	}
	if _, ok := f(1, 1<<39).Plus(f(1, 3)); ok {
		t.Error("a denominator beyond the bound")
	}
	if _, ok := Whole(1 << 19).Times(Whole(4)); ok {
		t.Error("a value beyond the bound")
	}
	if (Frac{}).Cmp(Whole(0)) != 0 || !(Frac{}).Equal(Whole(0)) || (Frac{}).String() != "0" {
		t.Error("the zero value is not zero")
	}
}

func FuzzRead(f *testing.F) {
	f.Add(lines("**kern  **kern", "*clefF4  *clefG2", "*k[b-]  *k[b-]", "*M3/4  *M3/4", "=1  =1", "*  *^", "2.C  4c  [2.g", ".  12d  .", ".  12e  .", ".  12f  .", ".  4g  .", "*  *v  *v", "=2  =2", "2.D  8qa", ".  2.g]", "==  ==", "*-  *-"), true)
	f.Add("**kern\n4\xff*+\r\n*-\n", false)
	f.Fuzz(func(t *testing.T, text string, fragment bool) {
		s := Read(text, Options{Fragment: fragment})
		for _, e := range s.Events {
			if e.Spine < 0 || e.Spine >= len(s.Exclusive) || e.Onset.Cmp(Frac{}) < 0 || e.Onset.Cmp(s.Total) > 0 || e.Voice < 1 || e.Line < 1 {
				t.Fatalf("impossible event %+v", e)
			}
			for _, p := range e.Pitches {
				if m := p.MIDI(); m < 0 || m > 127 || len(p.Name()) > 4 {
					t.Fatalf("impossible pitch %+v", p)
				}
			}
		}
		at := Frac{}
		for _, m := range s.Measures {
			if !m.Torn && m.Duration.Zero() || m.Duration.Cmp(Frac{}) < 0 || !m.Onset.Equal(at) && m.Onset.Cmp(at) < 0 {
				t.Fatalf("impossible bar %+v", m)
			}
			at, _ = m.Onset.Plus(m.Duration)
		}
		if s.Valid() && !s.Whole() {
			t.Fatal("valid, but not whole")
		}
		if len(s.Problems) > 2*maxProblems+len(s.Events)+len(s.Measures) {
			t.Fatalf("%d problems", len(s.Problems))
		}
		if s.Follows(s) == nil {
			joined, err := Join([]string{text, text})
			if err != nil {
				t.Fatal(err)
			}
			if j := Read(joined, Options{}); j.Whole() && len(j.Events) != 2*len(s.Events) {
				t.Fatalf("%d events joined to themselves are %d\n%s", len(s.Events), len(j.Events), joined)
			}
		}
	})
}
