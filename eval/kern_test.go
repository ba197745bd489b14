package eval

import (
	"encoding/json"
	"math"
	"slices"
	"testing"
)

type kernExpectation struct {
	Current struct{ CER, SER, LER float64 } `json:"smt_current"`
	Earlier struct{ CER, SER, LER float64 } `json:"e2e_pianoform_2023"`
}

func (want kernExpectation) equal(got KernRates) bool {
	near := func(a, b float64) bool { return math.Abs(a-b) < 1e-6 }
	return near(got.CER, want.Current.CER) && near(got.SER, want.Current.SER) && near(got.LER, want.Current.LER) &&
		near(got.CER2023, want.Earlier.CER) && near(got.SER, want.Earlier.SER) && near(got.LER, want.Earlier.LER)
}

// The reference vectors fix the rates of single pairs and of a corpus, the cleaning, the
// tokens of every encoding, and the distance.
func TestKernVectors(t *testing.T) {
	t.Parallel()
	var ref struct {
		Pairs []struct {
			Name, Hyp, GT string
			Expected      kernExpectation
		} `json:"per_pair"`
		Corpus struct {
			Hyps, GTs []string
			Expected  kernExpectation
		}
		Parse []struct {
			Kern, Clean string
			Expected    map[KernEncoding][]string
		} `json:"parse_kern"`
		Levenshtein []struct {
			A, B     json.RawMessage
			Expected int
		}
	}
	readJSON(t, sharedFile(t, "metric_vectors/kern_cer_ser_ler.json"), &ref)
	passed, total := 0, 0
	check := func(name string, ok bool, got, want any) {
		if total++; ok {
			passed++
		} else {
			t.Errorf("%s: got %v, want %v", name, got, want)
		}
	}
	for _, p := range ref.Pairs {
		got := CompareKern(p.Hyp, p.GT).Rates()
		check(p.Name, p.Expected.equal(got), got, p.Expected)
	}
	var sum KernErrors
	for i := range ref.Corpus.Hyps {
		sum = sum.Plus(CompareKern(ref.Corpus.Hyps[i], ref.Corpus.GTs[i]))
	}
	check("corpus", ref.Corpus.Expected.equal(sum.Rates()), sum.Rates(), ref.Corpus.Expected)
	for _, p := range ref.Parse {
		check("clean", CleanKern(p.Kern) == p.Clean, CleanKern(p.Kern), p.Clean)
		for encoding, want := range p.Expected {
			got := KernTokens(p.Kern, encoding)
			check(string(encoding), slices.Equal(got, want), got, want)
		}
	}
	for _, l := range ref.Levenshtein {
		got := -1
		if l.A[0] == '"' {
			got = distance([]rune(text(t, l.A)), []rune(text(t, l.B)))
		} else {
			var a, b []string
			if err := json.Unmarshal(l.A, &a); err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal(l.B, &b); err != nil {
				t.Fatal(err)
			}
			got = distance(a, b)
		}
		check("levenshtein", got == l.Expected, got, l.Expected)
	}
	t.Logf("%d of %d vectors equal within 1e-6", passed, total)
	if total == 0 {
		t.Error("no vectors")
	}
}

func text(t *testing.T, raw json.RawMessage) (s string) {
	t.Helper()
	if err := json.Unmarshal(raw, &s); err != nil {
		t.Fatal(err)
	}
	return s
}

// Where the reference divides by zero, the rule is ours.
func TestKernRatesOfNothing(t *testing.T) {
	t.Parallel()
	if r := CompareKern("", "").Rates(); r != (KernRates{}) {
		t.Errorf("nothing read of nothing: %+v", r)
	}
	if r := CompareKern("4c", "").Rates(); r.CER != 100 || r.CER2023 != 100 || r.SER != 100 || r.LER != 100 {
		t.Errorf("something read of nothing: %+v", r)
	}
}

func TestPrepareKern(t *testing.T) {
	t.Parallel()
	got := PrepareKern("**kern\t**kern\n*staff2\t*staff1\n*\t*\n=12\t=12\n8\u00b7c@L 8e\t4d\n*-\t*-\n\n")
	if want := "**kern\t**kern\n=\t=\n8cL 8e\t4d\n*-\t*-"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
