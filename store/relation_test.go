package store

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/jackc/pgx/v5"

	"palimpsest.dev/store/internal/db"
)

// stored puts rows onto page 1 of a new document, by a page run that is current.
func stored(t *testing.T, s *Store, name string, rows []Row) (DocumentID, int64) {
	t.Helper()
	d := submit(t, s, name)
	check(t, s.AddPages(t.Context(), d.ID, []NewPage{newPage(1)}))
	id := one[int64](t, s, "select id from palimpsest.page_run where document = $1", string(d.ID))
	_, err := s.BeginRead(t.Context(), id)
	check(t, err)
	check(t, s.tx(t.Context(), func(tx pgx.Tx) error {
		_, err := s.commitPageRun(t.Context(), tx, id, Outcome{State: PageDone, Rows: rows, Model: "mini"})
		return err
	}))
	return d.ID, id
}

func TestRowsComeBackAsTheyWentIn(t *testing.T) {
	t.Parallel()
	s := open(t)
	schema := TaskSchema{Task: "mix", Version: "1", Relations: []Relation{{Name: "thing", Columns: []Column{
		{Name: "text", Type: "text"}, {Name: "whole", Type: "integer"}, {Name: "part", Type: "number"}, {Name: "yes", Type: "boolean"},
		{Name: "more", Type: "json"}, {Name: "select", Type: "text", Summary: "A key word, it's quoted."},
	}}}}
	check(t, s.EnsureRelations(t.Context(), schema))
	check(t, s.EnsureRelations(t.Context(), ocr))
	d := newDocument("a.pdf")
	d.Runs = []NewRun{{Task: "mix"}}
	doc, _, err := s.Submit(t.Context(), d)
	check(t, err)
	check(t, s.AddPages(t.Context(), doc.ID, []NewPage{newPage(1)}))
	id := one[int64](t, s, "select id from palimpsest.page_run")
	_, err = s.BeginRead(t.Context(), id)
	check(t, err)
	rows := []Row{
		{Relation: "thing", Seq: 0, Box: [4]float64{0.5, 1, 2, 3}, Confidence: 1.5, Source: "model", Polygon: [][2]float64{{0, 1}, {2, 3}}, Values: map[string]any{
			"text": "NUL\x00, \xff and 日本", "whole": 7.0, "part": 3, "yes": true, "more": map[string]any{"a\x00": []any{"b\x00", 1.5}}, "select": "x",
		}},
		{Relation: "thing", Seq: 1, Confidence: nan, Source: "text_layer", Values: map[string]any{"whole": int64(1) << 60, "part": math.Inf(1), "text": nil}},
	}
	want := []ResultRow{
		{Page: 1, Row: Row{Relation: "thing", Seq: 0, Box: [4]float64{0.5, 1, 2, 3}, Confidence: 1, Source: "model", Polygon: [][2]float64{{0, 1}, {2, 3}}, Values: map[string]any{
			"text": "NUL\uFFFD, \uFFFD and 日本", "whole": int64(7), "part": 3.0, "yes": true, "more": map[string]any{"a\uFFFD": []any{"b\uFFFD", 1.5}}, "select": "x",
		}}},
		{Page: 1, Row: Row{Relation: "thing", Seq: 1, Confidence: nan, Source: "text_layer", Values: map[string]any{"whole": int64(1) << 60}}},
	}
	check(t, s.tx(t.Context(), func(tx pgx.Tx) error {
		_, err := s.commitPageRun(t.Context(), tx, id, Outcome{State: PageDone, Rows: rows})
		return err
	}))
	got, err := s.Results(t.Context(), doc.ID, "mix", "thing", 0, Cursor{}, 0)
	check(t, err)
	if diff := cmp.Diff(want, got, cmpopts.EquateNaNs(), cmpopts.IgnoreFields(ResultRow{}, "Run")); diff != "" {
		t.Error(diff)
	}
	if c := one[string](t, s, `select col_description('mix_thing'::regclass, attnum) from pg_attribute where attrelid = 'mix_thing'::regclass and attname = 'select'`); c != "A key word, it's quoted." {
		t.Errorf("the view's comment is %q", c)
	}
}

