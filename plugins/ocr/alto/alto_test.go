package alto

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"palimpsest.dev/plugins/ocr/transcript"
	"palimpsest.dev/task"
)

const namespace = "http://www.loc.gov/standards/alto/ns-v4#"

// model is what the schema of ALTO 4.4 says about an element, as far as this
// package writes it: its children in order, as a regular expression over their
// names, and its attributes.
type model struct {
	children string
	text     bool     // holds characters
	required []string // attributes
	optional []string
}

var place = []string{"HPOS", "VPOS", "WIDTH", "HEIGHT"}

var schema = map[string]model{
	"alto":                   {children: `(Description )?(Styles )?(Tags )?(ReadingOrder )?Layout `, optional: []string{"SCHEMAVERSION", "schemaLocation"}},
	"Description":            {children: `MeasurementUnit (sourceImageInformation )?(OCRProcessing )*(Processing )*`},
	"MeasurementUnit":        {text: true},
	"sourceImageInformation": {children: `(fileName )?(fileIdentifier )*(documentIdentifier )*`},
	"fileName":               {text: true},
	"documentIdentifier":     {text: true, optional: []string{"documentIdentifierLocation"}},
	"Processing": {children: `(processingCategory )?(processingDateTime )?(processingAgency )?(processingStepDescription )*` +
		`(processingStepSettings )?(processingSoftware )?`, required: []string{"ID"}},
	"processingCategory": {text: true},
	"processingSoftware": {children: `(softwareCreator )?(softwareName )?(softwareVersion )?(applicationDescription )?`},
	"softwareName":       {text: true},
	"softwareVersion":    {text: true},
	"Layout":             {children: `(Page )+`, optional: []string{"STYLEREFS"}},
	"Page": {children: `(TopMargin )?(LeftMargin )?(RightMargin )?(BottomMargin )?(PrintSpace )?`,
		required: []string{"ID", "PHYSICAL_IMG_NR"}, optional: []string{"WIDTH", "HEIGHT", "PROCESSINGREFS", "QUALITY", "QUALITY_DETAIL"}},
	"PrintSpace": {children: `(Shape )?((TextBlock|Illustration|GraphicalElement|ComposedBlock) )*`, optional: place},
	"TextBlock":  {children: `(Shape )?((TextLine )+)?`, required: []string{"ID"}, optional: place},
	"TextLine":   {children: `(Shape )?(String (SP )?)+(HYP )?`, optional: append([]string{"ID"}, place...)},
	"String":     {children: `(Shape )?(ALTERNATIVE )*(Glyph )*`, required: []string{"CONTENT"}, optional: append([]string{"ID", "WC", "SUBS_TYPE", "SUBS_CONTENT"}, place...)},
	"Shape":      {children: `(Polygon |Ellipse |Circle )`},
	"Polygon":    {required: []string{"POINTS"}},
	"SP":         {optional: append([]string{"ID"}, place...)},
	"HYP":        {required: []string{"CONTENT"}, optional: place},
}

// node is an element of a parsed document.
type node struct {
	name     string
	attr     map[string]string
	children []*node
	text     string
}

func parse(doc []byte) (*node, error) {
	d := xml.NewDecoder(strings.NewReader(string(doc)))
	root := &node{}
	open := []*node{root}
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return root.children[0], nil
		}
		if err != nil {
			return nil, err
		}
		top := open[len(open)-1]
		switch token := token.(type) {
		case xml.StartElement:
			if token.Name.Space != namespace {
				return nil, fmt.Errorf("element %s stands in namespace %q", token.Name.Local, token.Name.Space)
			}
			n := &node{name: token.Name.Local, attr: map[string]string{}}
			for _, a := range token.Attr {
				if a.Name.Space != "xmlns" && a.Name.Local != "xmlns" {
					n.attr[a.Name.Local] = a.Value
				}
			}
			top.children = append(top.children, n)
			open = append(open, n)
		case xml.EndElement:
			open = open[:len(open)-1]
		case xml.CharData:
			top.text += string(token)
		}
	}
}

