package task

import (
	"strconv"
	"strings"
	"testing"
)

// Every bound on what a plugin may ask and say is met from both sides: what is
// at it goes through, one more is refused.
func TestLimitsOnBothSides(t *testing.T) {
	t.Parallel()
	info := goodInfo()
	info.MaxAsks, info.Rounds = MaxAsks, MaxRounds
	ask := func(edit func(*Ask, int)) func(int) error {
		return func(n int) error {
			a := Ask{ID: "a", Region: Box{0, 0, 10, 10}, Size: 10, Fit: FitStretch, MaxTokens: 1}
			edit(&a, n)
			return info.CheckAsks(goodPage(), []Ask{a})
		}
	}
	reading := func(edit func(*Reading, int)) func(int) error {
		return func(n int) error {
			r := Reading{}
			edit(&r, n)
			return info.CheckReading(goodPage(), 1, r)
		}
	}
	record := Record{Relation: "thing", Box: Box{0, 0, 100, 200}, Confidence: 1, Source: SourceModel, Values: map[string]any{"text": "a", "n": int64(1), "x": nil}}
	withValue := func(n int) Record {
		r := record
		r.Values = map[string]any{"text": strings.Repeat("a", n), "n": int64(1), "x": nil}
		return r
	}
	for name, c := range map[string]struct {
		limit int
		try   func(n int) error
	}{
		"MaxTokens": {MaxTokens, ask(func(a *Ask, n int) { a.MaxTokens = n })},
		"MaxSide":   {MaxSide, ask(func(a *Ask, n int) { a.Size = n })},
		"MaxPrompt": {MaxPrompt, ask(func(a *Ask, n int) { a.Prompt = strings.Repeat("a", n) })},
		"MaxState":  {MaxState, ask(func(a *Ask, n int) { a.State = make([]byte, n) })},
		"MaxAsks": {MaxAsks, func(n int) error {
			asks := make([]Ask, n)
			for i := range asks {
				asks[i] = Ask{ID: strconv.Itoa(i), Region: Box{0, 0, 10, 10}, Size: 10, Fit: FitStretch, MaxTokens: 1}
			}
			return info.CheckAsks(goodPage(), asks)
		}},
		"MaxRecords": {MaxRecords, reading(func(r *Reading, n int) {
			r.Records = make([]Record, n)
			for i := range r.Records {
				r.Records[i] = record
			}
		})},
		"MaxArtifacts": {MaxArtifacts, reading(func(r *Reading, n int) {
			for i := range n {
				r.Artifacts = append(r.Artifacts, Artifact{Name: strconv.Itoa(i) + ".txt", MediaType: "text/plain"})
			}
		})},
		"maxNotes": {maxNotes, reading(func(r *Reading, n int) {
			for range n {
				r.Notes = append(r.Notes, "note")
			}
		})},
		"maxNoteBytes": {maxNoteBytes, reading(func(r *Reading, n int) { r.Notes = []string{strings.Repeat("a", n)} })},
		"maxTextBytes": {maxTextBytes, reading(func(r *Reading, n int) { r.Records = []Record{withValue(n)} })},
		"maxPolygon": {maxPolygon, reading(func(r *Reading, n int) {
			with := record
			with.Polygon = make([]Point, n)
			r.Records = []Record{with}
		})},
	} {
		if err := c.try(c.limit); err != nil {
			t.Errorf("%s: at the limit: %v", name, err)
		}
		if err := c.try(c.limit + 1); err == nil {
			t.Errorf("%s: one more goes through", name)
		}
	}
}