func TestRowsThatContradictTheirRelationAreRefused(t *testing.T) {
	t.Parallel()
	s := open(t)
	check(t, s.EnsureRelations(t.Context(), ocr))
	good := words(1)[0]
	for name, change := range map[string]func(*Row){
		"unknown relation":    func(r *Row) { r.Relation = "cell" },
		"unknown column":      func(r *Row) { r.Values = map[string]any{"texts": "x"} },
		"text in an integer":  func(r *Row) { r.Values = map[string]any{"line": "x"} },
		"half in an integer":  func(r *Row) { r.Values = map[string]any{"line": 1.5} },
		"number in a text":    func(r *Row) { r.Values = map[string]any{"text": 1} },
		"box that is nowhere": func(r *Row) { r.Box[0] = nan },
		"endless outline":     func(r *Row) { r.Polygon = [][2]float64{{math.Inf(1), 0}} },
		"unknown source":      func(r *Row) { r.Source = "guess" },
	} {
		row := good
		change(&row)
		d := submit(t, s, name)
		check(t, s.AddPages(t.Context(), d.ID, []NewPage{newPage(1)}))
		id := one[int64](t, s, "select id from palimpsest.page_run where document = $1", string(d.ID))
		_, err := s.BeginRead(t.Context(), id)
		check(t, err)
		err = s.tx(t.Context(), func(tx pgx.Tx) error {
			_, err := s.commitPageRun(t.Context(), tx, id, Outcome{State: PageDone, Rows: []Row{row}})
			return err
		})
		if err == nil {
			t.Errorf("%s was stored", name)
		} else if name != "unknown source" && !errors.Is(err, ErrInvalid) && !errors.Is(err, ErrNotFound) {
			t.Errorf("%s: %v, want ErrInvalid or ErrNotFound", name, err)
		}
		if state := one[string](t, s, "select state from palimpsest.page_run where id = $1", id); state != string(PageRunning) {
			t.Errorf("%s: page run is %s", name, state)
		}
	}
}

func TestViewsShowOneRunPerPageAndTask(t *testing.T) {
	t.Parallel()
	s := open(t)
	ctx := t.Context()
	check(t, s.EnsureRelations(ctx, ocr))
	id, old := stored(t, s, "a.pdf", words(3))
	other, _ := stored(t, s, "b.pdf", words(5))
	// A second run of the same task over the page, as a better model will bring it.
	run, err := s.q.InsertRun(ctx, s.pool, db.InsertRunParams{Document: string(id), Task: "ocr", Options: []byte("{}"), Fingerprint: []byte("{}"), Digest: "d2"})
	check(t, err)
	fresh, err := s.q.InsertPageRuns(ctx, s.pool, db.InsertPageRunsParams{Document: string(id), Numbers: []int32{1}})
	check(t, err)
	if len(fresh) != 1 {
		t.Fatalf("%d new page runs for run %d", len(fresh), run.ID)
	}
	execSQL(t, s, "update palimpsest.document set open_page_runs = 1, state = 'running' where id = $1", string(id))
	_, err = s.BeginRead(ctx, fresh[0].ID)
	check(t, err)
	better := words(4)
	for i := range better {
		better[i].Values["text"] = "better"
	}
	check(t, s.tx(ctx, func(tx pgx.Tx) error {
		_, err := s.commitPageRun(ctx, tx, fresh[0].ID, Outcome{State: PageDone, Rows: better, Model: "large"})
		return err
	}))
	counts := func() [3]int {
		results, err := s.Results(ctx, id, "ocr", "word", 0, Cursor{}, 0)
		check(t, err)
		return [3]int{
			one[int](t, s, "select count(*) from ocr_word where document_name = 'a.pdf' and model = 'mini'"),
			one[int](t, s, "select count(*) from ocr_word where document_name = 'a.pdf' and text = 'better'"), len(results),
		}
	}
	if got := counts(); got != [3]int{3, 0, 3} {
		t.Errorf("before the switch: %v", got)
	}
	// Both at once is not possible, whoever tries.
	if _, err := s.pool.Exec(ctx, "update palimpsest.page_run set current = true where id = $1", fresh[0].ID); err == nil {
		t.Error("a page has two current runs of one task")
	}
	check(t, s.tx(ctx, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, "update palimpsest.page_run set current = false where id = $1", old); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, "update palimpsest.page_run set current = true where id = $1", fresh[0].ID)
		return err
	}))
	if got := counts(); got != [3]int{0, 4, 4} {
		t.Errorf("after the switch: %v", got)
	}
	if n := one[int](t, s, "select count(*) from ocr_word where document = $1::uuid", string(other)); n != 5 {
		t.Errorf("the other document has %d words", n)
	}
}

