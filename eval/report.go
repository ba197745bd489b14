package eval

import (
	"errors"
	"slices"
	"strings"

	"palimpsest.dev/plugins/cxr/findings"
)

// report is what is known of a radiology report.
type report struct {
	Report     string                    `json:"report"`
	Findings   string                    `json:"findings"`
	Impression string                    `json:"impression"`
	Sentences  []string                  `json:"imaging_sentences"`
	Codes      []string                  `json:"codes"`
	RadGraph   map[string]RadGraphEntity `json:"radgraph"`
}

// text is the report as one text: findings, then impression.
func (r report) text() string {
	if r.Report != "" {
		return r.Report
	}
	if s := Normalise(r.Findings + " " + r.Impression); s != "" {
		return s
	}
	return Normalise(strings.Join(r.Sentences, " "))
}

// reportMeasure compares radiology reports: their texts by BLEU, CIDEr and ROUGE-L; their
// coded findings by finding_f1 over all classes and finding_f1:CLASS of each; and, where
// both sides bring annotations, radgraph_simple, radgraph_partial and radgraph_complete. The truth
// is {"report"} or {"findings", "impression"}, "codes" (a list of classes, empty where
// nothing was found) and "radgraph". Codes that a side does not give are those of the
// program's own coder; what is missing otherwise is not measured.
func reportMeasure(items []Item) (Measure, error) {
	frequency := consensus{}
	parse := func(item Item) (report, error) {
		var r report
		if err := decodeTruth(item, &r); err != nil {
			return r, err
		}
		if r.text() == "" && r.Codes == nil && r.RadGraph == nil {
			return r, noTruth(item, `{"report"}, {"findings", "impression"} or {"codes"}`)
		}
		return r, nil
	}
	for _, item := range items {
		r, err := parse(item)
		if errors.Is(err, ErrNoTruth) {
			continue
		} else if err != nil {
			return nil, err
		}
		if text := r.text(); text != "" {
			frequency.add(item.Subset, []string{PTB(text)})
		}
	}
	return measure[report]{
		task:    "cxr",
		leading: []string{"finding_f1", "cider", "rouge_l"},
		parse:   parse,
		show:    func(r report) Answer { return Answer{Text: r.text(), Codes: r.Codes, RadGraph: r.RadGraph} },
		score: func(item Item, r report, a Answer) (Score, error) {
			terms := map[string]term{}
			if text := r.text(); text != "" {
				terms = textTerms(a.Text, []string{PTB(text)}, frequency[item.Subset])
			}
			if codes := coded(r.Codes, r.text()); codes != nil {
				codeTerms(terms, coded(a.Codes, a.Text), codes)
			}
			if r.RadGraph != nil {
				s := RadGraphF1(a.RadGraph, r.RadGraph)
				terms["radgraph_simple"], terms["radgraph_partial"], terms["radgraph_complete"] = meanTerm(s.Simple), meanTerm(s.Partial), meanTerm(s.Complete)
			}
			return Score{terms: terms}, nil
		},
	}, nil
}

// coded gives the findings of a report that are present or uncertain: as they were given,
// or else as the program's own coder finds them in the text.
func coded(given []string, text string) []string {
	if given != nil || text == "" {
		return given
	}
	codes := []string{}
	for class, status := range findings.OfReport(text) {
		if status == findings.Present || status == findings.Uncertain {
			codes = append(codes, string(class))
		}
	}
	slices.Sort(codes)
	return codes
}

// codeTerms are the F1 of the coded findings of one report, in all and by class.
func codeTerms(terms map[string]term, read, truth []string) {
	for _, f := range ClassF1s([][]string{read}, [][]string{truth}) {
		name := "finding_f1"
		if f.Class != "micro" {
			name += ":" + f.Class
		}
		terms[name] = f1Term(f.Hits, f.Read, f.All)
	}
}
