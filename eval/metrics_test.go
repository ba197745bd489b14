package eval

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// sharedFile finds a file of reference data beside the repository; the test is skipped
// where there is none.
func sharedFile(t *testing.T, name string) string {
	t.Helper()
	root := os.Getenv("PALIMPSEST_SHARED")
	if root == "" {
		root = filepath.Join("..", "..", "shared")
	}
	p := filepath.Join(root, "data", name)
	if _, err := os.Stat(p); err != nil {
		t.Skipf("reference data not here: %v", err)
	}
	return p
}

func readJSON(t *testing.T, path string, v any) {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(raw, v); err != nil {
		t.Fatal(err)
	}
}

// The reference vectors fix normalisation, distances and the convention for empty texts.
func TestErrorRateVectors(t *testing.T) {
	t.Parallel()
	var ref struct {
		Cases []struct {
			Name, Hyp, Ref                               string
			Char_edits, Ref_chars, Word_edits, Ref_words int
			Cer, Wer                                     float64
		}
		Corpus struct{ Cer, Wer float64 }
	}
	readJSON(t, sharedFile(t, "metric_vectors/cer_wer.json"), &ref)
	if len(ref.Cases) == 0 {
		t.Fatal("no cases")
	}
	var edits, chars, wordEdits, words int
	for _, c := range ref.Cases {
		e, n := CharacterEdits(c.Hyp, c.Ref)
		if e != c.Char_edits || n != c.Ref_chars || errorRate(e, n) != c.Cer {
			t.Errorf("%s: CER %d/%d, want %d/%d", c.Name, e, n, c.Char_edits, c.Ref_chars)
		}
		we, wn := WordEdits(c.Hyp, c.Ref)
		if we != c.Word_edits || wn != c.Ref_words || errorRate(we, wn) != c.Wer {
			t.Errorf("%s: WER %d/%d, want %d/%d", c.Name, we, wn, c.Word_edits, c.Ref_words)
		}
		edits, chars, wordEdits, words = edits+e, chars+n, wordEdits+we, words+wn
	}
	if got := errorRate(edits, chars); math.Abs(got-ref.Corpus.Cer) > 1e-12 {
		t.Errorf("corpus CER %v, want %v", got, ref.Corpus.Cer)
	}
	if got := errorRate(wordEdits, words); math.Abs(got-ref.Corpus.Wer) > 1e-12 {
		t.Errorf("corpus WER %v, want %v", got, ref.Corpus.Wer)
	}
	if !t.Failed() {
		t.Logf("CER, WER: %d of %d pairs and the corpus agree", len(ref.Cases), len(ref.Cases))
	}
}

// HierText's evaluator scores polygons by mutual best overlap; ours scores boxes by a
// matching of maximum size. On axis-aligned words the two agree.
func TestHierTextVectors(t *testing.T) {
	t.Parallel()
	type span struct {
		Vertices [][2]float64
		Text     string
		Legible  bool
	}
	var ref struct {
		Cases []struct {
			Name         string
			GT, Pred     []span
			Accumulators map[string]float64
			Expected     map[string]float64
		}
	}
	readJSON(t, sharedFile(t, "metric_vectors/hiertext_word.json"), &ref)
	upright := func(spans []span) ([]Word, bool) {
		var out []Word
		for _, s := range spans {
			b := [4]float64{math.Inf(1), math.Inf(1), math.Inf(-1), math.Inf(-1)}
			for _, v := range s.Vertices {
				b = [4]float64{min(b[0], v[0]), min(b[1], v[1]), max(b[2], v[0]), max(b[3], v[1])}
			}
			if len(s.Vertices) != 4 {
				return nil, false
			}
			for i, v := range s.Vertices {
				next := s.Vertices[(i+1)%4]
				if v[0] != next[0] && v[1] != next[1] {
					return nil, false
				}
			}
			out = append(out, Word{Text: s.Text, Box: b})
		}
		return out, true
	}
	checked := 0
	for _, c := range ref.Cases {
		gt, ok := upright(c.GT)
		pred, ok2 := upright(c.Pred)
		if !ok || !ok2 {
			continue
		}
		checked++
		var truth TruthPage
		for i, w := range gt {
			if c.GT[i].Legible {
				truth.Words = append(truth.Words, w)
			} else {
				truth.Ignore = append(truth.Ignore, w.Box)
			}
		}
		got := scorePage(LevelWord, truth, Page{Words: pred})
		want := c.Accumulators
		if float64(got.WordHits) != want["tp_e2e_cnt"] || float64(got.BoxHits) != want["tp_det_cnt"] ||
			float64(got.WordRead) != want["num_prediction"] || float64(got.WordAll) != want["num_groundtruth"] {
			t.Errorf("%s: %+v, want %v", c.Name, got, want)
		}
		m := (Score{terms: got.terms()}).Metrics()
		if got.WordAll > 0 && got.WordRead > 0 && math.Abs(m["word_f1"]-c.Expected["E2E-Fscore"]) > 1e-12 {
			t.Errorf("%s: word F1 %v, want %v", c.Name, m["word_f1"], c.Expected["E2E-Fscore"])
		}
	}
	if checked < 10 {
		t.Errorf("only %d vectors could be used", checked)
	}
}