func TestResultsArePagedByCursor(t *testing.T) {
	t.Parallel()
	s := open(t)
	check(t, s.EnsureRelations(t.Context(), ocr))
	id, _ := stored(t, s, "a.pdf", words(25))
	var seqs []int
	var after Cursor
	for {
		rows, err := s.Results(t.Context(), id, "ocr", "word", 1, after, 10)
		check(t, err)
		if len(rows) == 0 {
			break
		}
		for _, r := range rows {
			seqs = append(seqs, r.Seq)
		}
		after = Next(rows)
	}
	want := make([]int, 25)
	for i := range want {
		want[i] = i
	}
	if !slices.Equal(seqs, want) {
		t.Errorf("rows %v", seqs)
	}
	if rows, err := s.Results(t.Context(), id, "ocr", "word", 2, Cursor{}, 0); err != nil || len(rows) != 0 {
		t.Errorf("page 2: %v, %v", rows, err)
	}
	_, err := s.Results(t.Context(), id, "ocr", `word"; drop table x; --`, 0, Cursor{}, 0)
	wantErr(t, err, ErrNotFound)
}

func TestARelationIsWidenedAndNeverNarrowed(t *testing.T) {
	t.Parallel()
	s := open(t)
	ctx := t.Context()
	check(t, s.EnsureRelations(ctx, ocr))
	id, _ := stored(t, s, "a.pdf", words(2))
	// Somebody built upon the view; widening must not get in the way.
	execSQL(t, s, "create view mine as select text from ocr_word")
	v2 := TaskSchema{Task: "ocr", Version: "2", Relations: []Relation{
		{Name: "word", Columns: []Column{{Name: "language", Type: "text"}, {Name: "text", Type: "text", Summary: "new words"}}},
		{Name: "line", Columns: []Column{{Name: "text", Type: "text"}}},
	}}
	var wg sync.WaitGroup
	for range 8 { // every process does it at its start
		wg.Go(func() {
			if err := s.EnsureRelations(ctx, v2); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	rows, err := s.Results(ctx, id, "ocr", "word", 0, Cursor{}, 0)
	check(t, err)
	if diff := cmp.Diff(map[string]any{"text": "word1", "line": int64(0)}, rows[1].Values); diff != "" {
		t.Errorf("rows of version 1 after widening: %s", diff)
	}
	stored(t, s, "b.pdf", []Row{
		{Relation: "word", Source: "model", Values: map[string]any{"language": "de", "text": "Wort"}},
		{Relation: "line", Source: "model", Values: map[string]any{"text": "Wort"}},
	})
	if got := one[string](t, s, "select string_agg(text || coalesce(language, '-'), ' ' order by text) from ocr_word"); got != "Wortde word0- word1-" {
		t.Errorf("view: %s", got)
	}
	check(t, s.EnsureRelations(ctx, ocr)) // an old process starts once more
	if n := one[int](t, s, "select jsonb_array_length(columns) from palimpsest.relation where name = 'word'"); n != 3 {
		t.Errorf("%d columns after the old version came back", n)
	}
	v3 := TaskSchema{Task: "ocr", Version: "3", Relations: []Relation{{Name: "word", Columns: []Column{{Name: "line", Type: "text"}}}}}
	err = s.EnsureRelations(ctx, v3)
	wantErr(t, err, ErrConflict)
	if !strings.Contains(err.Error(), "another name") {
		t.Errorf("no remedy in %q", err)
	}
}

func TestAnotherProcessWidensARelation(t *testing.T) {
	t.Parallel()
	s := open(t)
	other := openAt(t, s.pool.Config().ConnString())
	check(t, s.EnsureRelations(t.Context(), ocr))
	stored(t, s, "a.pdf", words(1)) // now s remembers the relation
	wide := ocr
	wide.Version = "2"
	wide.Relations = []Relation{{Name: "word", Columns: append(slices.Clone(ocr.Relations[0].Columns), Column{Name: "extra", Type: "text"})}}
	check(t, other.EnsureRelations(t.Context(), wide))
	stored(t, s, "b.pdf", []Row{{Relation: "word", Source: "model", Values: map[string]any{"extra": "x"}}})
	if n := one[int](t, s, "select count(*) from ocr_word where extra = 'x'"); n != 1 {
		t.Errorf("%d rows", n)
	}
}

func TestSchemasThatCannotBeMadeAreRefused(t *testing.T) {
	t.Parallel()
	s := open(t)
	word := func(columns ...Column) TaskSchema {
		return TaskSchema{Task: "ocr", Relations: []Relation{{Name: "word", Columns: columns}}}
	}
	for name, schema := range map[string]TaskSchema{
		"task name":       {Task: "OCR; drop"},
		"relation name":   {Task: "ocr", Relations: []Relation{{Name: "word\""}}},
		"relation twice":  {Task: "ocr", Relations: []Relation{{Name: "word"}, {Name: "word"}}},
		"long name":       {Task: "ocr", Relations: []Relation{{Name: strings.Repeat("x", 32)}}},
		"column name":     word(Column{Name: "a b", Type: "text"}),
		"column twice":    word(Column{Name: "a", Type: "text"}, Column{Name: "a", Type: "text"}),
		"host column":     word(Column{Name: "page", Type: "text"}),
		"type":            word(Column{Name: "a", Type: "varchar"}),
		"too many":        word(slices.Repeat([]Column{{Name: "a", Type: "text"}}, maxColumns+1)...),
		"too many tables": {Task: "ocr", Relations: slices.Repeat([]Relation{{Name: "x"}}, maxRelations+1)},
	} {
		if err := s.EnsureRelations(t.Context(), schema); !errors.Is(err, ErrInvalid) {
			t.Errorf("%s: %v, want ErrInvalid", name, err)
		}
	}
	// The longest names there may be, and two tasks whose views would have one name.
	long := TaskSchema{Task: strings.Repeat("t", 31), Relations: []Relation{{Name: strings.Repeat("r", 31), Columns: []Column{{Name: strings.Repeat("c", 63), Type: "text"}}}}}
	check(t, s.EnsureRelations(t.Context(), long))
	check(t, s.EnsureRelations(t.Context(), TaskSchema{Task: "a", Relations: []Relation{{Name: "b_c"}}}))
	wantErr(t, s.EnsureRelations(t.Context(), TaskSchema{Task: "a_b", Relations: []Relation{{Name: "c"}}}), ErrConflict)
}

func TestEventsTellEveryChange(t *testing.T) {
	t.Parallel()
	s := open(t)
	d := submit(t, s, "a.pdf")
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	events, err := s.Watch(ctx, d.ID)
	check(t, err)
	second, err := s.Watch(ctx, d.ID)
	check(t, err)
	elsewhere, err := s.Watch(ctx, submit(t, s, "b.pdf").ID)
	check(t, err)
	execSQL(t, s, "delete from river.river_job where args ->> 'document_id' <> $1", string(d.ID))
	pipeline{pages: 1}.work(t, s)
	var got []string
	for e := range events {
		got = append(got, strings.TrimSpace(fmt.Sprintf("%d %s %s", e.Page, e.Task, e.State)))
		if DocumentState(e.State).Final() && e.Page == 0 {
			break
		}
	}
	want := []string{"0  ingesting", "0  ingesting", "1  queued", "0  running", "1 ocr running", "1 ocr done", "0  complete"}
	// Reading may begin before ingest ends.
	slices.Sort(got)
	slices.Sort(want)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if e := <-second; e.Document != d.ID {
		t.Errorf("the second watcher heard %+v", e)
	}
	select {
	case e := <-elsewhere:
		if e.State != string(DocumentReceived) { // its own submission may still be on its way
			t.Errorf("a watcher of another document heard %+v", e)
		}
	default:
	}
	cancel()
	for range events { // closed when its context ends
	}
}

func TestWatchersLearnThatTheyMissedSomething(t *testing.T) {
	t.Parallel()
	s := open(t)
	d := submit(t, s, "a.pdf")
	events, err := s.Watch(t.Context(), d.ID)
	check(t, err)
	execSQL(t, s, "select pg_terminate_backend(pid) from pg_stat_activity where query = 'listen palimpsest_event' and datname = current_database()")
	select {
	case e := <-events:
		if e.State != "" {
			t.Errorf("after the connection broke: %+v, want an event without a state", e)
		}
	case <-time.After(patience):
		t.Fatal("no event after the connection broke")
	}
	// One that does not read while much happens is told as much.
	slow := make(chan Event, 4)
	for i := range 10 {
		offer(slow, Event{Document: d.ID, Page: i + 1, State: "done"})
	}
	if e := <-slow; e.State != "" {
		t.Errorf("a watcher that fell behind got %+v", e)
	}
}

func TestBlobLocksAreExclusive(t *testing.T) {
	t.Parallel()
	s := open(t)
	other := openAt(t, s.pool.Config().ConnString())
	unlock, err := s.BlobLocks().Lock(t.Context(), hashOf("x"))
	check(t, err)
	free, err := s.BlobLocks().Lock(t.Context(), hashOf("y")) // another object's is another lock
	check(t, err)
	free()
	short, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := other.BlobLocks().Lock(short, hashOf("x")); err == nil {
		t.Fatal("two have one lock")
	}
	unlock()
	unlock, err = other.BlobLocks().Lock(t.Context(), hashOf("x"))
	check(t, err)
	unlock()
}

func TestNamedFindsEveryName(t *testing.T) {
	t.Parallel()
	s := open(t)
	check(t, s.EnsureRelations(t.Context(), ocr))
	d := submit(t, s, "a.pdf")
	p := newPage(1)
	p.TextHash = hashOf("text")
	check(t, s.AddPages(t.Context(), d.ID, []NewPage{p}))
	id := one[int64](t, s, "select id from palimpsest.page_run")
	_, err := s.BeginRead(t.Context(), id)
	check(t, err)
	check(t, s.tx(t.Context(), func(tx pgx.Tx) error {
		_, err := s.commitPageRun(t.Context(), tx, id, Outcome{State: PageDone, Objects: []Object{{Name: "page.hocr", MediaType: "text/html", Hash: hashOf("hocr")}}})
		return err
	}))
	want := map[string]bool{d.Hash: true, p.RasterHash: true, p.SquareHash: true, p.TextHash: true, hashOf("hocr"): true}
	asked := []string{hashOf("nobody's")}
	for h := range want {
		asked = append(asked, h)
	}
	got, err := s.Named(t.Context(), asked)
	check(t, err)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
