package eval

import (
	"math"
	"testing"
)

func TestANLS(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		answer string
		truths []string
		want   float64
	}{
		{"Paris", []string{"paris"}, 1},
		{" new   york ", []string{"New York"}, 1},
		{"sitting", []string{"kitten"}, 1 - 3./7},
		{"abcd", []string{"abxy"}, 0}, // one half is too far
		{"abcd", []string{"wxyz", "abce"}, 0.75},
		{"", []string{"x"}, 0},
		{"", []string{""}, 1},
		{"x", nil, 0},
	} {
		if got := ANLS(c.answer, c.truths); math.Abs(got-c.want) > 1e-12 {
			t.Errorf("%q of %q: %v, want %v", c.answer, c.truths, got, c.want)
		}
	}
}

func TestVQAAccuracy(t *testing.T) {
	t.Parallel()
	people := func(yes int, said string) []string {
		out := make([]string, 10)
		for i := range out {
			if out[i] = "something else"; i < yes {
				out[i] = said
			}
		}
		return out
	}
	// Of ten people k said the same: each of the k has k-1 others, each of the rest k.
	for k, want := range map[int]float64{0: 0, 1: 9 * (1. / 3) / 10, 2: (2*(1./3) + 8*(2./3)) / 10, 3: (3*(2./3) + 7) / 10, 4: 1, 10: 1} {
		if got := VQAAccuracy("yes", people(k, "yes")); math.Abs(got-want) > 1e-12 {
			t.Errorf("%d of 10: %v, want %v", k, got, want)
		}
	}
	if got := VQAAccuracy("The dog.", people(5, "dog")); got != 1 {
		t.Errorf("article and stop count: %v", got)
	}
	if got := VQAAccuracy("The dog.", people(10, "dog")); got != 0 {
		t.Errorf("where all agree to the letter nothing is normalised: %v", got)
	}
	if got := VQAAccuracy("x", nil); got != 0 {
		t.Errorf("%v of nobody", got)
	}
}

func TestNormaliseAnswer(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"The Cat":       "cat",
		"two dogs":      "2 dogs",
		"dont":          "don't",
		"1,000":         "1000",
		"red/blue":      "red blue",
		"red / blue":    "red blue",
		"yes.":          "yes",
		"3.5":           "3.5",
		"U.S.A.":        "usa",
		"t-shirt":       "t shirt",
		"an  apple, ok": "apple ok",
	} {
		if got := NormaliseAnswer(in); got != want {
			t.Errorf("%q becomes %q, want %q", in, got, want)
		}
	}
}

func TestRelaxedAccuracy(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		answer, truth string
		want          bool
	}{
		{"105", "100", true}, {"94.9", "100", false}, {"-105", "-100", true}, {"105.1", "100", false},
		{"5%", "0.05", true}, {"5.3%", "5%", false}, {"5.2%", "5%", true},
		{"Germany", "germany", true}, {"German", "Germany", false}, {"0", "0", true}, {"0.001", "0", false},
		{"NaN", "nan", true}, {"inf", "1e308", false}, {"", "1", false},
	} {
		if got := RelaxedAccuracy(c.answer, c.truth); got != c.want {
			t.Errorf("%q of %q: %v", c.answer, c.truth, got)
		}
	}
}
