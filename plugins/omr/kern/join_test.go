package kern

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestJoin(t *testing.T) {
	t.Parallel()
	first := lines("!!!COM: A", "**kern  **kern", "*clefF4  *clefG2", "*k[f#]  *k[f#]", "*M2/4  *M2/4", "=1  =1", "2G  [2b", "=2  =2", "*  *^", "2D  2b]  2g", "*-  *-  *-")
	for _, c := range []struct {
		name string
		next string
		want string // what stands behind the first system's last note
	}{
		{"clef, key and metre hold, the bar line is the second's",
			lines("**kern  **kern", "*clefF4  *clefG2", "*k[f#]  *k[f#]", "=3  =3", "2G  2d", "*-  *-"),
			lines("*  *v  *v", "=3  =3", "2G  2d", "*-  *-")},
		{"what changes stays",
			lines("**kern  **kern", "*clefG2  *clefG2", "*k[]  *k[]", "*M2/4  *M2/4", "=3  =3", "2G  2d", "*-  *-"),
			lines("*  *v  *v", "*clefG2  *", "*k[]  *k[]", "=3  =3", "2G  2d", "*-  *-")},
		{"no bar line on either side of a full bar",
			lines("**kern  **kern", "*clefF4  *clefG2", "2G  2d", "==  ==", "*-  *-"),
			lines("*  *v  *v", "=  =", "2G  2d", "==  ==", "*-  *-")},
	} {
		got, err := Join([]string{first, c.next})
		head, rest, _ := strings.Cut(got, "2D\t2b]\t2g\n")
		if err != nil || rest != c.want || !strings.HasPrefix(first, head) {
			t.Errorf("%s: %v\n%s\nwant\n%s", c.name, err, rest, c.want)
		}
		if s := Read(got, Options{}); !s.Valid() {
			t.Errorf("%s: %v", c.name, s.Problems)
		}
	}
	if _, err := Join([]string{first, lines("**kern", "1c", "*-")}); !errors.Is(err, ErrSpines) {
		t.Error(err)
	}
	if _, err := Join([]string{lines("**kern  **kern", "1c  1c", "*x  *x", "*-  *-")}); !errors.Is(err, ErrEarlyEnd) {
		t.Error(err)
	}
	if _, err := Join([]string{first, lines("**kern  **kern", "4c", "*-  *-")}); !errors.Is(err, ErrNotWhole) {
		t.Error(err)
	}
}

// systems cuts a text before bar lines, at most n bars a piece, the clefs and keys
// said again at the beginning of each but not the metre, as printed music does.
func systems(text string, n int) []string {
	rows := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	var head []string
	var pieces []string
	var body []string
	state := map[held]string{}
	width, bars := 0, 0
	flush := func(last bool) {
		piece := []string{strings.Join(head, "\t")}
		if len(pieces) > 0 {
			for _, kind := range []string{"*staff", "*clef", "*k["} {
				row := make([]string, len(head))
				for i := range row {
					if row[i] = state[held{i, kind}]; row[i] == "" {
						row[i] = "*"
					}
				}
				piece = append(piece, strings.Join(row, "\t"))
			}
		}
		piece = append(piece, body...)
		if !last {
			piece = append(piece, strings.Repeat("*-\t", len(head)-1)+"*-")
		}
		pieces, body, bars = append(pieces, strings.Join(piece, "\n")+"\n"), nil, 0
	}
	pending := map[held]string{} // said since the piece began
	for _, row := range rows {
		f := strings.Split(row, "\t")
		switch {
		case strings.HasPrefix(row, "!!"):
			continue
		case head == nil:
			head, width = f, len(f)
			continue
		case row[0] == '=' && len(f) == len(head) && width == len(head):
			if bars++; bars > n {
				for k, v := range pending {
					state[k] = v
				}
				flush(false)
				bars = 1
			}
		case row[0] == '*' && len(f) == len(head):
			for i, token := range f {
				if k := kindOf(token); k != "" {
					pending[held{i, k}] = token
				}
			}
		}
		width = len(f)
		body = append(body, row)
	}
	flush(true)
	return pieces
}

// TestSystemsJoinToTheWhole cuts the oracle's texts into systems of three bars and
// joins them again: the notes, bars, keys and metres are those of the whole.
func TestSystemsJoinToTheWhole(t *testing.T) {
	t.Parallel()
	movements, pieces := 0, 0
	for _, o := range readOracle(t, "kern_oracle.jsonl.gz") {
		whole := Read(o.Kern, Options{Fragment: true})
		cut := systems(o.Kern, 3)
		joined, err := Join(cut)
		if err != nil {
			if !errors.Is(err, ErrEarlyEnd) { // cut inside an exchange
				t.Errorf("%s: %v", o.ID, err)
			}
			continue
		}
		movements++
		pieces += len(cut)
		got := Read(joined, Options{Fragment: true})
		if a, b := timeless(got), timeless(whole); !slices.Equal(a, b) {
			t.Errorf("%s in %d systems: %s", o.ID, len(cut), difference(a, b))
		}
	}
	t.Logf("%d movements of %d systems", movements, pieces)
	if movements == 0 {
		t.Error("nothing was joined")
	}
}

// timeless lists what a score says without the places in its text.
func timeless(s *Score) []string {
	var out []string
	for _, e := range s.Events {
		for _, p := range e.Pitches {
			out = append(out, fmt.Sprint(e.Spine, e.Staff, e.Voice, e.Onset, p.Duration, p.Name(), p.Tie, e.Grace))
		}
	}
	for _, m := range s.Measures {
		out = append(out, fmt.Sprint(m.Number, m.Onset, m.Duration, m.Length))
	}
	for _, p := range s.Problems {
		out = append(out, string(p.Kind))
	}
	return out
}
