package eval

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
)

// Value is one pooled metric with its 95 % bootstrap interval.
type Value struct {
	Value float64 `json:"value"`
	Low   float64 `json:"low"`
	High  float64 `json:"high"`
	N     int     `json:"n"` // items that have this metric
}

// Totals maps subset, then metric, to its value.
type Totals map[string]map[string]Value

// Score is what one item contributes to each metric.
type Score struct {
	terms   map[string]term
	found   []Detection // for average precision, which is no function of sums
	objects []Object
}

// term is one metric as a function of sums, which pooling adds up over items.
type term struct {
	value func(sums []float64) float64
	sums  []float64
}

type number interface{ ~int | ~float64 }

// share is a part of a whole, 1 of nothing.
func share(s []float64) float64 {
	if s[1] == 0 {
		return 1
	}
	return s[0] / s[1]
}

// rate is edits over length; without length it is 0 when there are no edits, else 1.
func rate(s []float64) float64 {
	switch {
	case s[1] > 0:
		return s[0] / s[1]
	case s[0] > 0:
		return 1
	}
	return 0
}

func percent(s []float64) float64 { return 100 * rate(s) }

// perplexity is the exponential of a mean, cut where a float64 ends: JSON knows no infinity.
func perplexity(s []float64) float64 {
	if s[1] == 0 {
		return 1
	}
	return min(math.Exp(s[0]/s[1]), math.MaxFloat64)
}

func shareTerm[N number](hits, of N) term {
	return term{share, []float64{float64(hits), float64(of)}}
}

func f1Term[N number](hits, read, all N) term {
	return term{share, []float64{2 * float64(hits), float64(read) + float64(all)}}
}

func rateTerm(edits, length int) term { return term{rate, []float64{float64(edits), float64(length)}} }

// meanTerm is a metric of which the pooled value is the mean over items.
func meanTerm(v float64) term { return term{share, []float64{v, 1}} }

// Metrics are the figures of this item alone.
func (s Score) Metrics() map[string]float64 {
	m := make(map[string]float64, len(s.terms))
	for name, t := range s.terms {
		m[name] = t.value(t.sums)
	}
	if len(s.objects) > 0 {
		ap := averagePrecisions(AveragePrecision(s.found, s.objects))
		for name, v := range ap {
			m[name] = v
		}
	}
	return m
}

const (
	// bootstrapRounds keeps the 2.5 % points steady to about a percent of the interval.
	bootstrapRounds = 1000
	bootstrapSeed   = 20250101
	// maxRedrawn bounds the boxes that average precision is computed of anew for its
	// interval; there are fewer rounds when there are many boxes, but never less than 100.
	maxRedrawn = 5_000_000
)

// Pool gives each metric of the items of one subset with its bootstrap interval. The
// interval of a single item is that item's value: one item says nothing about the spread.
func Pool(items []Score) map[string]Value {
	columns := map[string][]term{}
	boxes := 0
	detection := false
	for _, s := range items {
		for name, t := range s.terms {
			columns[name] = append(columns[name], t)
		}
		boxes += len(s.found) + len(s.objects)
		detection = detection || s.found != nil || s.objects != nil
	}
	out := map[string]Value{}
	for name, column := range columns {
		out[name] = poolTerms(column)
	}
	if detection {
		poolDetections(items, boxes, out)
	}
	return out
}

// poolTerms adds up one metric.
func poolTerms(column []term) Value {
	value := column[0].value
	sums := make([]float64, len(column[0].sums))
	add := func(t term) {
		for i, v := range t.sums {
			sums[i] += v
		}
	}
	for _, t := range column {
		add(t)
	}
	v := value(sums)
	if len(column) < 2 {
		return Value{v, v, v, len(column)}
	}
	rng := rand.New(rand.NewPCG(bootstrapSeed, uint64(len(column))))
	drawn := make([]float64, bootstrapRounds)
	for k := range drawn {
		clear(sums)
		for range column {
			add(column[rng.IntN(len(column))])
		}
		drawn[k] = value(sums)
	}
	return interval(v, drawn, len(column))
}

// interval is the value with the middle 95 % of what was drawn. The value lies inside.
func interval(v float64, drawn []float64, n int) Value {
	slices.Sort(drawn)
	return Value{v, min(v, drawn[len(drawn)*25/1000]), max(v, drawn[(len(drawn)-1)*975/1000]), n}
}

// poolDetections computes average precision over all items, and over samples of them. An
// image that was drawn twice is two images.
func poolDetections(items []Score, boxes int, out map[string]Value) {
	names := make([]string, len(items)) // in order: of equally certain boxes the first image's comes first
	for i := range names {
		names[i] = fmt.Sprintf("%06d", i)
	}
	pick := func(choose func(i int) int) map[string]float64 {
		var found []Detection
		var objects []Object
		for i := range items {
			s := items[choose(i)]
			image := names[i]
			for _, d := range s.found {
				d.Image = image
				found = append(found, d)
			}
			for _, o := range s.objects {
				o.Image = image
				objects = append(objects, o)
			}
		}
		return averagePrecisions(AveragePrecision(found, objects))
	}
	values := pick(func(i int) int { return i })
	drawn := map[string][]float64{}
	if len(items) > 1 {
		rng := rand.New(rand.NewPCG(bootstrapSeed, uint64(len(items))))
		for range min(bootstrapRounds, max(100, maxRedrawn/max(1, boxes))) {
			for name, v := range pick(func(int) int { return rng.IntN(len(items)) }) {
				drawn[name] = append(drawn[name], v)
			}
		}
	}
	for name, v := range values {
		out[name] = Value{v, v, v, len(items)}
		if d := drawn[name]; len(d) > 0 {
			out[name] = interval(v, d, len(items))
		}
	}
}

func averagePrecisions(ap AP) map[string]float64 {
	return map[string]float64{"ap": ap.Mean, "ap50": ap.At50, "ap75": ap.At75}
}