func slowDistance(a, b []rune) int {
	d := make([]int, len(b)+1)
	for j := range d {
		d[j] = j
	}
	for i := range a {
		diag := d[0]
		d[0] = i + 1
		for j := range b {
			cost := diag
			if a[i] != b[j] {
				cost++
			}
			diag = d[j+1]
			d[j+1] = min(cost, d[j]+1, d[j+1]+1)
		}
	}
	return d[len(b)]
}

// The bit-parallel distance equals the textbook one, across block borders.
func TestDistance(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(1, 2))
	word := func(n int) []rune {
		r := make([]rune, n)
		for i := range r {
			r[i] = 'a' + rune(rng.IntN(4))
		}
		return r
	}
	for i := range 600 {
		a, b := word(rng.IntN(200)), word(rng.IntN(200))
		if i < 100 {
			a, b = word(62+i%5), word(60+i%7)
		}
		if got, want := distance(a, b), slowDistance(a, b); got != want {
			t.Fatalf("distance(%q, %q) = %d, want %d", string(a), string(b), got, want)
		}
	}
}

// A greedy matching by overlap would pair the first word read with the better of its two
// true words and leave the second word read without any; the matching must not.
func TestMatchWordsIsMaximal(t *testing.T) {
	t.Parallel()
	truth := []Word{{Text: "a", Box: [4]float64{0, 0, 10, 10}}, {Text: "a", Box: [4]float64{3, 0, 13, 10}}}
	read := []Word{{Text: "a", Box: [4]float64{2, 0, 12, 10}}, {Text: "a", Box: [4]float64{6, 0, 16, 10}}}
	for range 2 {
		if got := MatchWords(read, truth, false); got != 2 {
			t.Errorf("%d matches, want 2", got)
		}
		read[0], read[1] = read[1], read[0]
	}
	if got := MatchWords([]Word{{Text: "A", Box: truth[0].Box}}, truth, false); got != 0 {
		t.Error("texts of different case matched")
	}
	if got := MatchWords([]Word{{Text: "A", Box: truth[0].Box}}, truth, true); got != 1 {
		t.Error("detection looked at the text")
	}
	half := []Word{{Text: "a", Box: [4]float64{0, 0, 10, 5}}}
	if got := MatchWords(half, truth[:1], false); got != 0 {
		t.Error("an overlap of exactly one half is a match")
	}
}

func TestBagOfWordsIsAMultiset(t *testing.T) {
	t.Parallel()
	got := BagHits(strings.Fields("the the cat The"), strings.Fields("the cat cat sat"))
	if got != 2 {
		t.Errorf("%d, want 2: one the, one cat", got)
	}
}

func TestFacts(t *testing.T) {
	t.Parallel()
	no := false
	text := "Alpha beta gamma “delta” epsilon zeta Alpha eta"
	for _, c := range []struct {
		name string
		fact Fact
		want bool
	}{
		{"present", Fact{Type: "present", Text: "beta gamma"}, true},
		{"present is case sensitive", Fact{Type: "present", Text: "BETA"}, false},
		{"unless told otherwise", Fact{Type: "present", Text: "BETA", CaseSensitive: &no}, true},
		{"quotes are folded", Fact{Type: "present", Text: `"delta"`}, true},
		{"edits beyond the allowance", Fact{Type: "present", Text: "epsilom zetta", MaxDiffs: 1}, false},
		{"edits within it", Fact{Type: "present", Text: "epsilom zetta", MaxDiffs: 2}, true},
		{"absent", Fact{Type: "absent", Text: "theta"}, true},
		{"not absent", Fact{Type: "absent", Text: "beta"}, false},
		{"absent near the end", Fact{Type: "absent", Text: "beta", LastN: 10}, true},
		{"order", Fact{Type: "order", Before: "beta", After: "zeta"}, true},
		{"wrong order", Fact{Type: "order", Before: "zeta", After: "beta"}, false},
	} {
		if got := c.fact.Holds(text); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
	got := scoreFacts([]Fact{{Type: "absent", Text: "x"}, {Type: "table"}, {Type: "present", Text: "beta", Page: 2}},
		map[int]Page{2: {Number: 2, Words: []Word{{Text: "beta"}}}})
	if got.FactsAll != 2 || got.FactsHeld != 1 {
		t.Errorf("%+v: an unread page holds nothing, a table is not counted", got)
	}
}
