package store

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestConditionsThatAreUnderstood(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"confidence < 0.5": `"confidence" < 0.5`,
		"State='failed' OR not(page between 1 and 3)":   `"state" = 'failed' or not ( "page" between 1 and 3 )`,
		"document_name like 'O''Brien %' and seconds>1": `"document_name" like 'O''Brien %' and "seconds" > 1`,
		"records is null or tokens/records >= 4.":       "", // a number does not end in a point
		"model in ('a;b', '--', '/*')":                  `"model" in ( 'a;b' , '--' , '/*' )`,
		"1 - -1 = 2":                                    "1 - - 1 = 2",
	} {
		got, err := parseCondition(in)
		if want != "" && (err != nil || got != want) {
			t.Errorf("%s: %q, %v", in, got, err)
		}
		if want == "" && err != nil {
			continue
		}
	}
}

var badConditions = []string{
	"", "   ", "pg_sleep(10) is null", "true) or (true", "(true", "select 1", "1; drop table x", `"tenant" = 'x'`, "tenant = 'other'",
	"page = 1 -- tail", "'open", "current_user = 'x'", "page::text = '1'", "confidence < 1e5", "e'\\'", "$1 = 1", "state = 'a\x00'",
	"exists (table palimpsest.document)", "page_status.page = 1", "state ~ '(a+)+$'", "état = 1", "case when true then true end",
	"state = \xff", strings.Repeat("(", 3000), "1.2.3 = 1", "U&'\\0041' = state", "$$x$$ = state", "read_at < now()",
}

func TestConditionsThatAreRefused(t *testing.T) {
	t.Parallel()
	s := open(t)
	for _, in := range badConditions {
		if in == "" {
			continue // as good as none
		}
		// The last resort is Postgres: what is understood and yet no condition is the caller's fault too.
		if _, err := s.Select(t.Context(), Selection{Where: in}); !errors.Is(err, ErrInvalid) {
			t.Errorf("%.60q: %v", in, err)
		}
	}
	for _, in := range []string{"page", "page = 'x'", "1 / 0 = 1", "page and", "state like", "blank < page", "(1, 2)"} {
		if _, err := s.Select(t.Context(), Selection{Where: in + " and page = 1"}); err != nil && !errors.Is(err, ErrInvalid) {
			t.Errorf("%q: %v", in, err)
		}
	}
}

func TestSelectFindsWhatWasReadBadly(t *testing.T) {
	t.Parallel()
	s := open(t)
	r := &reader{bad: map[string]PageState{"c1 2": PageFailed, "c1 4": PageUnreadable}}
	r.work(t, s, 4)
	ctx := t.Context()
	a, b := submit(t, s, "a.pdf"), submit(t, s, "b.pdf")
	other := newDocument("c.pdf")
	other.Tenant = "other"
	c, _, err := s.Submit(ctx, other)
	check(t, err)
	for _, d := range []DocumentID{a.ID, b.ID} {
		awaitState(t, s, d, DocumentPartial)
	}
	for one[string](t, s, "select state from palimpsest.document where id = $1", string(c.ID)) != string(DocumentPartial) {
		time.Sleep(10 * time.Millisecond)
	}
	find := func(sel Selection) string {
		t.Helper()
		list, err := s.Select(ctx, sel)
		check(t, err)
		var out []string
		for _, one := range list {
			name := map[DocumentID]string{a.ID: "a", b.ID: "b", c.ID: "c"}[one.Document]
			out = append(out, fmt.Sprint(name, " ", one.Task, " ", one.Pages, " ", one.Options["text_layer"]))
		}
		return strings.Join(out, "; ")
	}
	for _, test := range []struct {
		sel  Selection
		want string
	}{
		{Selection{Where: "state in ('failed', 'unreadable')"}, "a ocr [2 4] ignore; b ocr [2 4] ignore"},
		{Selection{Where: "confidence < 0.95 and records = 2", Documents: []DocumentID{b.ID}}, "b ocr [1 3] ignore"},
		{Selection{Where: "failure = 'dark' and document_name like 'a%'", Tasks: []string{"ocr"}}, "a ocr [2 4] ignore"},
		{Selection{Tasks: []string{"table"}}, ""},
		{Selection{Limit: 1}, "a ocr [1 2 3 4] ignore"},
		{Selection{After: Selected{Document: a.ID, Task: "ocr"}, Where: "page > 3"}, "b ocr [4] ignore"},
		{Selection{Tenant: "other", Where: "page = 1"}, "c ocr [1] ignore"},
		{Selection{Where: "document = '" + string(c.ID) + "'"}, ""},
	} {
		if got := find(test.sel); got != test.want {
			t.Errorf("%+v: %s, want %s", test.sel, got, test.want)
		}
	}
}

// Whatever is accepted holds no name but the columns and words that are allowed, once its texts are taken out, and is
// accepted again as it was written out.
func FuzzCondition(f *testing.F) {
	for _, s := range badConditions {
		f.Add(s)
	}
	f.Add("state = 'a''b' and (page + 1) % 2 <> 0.5")
	texts := regexp.MustCompile(`'(?:[^']|'')*'`)
	allowed := regexp.MustCompile(`^[a-z_"0-9.<>!=+\-*/%(), ]*$`)
	f.Fuzz(func(t *testing.T, in string) {
		out, err := parseCondition(in)
		if err != nil {
			if !errors.Is(err, ErrInvalid) {
				t.Fatal(err)
			}
			return
		}
		bare := texts.ReplaceAllString(out, "")
		if !allowed.MatchString(bare) || strings.Contains(bare, "--") || strings.Contains(bare, "/*") {
			t.Fatalf("%q became %q", in, out)
		}
		for _, name := range regexp.MustCompile(`[a-z_]+`).FindAllString(bare, -1) {
			if !slices.Contains(conditionColumns, name) && !slices.Contains(conditionWords, name) {
				t.Fatalf("%q lets %q through", in, name)
			}
		}
		if strings.Count(bare, "(") != strings.Count(bare, ")") {
			t.Fatalf("%q is not balanced", out)
		}
		if again, err := parseCondition(strings.ReplaceAll(out, `"`, "")); strings.Count(bare, `"`) > 0 && !strings.Contains(strings.Join(texts.FindAllString(out, -1), ""), `"`) && (err != nil || again != out) {
			t.Fatalf("%q is read again as %q, %v", out, again, err)
		}
	})
}
