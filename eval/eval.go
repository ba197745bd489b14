// Package eval measures how well documents are read: metrics, the reader of labelled
// manifests, accuracy runs with confidence intervals that can be resumed, the
// comparison of two runs, and a page of the worst cases. It knows nothing of models or
// renderers: whoever runs it hands in a function that reads one item, so that the path
// being measured is the path that users run.
//
// A Measure is what makes a task one that can be measured: how a truth is read from the
// manifest, how an answer scores against it, and how the scores of items are pooled. An
// Answer has one form for all tasks, and a truth can be written in it too, as what a
// perfect reader would have said.
//
// For the task "ocr" the metrics are, each pooled over the items of a subset:
//
//   - word_f1, word_precision, word_recall: one-to-one matches of equal text at an
//     intersection over union of at least 0.5. The matching is of maximum size, so the
//     figure does not depend on the order of words.
//   - box_f1: the same without looking at the text (detection).
//   - hiertext_f1, hiertext_precision, hiertext_recall, hiertext_detection_f1: HierText's
//     word evaluation with recognition and without.
//   - bag_of_words_f1, bag_of_words_precision, bag_of_words_recall: case-sensitive
//     whitespace tokens as multisets.
//   - cer, wer: Levenshtein distance over the reading-order text, divided by the length
//     of the true text, in characters and in words; they may pass 1.
//   - facts: the share of statements about a page that hold (present, absent, order).
//
// What the other tasks are measured by stands at their Measures and in docs/metrics.md.
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
	Text    string       `json:"text"`
	Box     [4]float64   `json:"box"`               // x0, y0, x1, y1 in pixels of the upright page, half-open
	Polygon [][2]float64 `json:"polygon,omitempty"` // where a box says too little
}

// Page is what was read from one page of a file, its words in reading order.
type Page struct {
	Number int    `json:"number"`          // 1-based
	Width  int    `json:"width,omitempty"` // pixels of the raster that boxes refer to; 0 unknown
	Height int    `json:"height,omitempty"`
	Words  []Word `json:"words,omitempty"`
	Error  string `json:"error,omitempty"` // why this page could not be read; its words count as missing
}

// Found is a table, a molecule, a system of music or an object that was read.
type Found struct {
	Text       string     `json:"text"`           // its HTML, SMILES or **kern; an object's label
	Page       int        `json:"page,omitempty"` // 1-based; 0 is the first, and of a truth that the picture shows nothing else
	Box        [4]float64 `json:"box,omitzero"`   // in pixels of the page
	Confidence float64    `json:"confidence,omitempty"`
	Crowd      bool       `json:"crowd,omitempty"` // of a true object: stands for many
}

// Answer is what was read of one item. Which fields count depends on the task: Pages for
// "ocr", Found for tables, molecules, music and detection, Text for captions, reports and
// questions.
type Answer struct {
	Pages    []Page                    `json:"pages,omitempty"`
	Found    []Found                   `json:"found,omitempty"`
	Text     string                    `json:"text,omitempty"`
	Codes    []string                  `json:"codes,omitzero"`      // findings coded in a report; nil where nobody coded them
	RadGraph map[string]RadGraphEntity `json:"radgraph,omitempty"`  // annotations of a report
	LogProbs []float64                 `json:"log_probs,omitempty"` // of the true text's tokens, natural
}

// Reader reads one item. An error means that nothing could be read; errors of single
// pages stand in Page.Error.
type Reader func(ctx context.Context, item Item) (Answer, error)

// Result is one line of a run: what one item scored. It holds the answer, so that a run
// can be resumed, scored anew and looked at.
type Result struct {
	ID          string             `json:"id"`
	Subset      string             `json:"subset"`
	File        string             `json:"file,omitempty"`
	Task        string             `json:"task,omitempty"`
	Fingerprint string             `json:"fingerprint,omitempty"` // of all that decided the answer
	Metrics     map[string]float64 `json:"metrics"`
	Answer      *Answer            `json:"answer,omitempty"`
	Seconds     float64            `json:"seconds,omitempty"`
	Error       string             `json:"error,omitempty"`
	Resumed     bool               `json:"-"` // the answer was taken from an earlier run
	score       Score
}

