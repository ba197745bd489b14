package render

import (
	"math"
	"strings"
	"unicode"

	"github.com/klippa-app/go-pdfium/requests"
	"github.com/klippa-app/go-pdfium/responses"
)

// hyphenMark is what PDFium writes for a hyphen at the end of a line.
const hyphenMark = "\u0002"

// minDirected is how many characters a text layer must have before its
// direction is believed, and directedShare how many of them must agree.
const (
	minDirected   = 20
	directedShare = 0.8
)

// readText fills in the words of the text layer, and turns the page when the
// layer's text all runs another way.
func (p *pdfReader) readText(page requests.Page, out *raw, fromPage Affine) error {
	tp, err := p.inst.FPDFText_LoadPage(&requests.FPDFText_LoadPage{Page: page})
	if err != nil {
		return nil // a page without readable text is still a picture
	}
	n, err := p.inst.FPDFText_CountChars(&requests.FPDFText_CountChars{TextPage: tp.TextPage})
	p.inst.FPDFText_ClosePage(&requests.FPDFText_ClosePage{TextPage: tp.TextPage})
	if err != nil || n.Count <= 0 {
		return nil
	}
	if n.Count > MaxTextChars {
		return nil // no page has this much to say; the pixels speak for it
	}
	res, err := p.inst.GetPageTextStructured(&requests.GetPageTextStructured{Page: page, Mode: requests.GetPageTextStructuredModeChars})
	if err != nil {
		return err
	}
	var w words
	w.limit = float64(out.img.Rect.Dx()+out.img.Rect.Dy()) * 2
	for _, c := range res.Chars {
		w.add(c, fromPage)
	}
	w.flush()
	out.text = w.list
	quarter, sure := w.direction(fromPage)
	if sure {
		out.upright = true
		out.turn((4 - quarter) & 3)
	}
	return nil
}

// words gathers characters into words.
type words struct {
	list  []TextWord
	text  strings.Builder
	box   [4]float64
	last  [4]float64
	limit float64    // boxes farther out than this are nonsense
	turns [4]float64 // characters by direction on the page, in quarters
}

// add takes the next character in reading order.
func (w *words) add(c *responses.GetPageTextStructuredChar, fromPage Affine) {
	t := c.Text
	if t == hyphenMark {
		t = "-"
	}
	if t == "" || t == "\ufffe" || t == "\uffff" {
		return
	}
	r := []rune(t)[0]
	if unicode.IsSpace(r) || r == '\u200b' {
		w.flush()
		return
	}
	if unicode.IsControl(r) {
		return
	}
	b := fromPage.box([4]float64{c.PointPosition.Left, c.PointPosition.Bottom, c.PointPosition.Right, c.PointPosition.Top})
	for _, v := range b {
		if math.IsNaN(v) || math.Abs(v) > w.limit {
			return
		}
	}
	if q := c.Angle / (math.Pi / 2); !math.IsNaN(q) {
		w.turns[(int(math.Round(q))%4+4)%4]++
	}
	if w.text.Len() > 0 && apart(w.last, b) {
		w.flush()
	}
	if w.text.Len() == 0 {
		w.box = b
	} else {
		w.box = [4]float64{min(w.box[0], b[0]), min(w.box[1], b[1]), max(w.box[2], b[2]), max(w.box[3], b[3])}
	}
	w.text.WriteString(t)
	w.last = b
}

// apart reports that two neighbouring characters of the stream are too far
// from each other to be one word: more than one and a half heights.
func apart(a, b [4]float64) bool {
	size := max(a[2]-a[0], a[3]-a[1], b[2]-b[0], b[3]-b[1])
	dx := max(b[0]-a[2], a[0]-b[2])
	dy := max(b[1]-a[3], a[1]-b[3])
	return max(dx, dy) > 1.5*size
}

// flush ends the word.
func (w *words) flush() {
	if w.text.Len() > 0 && len(w.list) < MaxTextWords {
		w.list = append(w.list, TextWord{Text: w.text.String(), Box: w.box})
	}
	w.text.Reset()
}

// direction returns by how many quarters clockwise the text stands on the
// raster, if most of it agrees.
func (w *words) direction(fromPage Affine) (quarter int, sure bool) {
	total, best := 0.0, 0
	for i, n := range w.turns {
		if total += n; n > w.turns[best] {
			best = i
		}
	}
	if total < minDirected || w.turns[best] < directedShare*total {
		return 0, false
	}
	// Direction of a character's baseline in page space, where PDFium counts
	// clockwise with y up, then on the raster.
	a := -float64(best) * math.Pi / 2
	x0, y0 := fromPage.Apply(0, 0)
	x1, y1 := fromPage.Apply(math.Cos(a), math.Sin(a))
	q := int(math.Round(math.Atan2(y1-y0, x1-x0) / (math.Pi / 2)))
	return (q%4 + 4) % 4, true
}