// check holds a document against the schema: nesting and order, attributes
// and their types, identifiers.
func check(root *node) error {
	ids := map[string]bool{}
	var refs []string
	var visit func(n *node) error
	visit = func(n *node) error {
		m, ok := schema[n.name]
		if !ok {
			return fmt.Errorf("element %s", n.name)
		}
		var names string
		for _, c := range n.children {
			names += c.name + " "
		}
		if !regexp.MustCompile(`^(?:` + m.children + `)$`).MatchString(names) {
			return fmt.Errorf("%s holds %q, want %s", n.name, names, m.children)
		}
		if !m.text && strings.TrimSpace(n.text) != "" {
			return fmt.Errorf("%s holds the text %q", n.name, n.text)
		}
		for _, a := range m.required {
			if _, ok := n.attr[a]; !ok {
				return fmt.Errorf("%s lacks %s", n.name, a)
			}
		}
		for a, v := range n.attr {
			if !slices.Contains(m.required, a) && !slices.Contains(m.optional, a) {
				return fmt.Errorf("%s has %s", n.name, a)
			}
			if err := checkValue(a, v); err != nil {
				return fmt.Errorf("%s %s=%q: %w", n.name, a, v, err)
			}
		}
		if id, ok := n.attr["ID"]; ok {
			if ids[id] {
				return fmt.Errorf("ID %s stands twice", id)
			}
			ids[id] = true
		}
		if v, ok := n.attr["PROCESSINGREFS"]; ok {
			refs = append(refs, strings.Fields(v)...)
		}
		for _, c := range n.children {
			if err := visit(c); err != nil {
				return err
			}
		}
		return nil
	}
	if root.name != "alto" {
		return fmt.Errorf("root %s", root.name)
	}
	if err := visit(root); err != nil {
		return err
	}
	for _, r := range refs {
		if !ids[r] {
			return fmt.Errorf("reference to %s, which is not there", r)
		}
	}
	return nil
}

func checkValue(name, v string) error {
	switch name {
	case "HPOS", "VPOS", "WIDTH", "HEIGHT", "PHYSICAL_IMG_NR", "WC":
		f, err := strconv.ParseFloat(v, 32)
		if err != nil || f < 0 || name == "WC" && f > 1 {
			return fmt.Errorf("want a number, got %v, %w", f, err)
		}
	case "ID":
		if !regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9._-]*$`).MatchString(v) {
			return errors.New("is no name")
		}
	case "POINTS":
		if !regexp.MustCompile(`^\d+(\.\d+)?,\d+(\.\d+)?( \d+(\.\d+)?,\d+(\.\d+)?){2,}$`).MatchString(v) {
			return errors.New("is no list of points")
		}
	case "QUALITY":
		if v != "OK" && v != "Missing" && v != "Missing in original" && v != "Damaged" && v != "Retained" && v != "Target" && v != "As in original" {
			return errors.New("unknown")
		}
	case "SUBS_TYPE":
		if v != "HypPart1" && v != "HypPart2" && v != "Abbreviation" {
			return errors.New("unknown")
		}
	}
	return nil
}

func sample() transcript.Page {
	word := func(n int, text string, x, y float64, c float64) transcript.Word {
		source := task.SourceModel
		if c < 0 {
			source = task.SourceTextLayer
		}
		return transcript.Word{Index: n, Text: text, Box: task.Box{X0: x, Y0: y, X1: x + 39.256, Y1: y + 20}, Confidence: c, Source: source}
	}
	line := func(n, block int, words ...transcript.Word) transcript.Line {
		l := transcript.Line{Index: n, Block: block, Words: words}
		for _, w := range words {
			l.Box = l.Box.Union(w.Box)
		}
		return l
	}
	block := func(n int, lines ...transcript.Line) transcript.Block {
		b := transcript.Block{Index: n, Lines: lines}
		for _, l := range lines {
			b.Box = b.Box.Union(l.Box)
		}
		return b
	}
	turned := word(3, "<\"&'>", 40, 40, 0)
	turned.Polygon = []task.Point{{X: 40.125, Y: 41}, {X: 79, Y: 40}, {X: 79.5, Y: 59}, {X: 41, Y: 60}}
	return transcript.Page{Number: 3, Width: 200, Height: 300, DPI: 300, State: "done", Image: `a & b's "scan".pdf#page=3`, Blocks: []transcript.Block{
		block(0, line(0, 0, word(0, "An", 5.5, 10, 0.98765), word(1, "exam-", 50, 10.4, 0.5)),
			line(1, 0, word(2, "ple,", 5, 40, 1), turned, word(4, "di-", 150, 40, 0.25))),
		block(4, line(2, 4, word(5, "vided", 5, 70, -1), word(6, "Baden-", 180, 70, -1)), line(3, 4, word(7, "Baden\x00\ufffe", 5, 100, -1))),
	}}
}

var source = Source{Document: "0190-42", Software: "palimpsest-task-ocr", Version: "1"}

