package main

import (
	"encoding/json"
	"fmt"
	"strings"

	"palimpsest.dev/plugins/cxr/fhir"
	"palimpsest.dev/plugins/cxr/findings"
	"palimpsest.dev/plugins/cxr/report"
	"palimpsest.dev/task"
)

// records are the rows of a report.
func (d draft) records(seq int64) []task.Record {
	row := func(relation string, confidence float64, values map[string]any) task.Record {
		values["notice"] = notice
		return task.Record{Relation: relation, Box: d.box, Confidence: probability(confidence), Source: task.SourceModel, Values: values}
	}
	whole := map[string]any{"seq": seq, "text": d.text, "complete": d.complete}
	if films, err := json.Marshal(d.films); err == nil {
		whole["films"] = json.RawMessage(films)
	}
	if d.indication != "" {
		whole["indication"] = d.indication
	}
	for _, k := range []report.Kind{report.Body, report.Findings, report.Impression} {
		if text, ok := d.parts.Text(k); ok {
			whole[string(k)] = text
		}
	}
	if m := d.missing(); m != "" {
		whole["missing"] = m
	}
	out := []task.Record{row("report", d.confidence, whole)}
	for n, x := range d.sentences {
		v := map[string]any{"report_seq": seq, "sentence": int64(n), "section": string(d.parts.Sections[x.Section].Kind), "text": x.Text,
			"from_byte": int64(x.Start), "to_byte": int64(x.End)}
		if x.Earlier != "" {
			v["earlier"] = x.Earlier
		}
		out = append(out, row("sentence", d.sure.Between(x.Start, x.End), v))
	}
	decided := map[findings.Class]bool{}
	for _, f := range d.findings {
		x := d.sentences[f.Sentence]
		decides := !decided[f.Class] && d.summary[f.Class] == f.Status
		decided[f.Class] = decided[f.Class] || decides
		out = append(out, row("finding", d.sure.Between(x.Start+f.Start, x.Start+f.End), map[string]any{"report_seq": seq, "class": string(f.Class), "status": string(f.Status),
			"decides": decides, "sentence": int64(f.Sentence), "evidence": x.Text[f.Start:f.End], "from_byte": int64(x.Start + f.Start), "to_byte": int64(x.Start + f.End)}))
	}
	if status, ok := d.summary[findings.NoFinding]; ok {
		out = append(out, row("finding", d.confidence, map[string]any{"report_seq": seq, "class": string(findings.NoFinding), "status": string(status), "decides": true}))
	}
	return out
}

// missing lists the sections that the model did not write.
func (d draft) missing() string {
	var names []string
	for _, k := range d.parts.Missing() {
		names = append(names, string(k))
	}
	return strings.Join(names, ", ")
}

// words are the report as text/plain. The words of the report are the model's;
// what is added stands in square brackets.
func (d draft) words(page task.Page) string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("[%s]", notice)
	line("[Chest radiograph, %s]", d.shown())
	if d.indication != "" {
		line("\n[Indication, as given] %s", d.indication)
	}
	for _, s := range d.parts.Sections {
		heading := s.Heading
		if s.Kind == report.Body {
			heading = "[no heading]"
		}
		line("\n%s\n%s", heading, s.Text)
	}
	b.WriteString("\n")
	if m := d.missing(); m != "" {
		line("[The model wrote no section: %s]", m)
	}
	if !d.complete {
		line("[The report was cut off by the token limit]")
	}
	for _, x := range d.sentences {
		if x.Earlier != "" {
			line("[Speaks of an earlier study, which the model did not see: %s]", strings.Join(strings.Fields(x.Text), " "))
		}
	}
	line("[%s]", notice)
	return b.String()
}

// shown names the films by their pages.
func (d draft) shown() string {
	if len(d.films) == 1 {
		return fmt.Sprintf("page %d", d.films[0])
	}
	return fmt.Sprintf("pages %s read together", strings.Trim(strings.Join(strings.Fields(fmt.Sprint(d.films)), ", "), "[]"))
}

// resource is the report as a FHIR DiagnosticReport.
func (d draft) resource(page task.Page, words string) ([]byte, error) {
	in := fhir.Input{Notice: notice, Words: words, Patient: page.Options[patientOption]}
	in.Conclusion, _ = d.parts.Text(report.Impression)
	facts := map[int]map[string]string{page.Number: page.Facts}
	for _, e := range page.Earlier {
		facts[e.Number] = e.Facts
	}
	study := page.Options[studyOption]
	for _, n := range d.films {
		image := fhir.Image{Title: fmt.Sprintf("page %d", n)}
		if uid := facts[n][task.FactInstance]; study == studyOfSource && validUID(uid) {
			image.UID = uid
		}
		in.Images = append(in.Images, image)
	}
	switch {
	case study != studyOfSource:
		in.Study = study
	case validUID(page.Facts[task.FactStudy]):
		in.Study = page.Facts[task.FactStudy]
	}
	for _, c := range findings.Classes() {
		switch d.summary[c] {
		case findings.Present:
			in.Codes = append(in.Codes, string(c))
		case findings.Uncertain:
			in.Codes = append(in.Codes, "uncertain: "+string(c))
		}
	}
	return fhir.DiagnosticReport(in)
}
