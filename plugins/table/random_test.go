package main

import (
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"

	"palimpsest.dev/task"
)

// pieces are what a model of tables may write, whole and in halves.
var pieces = []string{"<loc0100>", "<loc0200>", "<loc0900>", "<loc1023>", "<loc0000>", "<table>", "</table>", "<thead>", "</thead>", "<tbody>", "</tbody>",
	"<tfoot>", "<tr>", "</tr>", "<td>", "</td>", "<th>", "</th>", `<td rowspan="2">`, `<td colspan="3">`, `<th rowspan="9" colspan="9">`, `<td rowspan="0">`,
	`<td coords="<loc0001><loc0001><loc0009><loc0009>">`, "<b>", "</b>", "<sup>", "</sup>", "<br>", "<", ">", `"`, "&amp;", "&", " ", "a", "1.5", "é", "\xff", "\x00",
	"<!--", "table ; ", "<td", "</", "colspan=", "<script>", "\u202e"}

// TestRandomAnswers reads what a model without any training may write. The
// environment variable PALIMPSEST_RANDOM_ANSWERS says how many answers.
func TestRandomAnswers(t *testing.T) {
	t.Parallel()
	count := 500
	if n, err := strconv.Atoi(os.Getenv("PALIMPSEST_RANDOM_ANSWERS")); err == nil {
		count = n
	}
	rng := rand.New(rand.NewPCG(12, 13))
	page := task.Page{Document: "random.pdf", Number: 1, Width: 800, Height: 600}
	tables, cells := 0, 0
	for n := range count {
		how := profiles[[]string{"page", "region"}[n%2]]
		page.Regions = []task.Region{page.Whole(task.RegionTable)}
		if n%2 > 0 {
			page.Regions = []task.Region{{Kind: task.RegionTable, Box: task.Box{X0: 100, Y0: 50, X1: 700, Y1: 300}, Source: task.SourceModel}}
		}
		asks, err := table{}.Plan(t.Context(), page, how)
		if err != nil {
			t.Fatal(err)
		}
		answers := make([]task.Answer, len(asks))
		for i, a := range asks {
			var text strings.Builder
			answers[i] = task.Answer{Ask: a, Stop: []task.Stop{task.StopEnd, task.StopLength, task.StopLoop}[rng.IntN(3)], ToPage: task.Affine{800, 0, 0, 0, 800, -100}}
			for range 1 + rng.IntN(200) {
				p := pieces[rng.IntN(len(pieces))]
				text.WriteString(p)
				answers[i].Tokens = append(answers[i].Tokens, task.Token{Text: p, LogProb: -rng.Float64()})
			}
			answers[i].Text = text.String()
		}
		r, err := table{}.Read(t.Context(), page, answers)
		if err == nil {
			err = table{}.Info().CheckReading(page, 1, r)
		}
		if err != nil {
			t.Fatalf("answer %d: %v\n%q", n, err, answers[0].Text)
		}
		for _, rec := range r.Records {
			if rec.Relation == "table" {
				tables++
			} else {
				cells++
			}
		}
	}
	t.Logf("%d answers: %d tables, %d cells", count, tables, cells)
	if tables == 0 {
		t.Error("no table came of any")
	}
}