func TestGolden(t *testing.T) {
	t.Parallel()
	const file = "testdata/page.txtar"
	a, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string][]byte{"page.alto.xml": Write(sample(), source), "blank.alto.xml": Write(transcript.Page{Number: 1, Width: 10, Height: 20}, Source{})}
	for i, f := range a.Files {
		if os.Getenv("UPDATE") != "" {
			a.Files[i].Data = got[f.Name]
		} else if d := cmp.Diff(string(f.Data), string(got[f.Name])); d != "" {
			t.Errorf("%s:\n%s", f.Name, d)
		}
	}
	if os.Getenv("UPDATE") != "" {
		if err := os.WriteFile(file, txtar.Format(a), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// written are documents of each kind: of one page, and of several, whole and in parts.
func written() (docs [][]byte) {
	for _, p := range []transcript.Page{sample(), {Number: 1, Width: 10, Height: 20}, {}} {
		docs = append(docs, Write(p, source))
	}
	pages := []transcript.Page{sample(), sample(), {Number: 5, Width: 10, Height: 20, State: "blank"}, {Number: 6, State: "failed"}}
	pages[1].Number++
	var parts []byte
	for i := range pages {
		parts = append(parts, Document("a <b>.pdf", pages[i:i+1], source, i == 0, i == len(pages)-1)...)
	}
	return append(docs, Document("a <b>.pdf", pages, source, true, true), parts, Document("none", pages[3:], source, true, true))
}

func TestPartsAreTheDocument(t *testing.T) {
	t.Parallel()
	docs := written()
	whole, parts := string(docs[3]), string(docs[4])
	if d := cmp.Diff(whole, parts); d != "" {
		t.Error(d)
	}
	for want, n := range map[string]int{"<Page ": 4, "PrintSpace": 5, `ID="page_3_line_1_1"`: 1, `ID="page_4_line_1_1"`: 1, `QUALITY="Missing" QUALITY_DETAIL="not read: failed"/>`: 1} {
		if got := strings.Count(whole, want); got != n {
			t.Errorf("%s stands %d times, want %d, in\n%s", want, got, n, whole)
		}
	}
}

func TestFollowsTheSchema(t *testing.T) {
	t.Parallel()
	for _, doc := range written() {
		root, err := parse(doc)
		if err != nil {
			t.Fatalf("%v in\n%s", err, doc)
		}
		if err := check(root); err != nil {
			t.Errorf("%v in\n%s", err, doc)
		}
	}
}

// faults are texts of a sound document, and what makes it unsound in their place.
var faults = [][2]string{
	{"<MeasurementUnit>pixel</MeasurementUnit>\n", ""},
	{` ID="block_1"`, ""},
	{` ID="block_2"`, ` ID="block_1"`},
	{` CONTENT="An"`, ""},
	{`PROCESSINGREFS="ocr"`, `PROCESSINGREFS="none"`},
	{`PHYSICAL_IMG_NR="3"`, `PHYSICAL_IMG_NR="three"`},
	{`<HYP CONTENT="-"/>`, `<HYP CONTENT="-"/><SP/>`},
	{`WC="0.5"`, `WC="1.5"`},
	{"<PrintSpace", "<Printspace"},
}

// TestCheckFindsFaults keeps the check of the schema honest.
func TestCheckFindsFaults(t *testing.T) {
	t.Parallel()
	good := string(Write(sample(), source))
	for _, c := range faults {
		doc := strings.Replace(good, c[0], c[1], 1)
		root, err := parse([]byte(doc))
		if err == nil {
			err = check(root)
		}
		if doc == good || err == nil {
			t.Errorf("%q for %q is not found", c[1], c[0])
		}
	}
}

func TestConfidenceIsWrittenOnlyForWhatWasRead(t *testing.T) {
	t.Parallel()
	doc := string(Write(sample(), source))
	if n := strings.Count(doc, " WC="); n != 5 {
		t.Errorf("%d words of 5 read have WC in\n%s", n, doc)
	}
	if !strings.Contains(doc, `CONTENT="vided" SUBS_TYPE="HypPart2" SUBS_CONTENT="divided"/>`) {
		t.Errorf("a word divided between blocks lacks its second part in\n%s", doc)
	}
}

func FuzzWrite(f *testing.F) {
	f.Add("a", "b", 1.0)
	f.Add("\x00\ufffe]]>-", "--><", -5.5)
	f.Fuzz(func(t *testing.T, word, image string, x float64) {
		p := sample()
		p.Image, p.Blocks[0].Lines[0].Words[1].Text, p.Blocks[0].Lines[0].Words[0].Box.X0 = image, word, x
		root, err := parse(Write(p, Source{Document: image, Software: word}))
		if err == nil {
			err = check(root)
		}
		if err != nil {
			t.Error(err)
		}
	})
}
