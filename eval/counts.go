package eval

import (
	"math/rand/v2"
	"slices"
	"strings"
)

// Counts are the raw sums from which every metric is computed. Sums of items may be
// added, which is what pooling means. The Has fields tell "measured, and zero" from
// "this truth cannot say".
type Counts struct {
	HasWords                    bool
	WordHits, WordRead, WordAll int // matches of equal text; words read; true words
	HasBoxes                    bool
	BoxHits, BoxRead, BoxAll    int // matches whatever the text
	HasText                     bool
	BagHits, BagRead, BagAll    int // multiset intersection; tokens read; true tokens
	Edits, Chars                int // Levenshtein distance; runes of the true text
	HasFacts                    bool
	FactsHeld, FactsAll         int
}

func (c *Counts) add(d Counts) {
	c.HasWords = c.HasWords || d.HasWords
	c.WordHits += d.WordHits
	c.WordRead += d.WordRead
	c.WordAll += d.WordAll
	c.HasBoxes = c.HasBoxes || d.HasBoxes
	c.BoxHits += d.BoxHits
	c.BoxRead += d.BoxRead
	c.BoxAll += d.BoxAll
	c.HasText = c.HasText || d.HasText
	c.BagHits += d.BagHits
	c.BagRead += d.BagRead
	c.BagAll += d.BagAll
	c.Edits += d.Edits
	c.Chars += d.Chars
	c.HasFacts = c.HasFacts || d.HasFacts
	c.FactsHeld += d.FactsHeld
	c.FactsAll += d.FactsAll
}

// Metrics computes every metric that the counts allow. Two empty sides agree: their F1,
// precision and recall are 1 and their error rate is 0.
func (c Counts) Metrics() map[string]float64 {
	m := map[string]float64{}
	if c.HasWords {
		m["word_f1"] = f1(c.WordHits, c.WordRead, c.WordAll)
		m["word_precision"] = share(c.WordHits, c.WordRead)
		m["word_recall"] = share(c.WordHits, c.WordAll)
	}
	if c.HasBoxes {
		m["box_f1"] = f1(c.BoxHits, c.BoxRead, c.BoxAll)
	}
	if c.HasText {
		m["bag_of_words_f1"] = f1(c.BagHits, c.BagRead, c.BagAll)
		m["bag_of_words_precision"] = share(c.BagHits, c.BagRead)
		m["bag_of_words_recall"] = share(c.BagHits, c.BagAll)
		m["cer"] = errorRate(c.Edits, c.Chars)
	}
	if c.HasFacts {
		m["facts"] = share(c.FactsHeld, c.FactsAll)
	}
	return m
}

// has says whether a metric can be computed from the counts.
func (c Counts) has(metric string) bool {
	switch {
	case metric == "box_f1":
		return c.HasBoxes
	case metric == "facts":
		return c.HasFacts
	case strings.HasPrefix(metric, "word_"):
		return c.HasWords
	}
	return c.HasText
}

func f1(hits, read, all int) float64 {
	if read+all == 0 {
		return 1
	}
	return 2 * float64(hits) / float64(read+all)
}

func share(hits, of int) float64 {
	if of == 0 {
		return 1
	}
	return float64(hits) / float64(of)
}

// errorRate is edits over length; an empty truth gives 0 when nothing was read, else 1.
func errorRate(edits, length int) float64 {
	switch {
	case length > 0:
		return float64(edits) / float64(length)
	case edits > 0:
		return 1
	}
	return 0
}

const (
	// bootstrapRounds keeps the 2.5 % points steady to about a percent of the interval.
	bootstrapRounds = 1000
	bootstrapSeed   = 20250101
)

// Pool adds up the counts of the items of one subset and gives each metric with its
// bootstrap interval. The interval of a single item is that item's value: one item says
// nothing about the spread.
func Pool(items []Counts) map[string]Value {
	var sum Counts
	for _, c := range items {
		sum.add(c)
	}
	out := map[string]Value{}
	for name, v := range sum.Metrics() {
		n := 0
		for _, c := range items {
			if c.has(name) {
				n++
			}
		}
		out[name] = Value{Value: v, Low: v, High: v, N: n}
	}
	if len(items) < 2 {
		return out
	}
	rng := rand.New(rand.NewPCG(bootstrapSeed, uint64(len(items))))
	samples := map[string][]float64{}
	for range bootstrapRounds {
		var c Counts
		for range items {
			c.add(items[rng.IntN(len(items))])
		}
		for name, v := range c.Metrics() {
			samples[name] = append(samples[name], v)
		}
	}
	for name, v := range out {
		s := samples[name]
		if len(s) == 0 {
			continue
		}
		slices.Sort(s)
		// The pooled value lies inside its own interval even when few samples had the metric.
		v.Low = min(v.Value, s[len(s)*25/1000])
		v.High = max(v.Value, s[(len(s)-1)*975/1000])
		out[name] = v
	}
	return out
}
