package eval

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode"
)

// The expected words are those of the reference tokenizer.
func TestPTBVectors(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile(filepath.Join("testdata", "ptb.tsv"))
	if err != nil {
		t.Fatal(err)
	}
	agree, all := 0, 0
	for line := range strings.Lines(string(raw)) {
		text, want, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		if !ok || strings.HasPrefix(text, "# S") {
			continue
		}
		all++
		if got := PTB(text); got == want {
			agree++
		} else {
			t.Errorf("%q\n got %q\nwant %q", text, got, want)
		}
	}
	t.Logf("PTB tokens: %d of %d sentences as stanford-corenlp 3.4.1", agree, all)
	if all == 0 {
		t.Error("no sentences")
	}
}

func FuzzPTB(f *testing.F) {
	for _, s := range []string{"", "It isn't 2.5cm (really)...", "'tis O'Brien's", "a\u00a0b", "\xff😀", "<b x=\"y\">", "-- (555) 123-4567 :-)"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		out := PTB(s)
		if out == "" {
			return
		}
		for _, w := range strings.Split(out, " ") {
			if w == "" || ptbDropped[w] || strings.IndexFunc(w, func(r rune) bool { return unicode.IsSpace(r) && r != '\u00a0' }) >= 0 {
				t.Fatalf("%q gives %q", s, out)
			}
		}
	})
}
