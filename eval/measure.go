package eval

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Measure makes a task one that can be measured.
type Measure interface {
	// Task is the name of what is measured.
	Task() string
	// Truth is the item's truth as the answer of a perfect reader. It fails where the
	// truth is missing or broken; the error wraps ErrNoTruth where the truth is sound but
	// says nothing of this task.
	Truth(Item) (Answer, error)
	// Score compares an answer with the item's truth.
	Score(Item, Answer) (Score, error)
	// Leading are the metrics that tell good items from bad ones, the first that an item
	// has deciding.
	Leading() []string
}

// Crop says whether a truth is that of a picture which shows one table, molecule or system
// of music and nothing else, so that nobody need look for where it is.
func Crop(truth Answer) bool { return len(truth.Found) == 1 && truth.Found[0].Page == 0 }

// ErrNoTruth is wrapped where an item's truth says nothing of the task.
var ErrNoTruth = errors.New("eval: the truth says nothing of this task")

// measure is a Measure of truths of type T.
type measure[T any] struct {
	task    string
	leading []string
	parse   func(Item) (T, error)
	show    func(T) Answer
	score   func(Item, T, Answer) (Score, error)
}

func (m measure[T]) Task() string      { return m.task }
func (m measure[T]) Leading() []string { return m.leading }

func (m measure[T]) Truth(i Item) (Answer, error) {
	t, err := m.parse(i)
	if err != nil {
		return Answer{}, err
	}
	return m.show(t), nil
}

func (m measure[T]) Score(i Item, a Answer) (Score, error) {
	t, err := m.parse(i)
	if err != nil {
		return Score{}, err
	}
	s, err := m.score(i, t, a)
	if err != nil {
		return s, fmt.Errorf("eval: item %s: %w", i.ID, err)
	}
	return s, nil
}

// measures are the tasks that can be measured. The items are given to those that weigh
// an answer by the whole corpus.
var measures = map[string]func([]Item) (Measure, error){
	"ocr":        func([]Item) (Measure, error) { return ocrMeasure(), nil },
	"table":      func([]Item) (Measure, error) { return tableMeasure(), nil },
	"molecule":   func([]Item) (Measure, error) { return moleculeMeasure(), nil },
	"omr":        func([]Item) (Measure, error) { return kernMeasure(), nil },
	"cxr":        reportMeasure,
	"caption":    captionMeasure,
	"answer":     func([]Item) (Measure, error) { return answerMeasure(), nil },
	"detect":     func([]Item) (Measure, error) { return detectionMeasure("detect"), nil },
	"regions":    func([]Item) (Measure, error) { return detectionMeasure("regions"), nil },
	"perplexity": func([]Item) (Measure, error) { return perplexityMeasure(), nil },
}

// Tasks are the names of what can be measured.
func Tasks() []string { return slices.Sorted(maps.Keys(measures)) }

// Prepare gives the measure of a task over these items, having looked at every truth, so
// that a broken one is found before hours of reading. Items whose truth says nothing of
// the task are left out and returned by themselves.
func Prepare(task string, items []Item) (m Measure, kept, without []Item, err error) {
	build, ok := measures[task]
	if !ok {
		return nil, nil, nil, fmt.Errorf("eval: there is no measure for task %q; known: %s", task, strings.Join(Tasks(), ", "))
	}
	if m, err = build(items); err != nil {
		return nil, nil, nil, err
	}
	for _, item := range items {
		switch _, err := m.Truth(item); {
		case errors.Is(err, ErrNoTruth):
			without = append(without, item)
		case err != nil:
			return nil, nil, nil, err
		default:
			kept = append(kept, item)
		}
	}
	return m, kept, without, nil
}

// lowerIsBetter are the metrics that count errors.
var lowerIsBetter = []string{"cer", "wer", "ser", "ler", "cer_2023", "perplexity"}

// LowerIsBetter says whether a metric counts errors.
func LowerIsBetter(metric string) bool { return slices.Contains(lowerIsBetter, metric) }

// leadingOf is the leading metric of a result and its value, larger is better; false
// where it has none.
func leadingOf(m Measure, r Result) (name string, goodness float64, ok bool) {
	for _, name := range m.Leading() {
		if v, has := r.Metrics[name]; has {
			if LowerIsBetter(name) {
				v = -v
			}
			return name, v, true
		}
	}
	return "", 0, false
}

// decodeTruth reads a truth that is an object of JSON.
func decodeTruth(item Item, v any) error {
	raw, where, err := item.Raw()
	if err != nil {
		return err
	}
	if err := json.Unmarshal(raw, v); err != nil {
		return fmt.Errorf("eval: %s: %w", where, err)
	}
	return nil
}

// truthText reads a truth that is a plain text in a file of its own, a JSON string, or
// an object of JSON, which is read into v; plain is empty then.
func truthText(item Item, v any) (plain string, err error) {
	raw, where, err := item.Raw()
	if err != nil {
		return "", err
	}
	trimmed := bytes.TrimSpace(raw)
	switch {
	case len(trimmed) > 0 && trimmed[0] == '{':
		err = json.Unmarshal(trimmed, v)
	case len(trimmed) > 0 && trimmed[0] == '"':
		err = json.Unmarshal(trimmed, &plain)
	default:
		plain = string(raw)
	}
	if err != nil {
		return "", fmt.Errorf("eval: %s: %w", where, err)
	}
	return plain, nil
}

func noTruth(item Item, want string) error {
	return fmt.Errorf("%w: item %s: want %s", ErrNoTruth, item.ID, want)
}

// ocrMeasure compares pages of words.
func ocrMeasure() Measure {
	return measure[Truth]{
		task:    "ocr",
		leading: []string{"word_f1", "bag_of_words_f1", "facts", "box_f1"},
		parse:   Item.Truth,
		show: func(t Truth) Answer {
			var a Answer
			for i, p := range t.Pages {
				a.Pages = append(a.Pages, Page{Number: i + 1, Width: int(p.Width), Height: int(p.Height), Words: p.Words})
				if len(p.Words) == 0 && p.Text != "" {
					a.Text += p.Text + "\n"
				}
			}
			for _, f := range t.Facts {
				if f.counted() {
					a.Text += strings.TrimRight(fmt.Sprintf("%s: %s%s … %s", f.Type, f.Text, f.Before, f.After), "… ") + "\n"
				}
			}
			return a
		},
		score: func(_ Item, t Truth, a Answer) (Score, error) {
			return ScorePages(t, a.Pages), nil
		},
	}
}
