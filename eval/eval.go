// Package eval measures how well pages are read: metrics, the reader of labelled
// manifests, and accuracy runs with confidence intervals. It knows nothing of models
// or renderers: whoever runs it hands in a function that reads one file, so that the
// path being measured is the path that users run.
//
// For the task "ocr" the metrics are, each pooled over the items of a subset:
//
//   - word_f1, word_precision, word_recall: one-to-one matches of equal text at an
//     intersection over union of at least 0.5. The matching is of maximum size, so the
//     figure does not depend on the order of words.
//   - box_f1: the same without looking at the text (detection).
//   - bag_of_words_f1, bag_of_words_precision, bag_of_words_recall: case-sensitive
//     whitespace tokens as multisets.
//   - cer: Levenshtein distance over the reading-order text, divided by the length of
//     the true text; it may pass 1.
//   - facts: the share of statements about a page that hold (present, absent, order).
//
// The measures of other tasks are functions of their own, each as its published
// evaluation computes it: TEDS and GriTS of tables, HierText's word scores, BLEU,
// CIDEr and ROUGE-L of captions, RadGraph F1 over given annotations, ANLS, VQA and
// relaxed accuracy of answers, average precision and overlaps of detections.
// Compare tests whether two runs differ.
//
// Texts are compared in Unicode normalisation form C. Intervals are 95 % percentile
// bootstrap intervals over items, from a fixed seed.
package eval

import (
	"context"
	"fmt"
	"math"
	"time"
)

// Word is one word as it was read.
type Word struct {
	Text string
	Box  [4]float64 // x0, y0, x1, y1 in pixels of the upright page, half-open
}

// Page is what was read from one page of a file, its words in reading order.
type Page struct {
	Number        int // 1-based
	Width, Height int // pixels of the raster that boxes refer to; 0 unknown
	Words         []Word
	Err           error // why this page could not be read; its words count as missing
}

// Reader reads one file. An error means that nothing of the file could be read; errors
// of single pages stand in Page.Err.
type Reader func(ctx context.Context, file string) ([]Page, error)

// Value is one pooled metric with its 95 % bootstrap interval.
type Value struct {
	Value float64 `json:"value"`
	Low   float64 `json:"low"`
	High  float64 `json:"high"`
	N     int     `json:"n"` // items that have this metric
}

// Totals maps subset, then metric, to its value.
type Totals map[string]map[string]Value

// Result is one line of a run: what one item scored.
type Result struct {
	ID      string             `json:"id"`
	Subset  string             `json:"subset"`
	File    string             `json:"file"`
	Level   Level              `json:"level"`
	Pages   int                `json:"pages"`
	Words   int                `json:"words"` // words read
	Metrics map[string]float64 `json:"metrics"`
	Seconds float64            `json:"seconds"`
	Error   string             `json:"error,omitempty"`
	counts  Counts
}

// Options steers a run.
type Options struct {
	// Jobs is how many items are read at once; 0 means one. Results come in the order of
	// the items whatever it is.
	Jobs int
	// Each is called with every result, one at a time; an error from it ends the run.
	Each func(Result) error
}

// OCR reads every item with the given reader, scores it against its truth, and returns
// the totals by subset. An item that cannot be read scores as if nothing was found and
// says why in its result; a missing or broken truth ends the run, because its figure
// would be silently wrong. It stops early when ctx ends.
func OCR(ctx context.Context, items []Item, read Reader, o Options) (Totals, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	// Each item's result has its place in the queue before it is there; the queue's length
	// bounds how many are read at once.
	type slot struct {
		res Result
		err error
	}
	queue := make(chan chan slot, max(0, o.Jobs-1))
	go func() {
		defer close(queue)
		for _, item := range items {
			place := make(chan slot, 1)
			select {
			case queue <- place:
			case <-ctx.Done():
				return
			}
			go func() {
				res, err := measure(ctx, item, read)
				place <- slot{res, err}
			}()
		}
	}()
	bySubset := map[string][]Counts{}
	var failed error
	for place := range queue {
		s := <-place
		if failed == nil {
			failed = s.err
		}
		if failed == nil && o.Each != nil {
			if err := o.Each(s.res); err != nil {
				failed = fmt.Errorf("eval: report of item %s: %w", s.res.ID, err)
			}
		}
		if failed != nil {
			cancel() // and drain, so that nothing goes on behind the caller's back
			continue
		}
		bySubset[s.res.Subset] = append(bySubset[s.res.Subset], s.res.counts)
	}
	if failed == nil {
		failed = ctx.Err()
	}
	if failed != nil {
		return nil, failed
	}
	totals := Totals{}
	for subset, counts := range bySubset {
		totals[subset] = Pool(counts)
	}
	return totals, nil
}

// measure reads and scores one item.
func measure(ctx context.Context, item Item, read Reader) (Result, error) {
	truth, err := item.Truth()
	if err != nil {
		return Result{}, err
	}
	start := time.Now()
	pages, err := read(ctx, item.Path())
	if ctx.Err() != nil {
		return Result{}, ctx.Err()
	}
	res := scoreItem(item, truth, pages, err)
	res.Seconds = math.Round(time.Since(start).Seconds()*1000) / 1000
	return res, nil
}

// scoreItem turns what was read of one item, or the failure to read it, into a result.
func scoreItem(item Item, truth Truth, pages []Page, err error) Result {
	res := Result{ID: item.ID, Subset: item.Subset, File: item.File, Level: truth.Level, Pages: len(pages)}
	if err != nil {
		res.Error = err.Error()
		pages = nil
	}
	for _, p := range pages {
		res.Words += len(p.Words)
		if p.Err != nil && res.Error == "" {
			res.Error = fmt.Sprintf("page %d: %v", p.Number, p.Err)
		}
	}
	res.counts = Score(truth, pages)
	res.Metrics = res.counts.Metrics()
	return res
}

// Score compares the pages read from one file with its truth. Pages are matched by
// number; a truth page that was not read counts as read empty, and a page that the
// truth does not know counts as found where nothing is.
func Score(truth Truth, pages []Page) Counts {
	read := map[int]Page{}
	for _, p := range pages {
		read[p.Number] = p
	}
	if truth.Level == LevelFacts {
		return scoreFacts(truth.Facts, read)
	}
	var sum Counts
	for i, t := range truth.Pages {
		sum.add(scorePage(truth.Level, t, words(read[i+1])))
		delete(read, i+1)
	}
	for _, p := range read {
		sum.add(scorePage(truth.Level, TruthPage{}, words(p)))
	}
	return sum
}

// words is the page, without words if it failed.
func words(p Page) Page {
	if p.Err != nil {
		p.Words = nil
	}
	return p
}
