package hocr

import (
	"encoding/xml"
	"errors"
	"io"
	"regexp"
	"strings"
	"testing"

	"palimpsest.dev/task"
)

func sample() Page {
	word := func(text string, x float64, c float64) Word {
		return Word{Text: text, Box: task.Box{X0: x, Y0: 10.4, X1: x + 39.2, Y1: 30.6}, Confidence: c}
	}
	line := func(block, paragraph int, words ...Word) Line {
		return Line{Words: words, Box: task.Box{X0: 5, Y0: 10, X1: 205, Y1: 31}, Block: block, Paragraph: paragraph}
	}
	return Page{System: "test 1", Title: "a & b's <scan>.pdf", Image: `C:\scans\"page" 1.png`, Number: 3, Width: 200, Height: 300, DPI: 299.7, Lines: []Line{
		line(0, 0, word("One", 5.5, 0.987), word("&<>\"'", 50, -1)), line(0, 1, word("Two", 5, 0)), line(1, 2, word("Three\x00\uFFFE", 180, 1))}}
}

// elements parses the document as XML and lists class and title of every
// element that has one, with the depth of nesting.
func elements(t *testing.T, doc []byte) (out []string, words []string) {
	t.Helper()
	d := xml.NewDecoder(strings.NewReader(string(doc)))
	d.Entity = xml.HTMLEntity
	var open []string
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return out, words
		}
		if err != nil {
			t.Fatalf("%v in\n%s", err, doc)
		}
		switch token := token.(type) {
		case xml.StartElement:
			class, title := "", ""
			for _, a := range token.Attr {
				switch a.Name.Local {
				case "class":
					class = a.Value
				case "title":
					title = a.Value
				}
			}
			open = append(open, class)
			if class != "" {
				out = append(out, strings.Join(open[2:], "/")+" "+title) // without html and body
			}
		case xml.EndElement:
			open = open[:len(open)-1]
		case xml.CharData:
			if len(open) > 0 && open[len(open)-1] == "ocrx_word" {
				words = append(words, string(token))
			}
		}
	}
}

func TestHTML(t *testing.T) {
	t.Parallel()
	got, words := elements(t, sample().HTML())
	want := []string{
		`ocr_page image "C:\\scans\\\"page\" 1.png"; bbox 0 0 200 300; ppageno 2; scan_res 300 300`,
		`ocr_page/ocr_carea bbox 5 10 200 31`,
		`ocr_page/ocr_carea/ocr_par bbox 5 10 200 31`,
		`ocr_page/ocr_carea/ocr_par/ocr_line bbox 5 10 200 31`,
		`ocr_page/ocr_carea/ocr_par/ocr_line/ocrx_word bbox 5 10 45 31; x_wconf 99`,
		`ocr_page/ocr_carea/ocr_par/ocr_line/ocrx_word bbox 50 10 90 31`,
		`ocr_page/ocr_carea/ocr_par bbox 5 10 200 31`,
		`ocr_page/ocr_carea/ocr_par/ocr_line bbox 5 10 200 31`,
		`ocr_page/ocr_carea/ocr_par/ocr_line/ocrx_word bbox 5 10 45 31; x_wconf 0`,
		`ocr_page/ocr_carea bbox 5 10 200 31`,
		`ocr_page/ocr_carea/ocr_par bbox 5 10 200 31`,
		`ocr_page/ocr_carea/ocr_par/ocr_line bbox 5 10 200 31`,
		`ocr_page/ocr_carea/ocr_par/ocr_line/ocrx_word bbox 180 10 200 31; x_wconf 100`,
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if s := strings.Join(words, "|"); s != `One|&<>"'|Two|Three` {
		t.Errorf("words %q", s)
	}
}

// What slopes has its corners beside its box, within the page.
func TestPolygons(t *testing.T) {
	t.Parallel()
	p := sample()
	p.Lines = p.Lines[:1]
	p.Lines[0].Polygon = []task.Point{{X: 5, Y: 12.6}, {X: 204, Y: 10}, {X: 205, Y: 28}, {X: 6, Y: 31}}
	p.Lines[0].Words[0].Polygon = []task.Point{{X: -1, Y: 12.4}, {X: 44, Y: 11}, {X: 45, Y: 30}, {X: 6.5, Y: 30.6}}
	got, _ := elements(t, p.HTML())
	for i, want := range map[int]string{
		3: "bbox 5 10 200 31; poly 5 13 200 10 200 28 6 31",
		4: "bbox 5 10 45 31; poly 0 12 44 11 45 30 7 31; x_wconf 99",
		5: "bbox 50 10 90 31",
	} {
		if !strings.HasSuffix(got[i], " "+want) {
			t.Errorf("%s, want %s", got[i], want)
		}
	}
}

func TestHeadNamesSystemAndCapabilities(t *testing.T) {
	t.Parallel()
	doc := string(sample().HTML())
	for _, want := range []string{`<meta name="ocr-system" content="test 1"/>`, `ocr_page ocr_carea ocr_par ocr_line ocrx_word ocrp_wconf`, `<title>a &amp; b&#39;s &lt;scan&gt;.pdf</title>`} {
		if !strings.Contains(doc, want) {
			t.Errorf("missing %s", want)
		}
	}
	seen := map[string]bool{}
	for _, id := range regexp.MustCompile(`id='([^']*)'`).FindAllStringSubmatch(doc, -1) {
		if seen[id[1]] {
			t.Errorf("id %s stands twice", id[1])
		}
		seen[id[1]] = true
	}
}

func FuzzHTML(f *testing.F) {
	f.Add("a", "b", "c")
	f.Add("\x00\ufffe]]>", "--><", "'\"\xff\u2028")
	f.Fuzz(func(t *testing.T, word, title, image string) {
		p := sample()
		p.Title, p.Image, p.Lines[0].Words[0].Text = title, image, word
		elements(t, p.HTML())
	})
}
