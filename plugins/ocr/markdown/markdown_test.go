package markdown

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"palimpsest.dev/plugins/ocr/transcript"
)

// parse reads the pages of a case: "page N [STATE]" begins a page, and a line
// is BLOCK PARAGRAPH XHEIGHT WORDS...
func parse(t *testing.T, s string) []transcript.Page {
	t.Helper()
	var pages []transcript.Page
	for line := range strings.Lines(s) {
		f := strings.Fields(line)
		if f[0] == "page" {
			n, err := strconv.Atoi(f[1])
			if err != nil {
				t.Fatal(err)
			}
			p := transcript.Page{Number: n, State: "done"}
			if len(f) > 2 {
				p.State = f[2]
			}
			pages = append(pages, p)
			continue
		}
		var l transcript.Line
		if _, err := fmt.Sscan(line, &l.Block, &l.Paragraph, &l.XHeight); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		for _, w := range f[3:] {
			l.Words = append(l.Words, transcript.Word{Text: w})
		}
		p := &pages[len(pages)-1]
		if n := len(p.Blocks); n == 0 || p.Blocks[n-1].Index != l.Block {
			p.Blocks = append(p.Blocks, transcript.Block{Index: l.Block})
		}
		b := &p.Blocks[len(p.Blocks)-1]
		b.Lines = append(b.Lines, l)
	}
	return pages
}

func TestGolden(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal("no cases", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			t.Parallel()
			a, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got := string(Write(parse(t, string(a.Files[0].Data)), true))
			if os.Getenv("UPDATE") != "" {
				a.Files[1].Data = []byte(got)
				if err := os.WriteFile(file, txtar.Format(a), 0o644); err != nil {
					t.Fatal(err)
				}
			} else if d := cmp.Diff(string(a.Files[1].Data), got); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestEscape(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ text, want string }{
		{"plain, text. 3 < 4 & 5", `plain, text. 3 \< 4 & 5`},
		{"a*b_c `d` [e](f) <g> h|i ~j~ \\k", "a\\*b\\_c \\`d\\` \\[e\\](f) \\<g\\> h\\|i \\~j\\~ \\\\k"},
		{"&amp; &#60; & co", `\&amp; \&#60; & co`},
		{"# not a heading", `\# not a heading`},
		{"- no item", `\- no item`},
		{"+ no item", `\+ no item`},
		{"1. no item", `1\. no item`},
		{"1.5 is a number", "1.5 is a number"},
		{"2024) x", `2024\) x`},
		{"===", `\===`},
		{"C #", `C \#`},
		{"a\x00b\nc", "a b c"},
	} {
		if got := escapeStart(escape(c.text)); got != c.want {
			t.Errorf("%q: %q, want %q", c.text, got, c.want)
		}
	}
}

func TestPartsContinue(t *testing.T) {
	t.Parallel()
	pages := parse(t, "page 1\n0 0 10 One.\npage 2\n0 0 10 Two.\n")
	whole := string(Write(pages, true))
	if got := string(Write(pages[:1], true)) + string(Write(pages[1:], false)); got != whole {
		t.Errorf("parts give %q, the whole is %q", got, whole)
	}
	if got := Write(nil, true); len(got) != 0 {
		t.Errorf("no pages give %q", got)
	}
}

func FuzzWrite(f *testing.F) {
	f.Add("• a", "1. b-", 10.0)
	f.Add("(1) \xff", "<!-- -->", -1.0)
	f.Fuzz(func(t *testing.T, a, b string, size float64) {
		line := func(n int, x float64, s string) transcript.Line {
			l := transcript.Line{Index: n, Block: n / 2, XHeight: x}
			for _, w := range append(strings.Fields(s), "end") {
				l.Words = append(l.Words, transcript.Word{Text: w})
			}
			return l
		}
		p := transcript.Page{Number: 1, State: "done", Blocks: []transcript.Block{
			{Lines: []transcript.Line{line(0, size, a), line(1, 10, b)}}, {Index: 1, Lines: []transcript.Line{line(2, 10, b), line(3, 10, a)}}}}
		got := string(Write([]transcript.Page{p}, true))
		// What was read cannot begin a comment: its signs are escaped.
		if n := strings.Count(strings.ReplaceAll(strings.ReplaceAll(got, `\\`, ""), `\<`, ""), "<!--"); n != 1 {
			t.Errorf("%d comments in %q", n, got)
		}
		if strings.ContainsAny(got, "\x00\r") {
			t.Errorf("control characters in %q", got)
		}
	})
}