// Options steers a run.
type Options struct {
	// Jobs is how many items are read at once; 0 means one. Results come in the order of
	// the items whatever it is.
	Jobs int
	// Each is called with every result, one at a time; an error from it ends the run.
	Each func(Result) error
	// Fingerprint names all that decides an item's answer: model, profile, the file's
	// bytes. Nil means that nothing is known of it.
	Fingerprint func(Item) (string, error)
	// Known are results of an earlier run by item. One of the same fingerprint that did
	// not fail gives its answer, and the item is not read again.
	Known map[string]Result
}

// Run reads every item with the given reader, scores it against its truth, and returns
// the totals by subset. An item that cannot be read scores as if nothing was found and
// says why in its result; a missing or broken truth ends the run, because its figure
// would be silently wrong. It stops early when ctx ends.
func Run(ctx context.Context, m Measure, items []Item, read Reader, o Options) (Totals, error) {
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
				res, err := measureItem(ctx, m, item, read, o)
				place <- slot{res, err}
			}()
		}
	}()
	bySubset := map[string][]Score{}
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
		bySubset[s.res.Subset] = append(bySubset[s.res.Subset], s.res.score)
	}
	if failed == nil {
		failed = ctx.Err()
	}
	if failed != nil {
		return nil, failed
	}
	totals := Totals{}
	for subset, scores := range bySubset {
		totals[subset] = Pool(scores)
	}
	return totals, nil
}

// measureItem reads and scores one item, or scores what an earlier run read of it.
func measureItem(ctx context.Context, m Measure, item Item, read Reader, o Options) (Result, error) {
	res := Result{ID: item.ID, Subset: item.Subset, File: item.File, Task: m.Task()}
	if o.Fingerprint != nil {
		var err error
		if res.Fingerprint, err = o.Fingerprint(item); err != nil {
			return res, fmt.Errorf("eval: item %s: %w", item.ID, err)
		}
	}
	if known, ok := o.Known[item.ID]; ok && known.Answer != nil && known.Error == "" && known.Task == res.Task && known.Fingerprint == res.Fingerprint {
		res.Answer, res.Seconds, res.Resumed = known.Answer, known.Seconds, true
	} else {
		start := time.Now()
		answer, err := read(ctx, item)
		if ctx.Err() != nil {
			return res, ctx.Err()
		}
		if err != nil {
			answer, res.Error = Answer{}, err.Error()
		}
		res.Answer = &answer
		res.Seconds = math.Round(time.Since(start).Seconds()*1000) / 1000
	}
	for _, p := range res.Answer.Pages {
		if p.Error != "" && res.Error == "" {
			res.Error = fmt.Sprintf("page %d: %s", p.Number, p.Error)
		}
	}
	var err error
	if res.score, err = m.Score(item, *res.Answer); err != nil {
		return res, err
	}
	res.Metrics = res.score.Metrics()
	return res, nil
}

// ScorePages compares the pages read from one file with its truth. Pages are matched by
// number; a truth page that was not read counts as read empty, and a page that the
// truth does not know counts as found where nothing is.
func ScorePages(truth Truth, pages []Page) Score {
	read := map[int]Page{}
	for _, p := range pages {
		read[p.Number] = p
	}
	if truth.Level == LevelFacts {
		return Score{terms: scoreFacts(truth.Facts, read).terms()}
	}
	var sum Counts
	for i, t := range truth.Pages {
		sum.add(scorePage(truth.Level, t, words(read[i+1])))
		delete(read, i+1)
	}
	for _, p := range read {
		sum.add(scorePage(truth.Level, TruthPage{}, words(p)))
	}
	return Score{terms: sum.terms()}
}

// words is the page, without words if it failed.
func words(p Page) Page {
	if p.Error != "" {
		p.Words = nil
	}
	return p
}
