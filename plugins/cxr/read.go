package main

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"unicode/utf8"

	"palimpsest.dev/plugins/cxr/fhir"
	"palimpsest.dev/plugins/cxr/findings"
	"palimpsest.dev/plugins/cxr/report"
	"palimpsest.dev/task"
	"palimpsest.dev/task/loc"
)

// maxReport bounds the text of one report, in bytes. An answer has at most a few
// thousand tokens.
const maxReport = 64 << 10

// draft is one report of a page.
type draft struct {
	text       string
	parts      report.Report
	sentences  []report.Sentence // those that are whole
	findings   []findings.Finding
	summary    map[findings.Class]findings.Status
	indication string
	films      []int
	box        task.Box
	complete   bool
	sure       loc.Certainty
	confidence float64
}

// sighting is what the answers of a page come to.
type sighting struct {
	drafts     []draft
	notes      []string
	unreadable string
}

// sight reads the answers of a page.
func sight(page task.Page, answers []task.Answer) sighting {
	var s sighting
	note := func(format string, args ...any) { s.notes = append(s.notes, fmt.Sprintf(format, args...)) }
	asked, loops, empty, cut, unsure, unsaid := 0, 0, 0, 0, 0, false
	for _, a := range answers {
		if a.Stop == task.StopBlank {
			continue
		}
		asked++
		var carry state
		if err := json.Unmarshal(a.Ask.State, &carry); err != nil {
			carry = state{} // an ask of another program: nothing is known of it
		}
		unsaid = unsaid || carry.Unsaid
		d, ok := write(page, a, carry)
		switch {
		case a.Stop == task.StopLoop:
			loops++ // what it wrote before that is not to be trusted either
		case !ok:
			empty++
		case d.confidence < carry.Sure:
			unsure++
		default:
			cut += b2i(!d.complete)
			s.drafts = append(s.drafts, d)
		}
	}
	s.refusals(page, answers)
	if loops > 0 {
		s.unreadable = fmt.Sprintf("the model repeated itself in %d of %d reports", loops, asked)
	}
	if empty > 0 {
		note("%d of %d answers hold no report", empty, asked)
	}
	if cut > 0 {
		note("%d of %d reports reached the token limit; a sentence without end is left out of sentences and findings", cut, asked)
	}
	if unsure > 0 {
		note("left out: %d reports the model was too unsure of", unsure)
	}
	if unsaid {
		note("the model's prompt has no place for an indication: it was not shown to the model")
	}
	earlier := 0
	for _, d := range s.drafts {
		for _, x := range d.sentences {
			earlier += b2i(x.Earlier != "")
		}
	}
	if earlier > 0 {
		note("%d sentences speak of an earlier study, which the model did not see", earlier)
	}
	return s
}

// refusals adds why parts of the page were not shown to the model. How many
// images it can be shown at once is not known here; that it was asked nothing
// about a film says that a later page asks.
func (s *sighting) refusals(page task.Page, answers []task.Answer) {
	images := 0
	if len(page.Earlier) > 0 || len(answers) == 0 {
		images = page.Pages
	}
	g := gather(page, images)
	s.notes = append(s.notes, g.notes...)
	if len(g.refused) == 0 {
		return
	}
	if len(g.films) == 0 {
		s.unreadable = "no chest film: " + g.refused[0]
		return
	}
	for _, why := range g.refused[:min(len(g.refused), 8)] {
		s.notes = append(s.notes, "left out, no chest film: "+why)
	}
	if n := (cxr{}).Info().LeftOut(task.Page{Regions: g.films}); n != "" {
		s.notes = append(s.notes, n)
	}
}

// write takes an answer apart; false where it says nothing.
func write(page task.Page, a task.Answer, carry state) (draft, bool) {
	text := keepBytes(a.Text)
	if len(text) > maxReport {
		text = strings.ToValidUTF8(text[:maxReport], "")
	}
	d := draft{text: text, parts: report.Parse(text), complete: a.Stop == task.StopEnd, sure: loc.NewCertainty(a.Text, a.Tokens),
		box: a.Ask.Region.Intersect(page.Bounds())}
	if len(d.parts.Sentences) == 0 || d.box.Empty() || !d.box.Finite() {
		return d, false
	}
	if !carry.Unsaid {
		d.indication = plain(page.Options[indicationOption])
	}
	d.films = append(slices.Clone(a.Ask.Earlier), page.Number)
	d.confidence = probability(d.sure.Between(0, len(text)))
	d.sentences = d.parts.Sentences
	if last := d.sentences[len(d.sentences)-1]; !d.complete && !strings.ContainsAny(last.Text[len(last.Text)-1:], ".!?") {
		d.sentences = d.sentences[:len(d.sentences)-1]
	}
	var coded []string
	for _, x := range d.sentences {
		if !d.parts.Sections[x.Section].Kind.Observes() {
			x.Text = "" // keeps the numbers of the sentences
		}
		coded = append(coded, x.Text)
	}
	d.findings = findings.Code(coded)
	d.summary = findings.Summary(coded, d.findings)
	if !d.complete {
		delete(d.summary, findings.NoFinding) // what was not written may have been one
	}
	return d, true
}

// keepBytes puts spaces for what a row cannot hold and for places, which are no
// words, so that every other byte stays where it is.
func keepBytes(s string) string {
	out := []byte(s)
	for i := 0; i < len(out); {
		r, n := utf8.DecodeRune(out[i:])
		switch {
		case r == utf8.RuneError && n <= 1, r < ' ' && r != '\n', r == 0x7f:
			out[i] = ' '
		case r == '<' && len(out) >= i+9 && string(out[i:i+4]) == "<loc" && out[i+8] == '>':
			copy(out[i:], "         ")
		}
		i += n
	}
	return string(out)
}

func probability(p float64) float64 {
	if math.IsNaN(p) {
		return 0
	}
	return max(0, min(1, p))
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

// reading gives rows and files.
func (s sighting) reading(page task.Page) (task.Reading, error) {
	r := task.Reading{Notes: s.notes, Unreadable: s.unreadable}
	for seq, d := range s.drafts {
		r.Records = append(r.Records, d.records(int64(seq))...)
		suffix := ""
		if len(s.drafts) > 1 {
			suffix = fmt.Sprintf("-%d", seq+1)
		}
		words := d.words(page)
		resource, err := d.resource(page, words)
		if err != nil {
			return task.Reading{}, err
		}
		r.Artifacts = append(r.Artifacts, task.Artifact{Name: "report" + suffix + ".txt", MediaType: "text/plain; charset=utf-8", Content: []byte(words)},
			task.Artifact{Name: "report" + suffix + ".fhir.json", MediaType: fhir.MediaType, Content: resource})
	}
	return r, nil
}
