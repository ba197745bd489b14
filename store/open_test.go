package store

import (
	"errors"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"palimpsest.dev/internal/pgtest"
)

func TestOpenSaysWhatIsMissing(t *testing.T) {
	t.Parallel()
	_, err := Open(t.Context(), pgtest.Empty(t), Options{Log: quiet})
	if err == nil || !strings.Contains(err.Error(), "palimpsest migrate") {
		t.Errorf("database without a schema: %v", err)
	}
	if _, err := Open(t.Context(), "postgres://nobody@127.0.0.1:1/none?connect_timeout=2", Options{Log: quiet}); !errors.Is(err, ErrUnavailable) {
		t.Errorf("no database: %v", err)
	}
	if _, err := Open(t.Context(), "port=many", Options{Log: quiet}); err == nil {
		t.Error("an address that is none was taken")
	}
}

func TestIdsSortByTime(t *testing.T) {
	t.Parallel()
	at := time.UnixMilli(1_700_000_000_000)
	var ids []DocumentID
	for i := range 100 {
		id := newDocumentID(at.Add(time.Duration(i) * time.Millisecond))
		if _, err := ParseDocumentID(string(id)); err != nil || id[14] != '7' || !strings.ContainsRune("89ab", rune(id[19])) {
			t.Errorf("id %s, %v", id, err)
		}
		ids = append(ids, id)
	}
	if !slices.IsSorted(ids) {
		t.Error("later ids sort before earlier ones")
	}
	for _, bad := range []string{"", "x", strings.ToUpper(string(ids[0])), string(ids[0]) + "0", "../" + string(ids[0])} {
		_, err := ParseDocumentID(bad)
		wantErr(t, err, ErrNotFound)
	}
}

func TestDigestsTellFingerprintsApart(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, f := range []Fingerprint{
		{}, {Checkpoint: "a"}, {Adapter: "a"}, {Profile: "a"}, {Plugin: "a"}, {Renderer: "a"}, {Kernel: "a"}, {Checkpoint: "aa"}, {Checkpoint: "a", Adapter: "a"},
	} {
		d := f.Digest()
		if seen[d] || !hashForm.MatchString(d) {
			t.Errorf("digest %s of %+v is not new", d, f)
		}
		seen[d] = true
	}
}

// No statement outside of query/ touches the fixed tables, but for those listed with their reason.
func TestSQLIsInOnePlace(t *testing.T) {
	t.Parallel()
	allowed := map[string]string{
		"relation.go": "the look for another task's view, beside the DDL it guards",
		"rows.go":     "statements over a task's own relations, joined to the page runs",
		"region.go":   "rows of the relation region, joined to the page runs",
	}
	entries, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	statement := regexp.MustCompile(`(?i)(select|insert into|update|delete from|from|join)\s+palimpsest\.`)
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ".go") || strings.HasSuffix(e.Name(), "_test.go") || allowed[e.Name()] != "" {
			continue
		}
		b, err := os.ReadFile(e.Name())
		if err != nil {
			t.Fatal(err)
		}
		if m := statement.Find(b); m != nil {
			t.Errorf("%s has SQL of its own: %q", e.Name(), m)
		}
	}
}

func TestAnOutageIsToldFromAnAnswer(t *testing.T) {
	t.Parallel()
	s := open(t)
	_, err := s.pool.Exec(t.Context(), "select pg_terminate_backend(pg_backend_pid())")
	if !brokenConnection(err) {
		t.Errorf("killed connection: %v", err)
	}
	_, err = s.pool.Exec(t.Context(), "select 1/0")
	if err == nil || brokenConnection(err) {
		t.Errorf("division by zero: %v", err)
	}
	gone := openAt(t, s.pool.Config().ConnString())
	gone.pool.Close()
	if _, err := gone.Document(t.Context(), "", newDocumentID(time.Now())); err == nil {
		t.Error("a closed store answers")
	}
}
