package tasktest

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"

	"github.com/rogpeppe/go-internal/txtar"

	"palimpsest.dev/task"
	"palimpsest.dev/task/loc"
)

var places = regexp.MustCompile(`\{(\d+) (\d+) (\d+) (\d+)\}`)

// Answer is what a case's model writes for an ask: the part called "answer",
// then the page's number and the ask's ID, without its line breaks. A box of
// the page as {x0 y0 x1 y1} becomes the location tokens of that place in the
// view. Words behind the ID are how the answer stopped and, as ?0.5, the
// probability of its tokens, one a character; otherwise it ended, and they have
// 0.9. Without such a part the view is blank.
func Answer(archive *txtar.Archive, page task.Page, ask task.Ask) task.Answer {
	side := max(ask.Region.Width(), ask.Region.Height())
	x, y := ask.Region.X0-(side-ask.Region.Width())/2, ask.Region.Y0-(side-ask.Region.Height())/2
	a := AnswerOf(archive, page, ask, func(part string) string {
		return places.ReplaceAllStringFunc(strings.ReplaceAll(part, "\n", ""), func(s string) string {
			var v [4]float64
			for i, n := range places.FindStringSubmatch(s)[1:] {
				v[i], _ = strconv.ParseFloat(n, 64)
			}
			return loc.Encode([]loc.Item{{Box: [4]float64{(v[0] - x) / side, (v[1] - y) / side, (v[2] - x) / side, (v[3] - y) / side}}}, loc.Bins, 1)
		})
	})
	a.ToPage = task.Affine{side, 0, x, 0, side, y}
	return a
}

// AnswerOf is Answer for a part that holds the model's text in a form of its
// own, which text takes to what the model wrote; it names no places.
func AnswerOf(archive *txtar.Archive, page task.Page, ask task.Ask, text func(part string) string) task.Answer {
	a := task.Answer{Ask: ask, Stop: task.StopBlank}
	for _, f := range archive.Files {
		rest, ok := strings.CutPrefix(f.Name+" ", fmt.Sprintf("answer %d %s ", page.Number, ask.ID))
		if !ok {
			continue
		}
		a.Stop = task.StopEnd
		probability := 0.9
		for _, w := range strings.Fields(rest) {
			if p, ok := strings.CutPrefix(w, "?"); ok {
				probability, _ = strconv.ParseFloat(p, 64)
			} else {
				a.Stop = task.Stop(w)
			}
		}
		a.Text = text(string(f.Data))
		for _, c := range a.Text {
			a.Tokens = append(a.Tokens, task.Token{Text: string(c), LogProb: math.Log(probability)})
		}
	}
	return a
}
