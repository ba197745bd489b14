package eval

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
)

// Paired is what two runs over the same items say of one metric in one subset.
type Paired struct {
	Subset string  `json:"subset"` // "all" for all subsets together
	Metric string  `json:"metric"`
	Items  int     `json:"items"` // that both runs have
	A      float64 `json:"a"`     // mean over these items
	B      float64 `json:"b"`
	// Difference is B minus A, with its 95 % bootstrap interval over items.
	Difference float64 `json:"difference"`
	Low        float64 `json:"low"`
	High       float64 `json:"high"`
	// P is the probability of a difference at least so large if it were chance
	// which run gave which of an item's two values (Fisher's permutation test,
	// two-sided).
	P     float64 `json:"p"`
	Above int     `json:"above"` // items of a greater value in B
	Below int     `json:"below"`
	Equal int     `json:"equal"`
}

// Comparison is what came of two runs.
type Comparison struct {
	Pairs []Paired `json:"pairs"`
	OnlyA []string `json:"only_a"` // items that only one of them has
	OnlyB []string `json:"only_b"`
}

// The test's settings. Up to exactItems all ways of swapping are tried.
const (
	exactItems        = 12
	permutationRounds = 10_000
)

// Compare pairs the results of two runs by item and tests, for each metric
// that both runs gave of an item, whether the runs differ: in each subset, and
// over all where there are several. The figures are means over items, not
// pooled ones; an item that failed has the values it was given.
func Compare(a, b []Result) Comparison {
	var out Comparison
	other := make(map[string]Result, len(b))
	for _, r := range b {
		other[r.ID] = r
	}
	type key struct{ subset, metric string }
	values := map[key][][2]float64{}
	subsets := map[string]bool{}
	for _, r := range a {
		s, ok := other[r.ID]
		if !ok {
			out.OnlyA = append(out.OnlyA, r.ID)
			continue
		}
		delete(other, r.ID)
		for metric, v := range r.Metrics {
			if w, ok := s.Metrics[metric]; ok {
				subsets[r.Subset] = true
				values[key{r.Subset, metric}] = append(values[key{r.Subset, metric}], [2]float64{v, w})
				values[key{"", metric}] = append(values[key{"", metric}], [2]float64{v, w})
			}
		}
	}
	for _, r := range b {
		if _, left := other[r.ID]; left {
			out.OnlyB = append(out.OnlyB, r.ID)
		}
	}
	for k, pairs := range values {
		if k.subset == "" {
			if len(subsets) < 2 {
				continue
			}
			k.subset = "all"
		}
		p := test(pairs)
		p.Subset, p.Metric = k.subset, k.metric
		out.Pairs = append(out.Pairs, p)
	}
	slices.SortFunc(out.Pairs, func(x, y Paired) int {
		return cmp.Or(cmp.Compare(x.Metric, y.Metric), cmp.Compare(x.Subset, y.Subset))
	})
	return out
}

// test compares pairs of values.
func test(pairs [][2]float64) Paired {
	p := Paired{Items: len(pairs)}
	n := float64(len(pairs))
	differences := make([]float64, len(pairs))
	for i, v := range pairs {
		p.A += v[0] / n
		p.B += v[1] / n
		differences[i] = v[1] - v[0]
		p.Difference += differences[i] / n
		switch {
		case v[1] > v[0]:
			p.Above++
		case v[1] < v[0]:
			p.Below++
		default:
			p.Equal++
		}
	}
	rng := rand.New(rand.NewPCG(bootstrapSeed, uint64(len(pairs))))
	means := make([]float64, bootstrapRounds)
	for k := range means {
		for range differences {
			means[k] += differences[rng.IntN(len(differences))] / n
		}
	}
	slices.Sort(means)
	p.Low = min(p.Difference, means[len(means)*25/1000])
	p.High = max(p.Difference, means[(len(means)-1)*975/1000])
	p.P = permutation(differences, rng)
	return p
}

// permutation is the two-sided probability that the sum of differences, each
// with its sign thrown anew, is at least as far from zero as it is.
func permutation(differences []float64, rng *rand.Rand) float64 {
	var moved []float64 // items without difference have no sign to throw
	sum := 0.0
	for _, d := range differences {
		if d != 0 {
			moved = append(moved, d)
			sum += d
		}
	}
	least := math.Abs(sum) * (1 - 1e-9) // equal sums in another order
	far := func(sign func(i int) bool) int {
		s := 0.0
		for i, d := range moved {
			if sign(i) {
				s -= d
			} else {
				s += d
			}
		}
		if math.Abs(s) >= least {
			return 1
		}
		return 0
	}
	count := 0
	if len(moved) <= exactItems {
		ways := 1 << len(moved)
		for way := range ways {
			count += far(func(i int) bool { return way>>i&1 == 1 })
		}
		return float64(count) / float64(ways)
	}
	var bits uint64
	for range permutationRounds {
		count += far(func(i int) bool {
			if i%64 == 0 {
				bits = rng.Uint64()
			}
			return bits>>(i%64)&1 == 1
		})
	}
	return float64(count+1) / float64(permutationRounds+1)
}

// Drops are the comparisons in which the second run is clearly worse than the first by one
// of the leading metrics of the task: over all items (those of a single subset, where
// there is but one) chance would make such a difference in less than one of twenty cases,
// or the mean is worse by more than a tenth.
func Drops(m Measure, c Comparison) []Paired {
	all := func(metric string) (only Paired, ok bool) {
		for _, p := range c.Pairs {
			if p.Metric != metric {
				continue
			}
			if p.Subset == "all" {
				return p, true
			}
			only, ok = p, true
		}
		return only, ok
	}
	var out []Paired
	for _, metric := range m.Leading() {
		p, ok := all(metric)
		if !ok {
			continue
		}
		worse := -p.Difference
		if LowerIsBetter(metric) {
			worse = p.Difference
		}
		if worse > 0 && (p.P < 0.05 || worse > math.Abs(p.A)/10) {
			out = append(out, p)
		}
	}
	return out
}
