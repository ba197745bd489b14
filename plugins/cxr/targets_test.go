package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"palimpsest.dev/plugins/cxr/report"
	"palimpsest.dev/task"
)

// target is one example that the trainer is tested on, too.
type target struct {
	Name       string
	Prompt     string
	Indication string
	Findings   string
	Impression string
	Answer     string
	Cut        bool
	Read       *struct {
		Body, Findings, Impression string
		Sentences                  []string
		Earlier                    []int
	}
}

// TestTargets holds prompts, writing and reading to the examples of
// docs/targets.md.
func TestTargets(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile(filepath.Join("..", "..", "training", "testdata", "cxr_targets.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range bytes.Lines(raw) {
		var c target
		d := json.NewDecoder(bytes.NewReader(line))
		d.DisallowUnknownFields()
		if err := d.Decode(&c); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		t.Run(c.Name, func(t *testing.T) {
			page := chest(1)
			page.Options = map[string]string{indicationOption: c.Indication}
			how := profiles["page"]
			how.Prompt = "cxr[ {indication}]"
			asks, err := cxr{}.Plan(t.Context(), page, how)
			if err != nil || len(asks) != 1 || asks[0].Prompt != c.Prompt {
				t.Fatalf("%+v, %v; want the prompt %q", asks, err, c.Prompt)
			}
			want := c.Read
			if want == nil {
				if got := report.Write(c.Findings, c.Impression); got != c.Answer {
					t.Errorf("written %q, want %q", got, c.Answer)
				}
			}
			a := task.Answer{Ask: asks[0], Text: c.Answer, Stop: task.StopEnd}
			if c.Cut {
				a.Stop = task.StopLength
			}
			r, err := cxr{}.Read(t.Context(), page, []task.Answer{a})
			if err != nil {
				t.Fatal(err)
			}
			body, found, impression := "", "", ""
			var sentences []string
			var earlier []int
			for _, rec := range r.Records {
				text := func(k string) string { s, _ := rec.Values[k].(string); return s }
				switch rec.Relation {
				case "report":
					body, found, impression = text("body"), text("findings"), text("impression")
				case "sentence":
					if text("earlier") != "" {
						earlier = append(earlier, len(sentences))
					}
					sentences = append(sentences, text("text"))
				}
			}
			if want == nil {
				if body != "" || found != c.Findings || impression != c.Impression {
					t.Errorf("read %q, %q, %q", body, found, impression)
				}
				return
			}
			if body != want.Body || found != want.Findings || impression != want.Impression || !slices.Equal(sentences, want.Sentences) || !slices.Equal(earlier, want.Earlier) {
				t.Errorf("read %q, %q, %q, %q, %v", body, found, impression, sentences, earlier)
			}
		})
	}
}
