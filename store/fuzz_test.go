package store

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"
)

// What a model or an archive's name holds becomes text that Postgres takes, and sound text stays as it is.
func FuzzCleanText(f *testing.F) {
	for _, s := range []string{"", "plain", "a\x00b", "\xff\xfe", "日本", "\uFFFD", `\u0000`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := cleanText(s)
		if !utf8.ValidString(got) || strings.ContainsRune(got, 0) {
			t.Errorf("cleanText(%q) = %q", s, got)
		}
		if utf8.ValidString(s) && !strings.ContainsRune(s, 0) && got != s {
			t.Errorf("sound text %q became %q", s, got)
		}
		if cut := truncate(got, 7); len(cut) > 7 || !utf8.ValidString(cut) || !strings.HasPrefix(got, cut) {
			t.Errorf("truncate(%q, 7) = %q", got, cut)
		}
	})
}

func FuzzCleanJSON(f *testing.F) {
	for _, s := range []string{`{}`, `{"a\u0000":["b\u0000",1e400]}`, `"\\u0000"`, `[null,true,1.5]`, `"\ud800"`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		var v any
		if json.Unmarshal([]byte(s), &v) != nil {
			t.Skip("no JSON")
		}
		got, err := cleanJSON(v)
		if err != nil || !json.Valid(got) {
			t.Fatalf("cleanJSON(%q) = %q, %v", s, got, err)
		}
		var back any
		if err := json.Unmarshal(got, &back); err != nil {
			t.Fatal(err)
		}
		walk(t, back)
	})
}

// walk fails on any string that holds NUL.
func walk(t *testing.T, v any) {
	switch v := v.(type) {
	case string:
		if strings.ContainsRune(v, 0) {
			t.Errorf("NUL is left in %q", v)
		}
	case []any:
		for _, e := range v {
			walk(t, e)
		}
	case map[string]any:
		for k, e := range v {
			walk(t, k)
			walk(t, e)
		}
	}
}
