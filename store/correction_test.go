package store

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/riverqueue/river"
)

// wordsAndLines is a task whose words stand in lines.
var (
	wordsAndLines = TaskSchema{Task: "ocr", Version: "1", Relations: []Relation{
		{Name: "word", Columns: []Column{{Name: "text", Type: "text"}, {Name: "line", Type: "integer"}, {Name: "block", Type: "integer"}}},
		{Name: "line", Columns: []Column{{Name: "text", Type: "text"}, {Name: "words", Type: "integer"}, {Name: "block", Type: "integer"}, {Name: "paragraph", Type: "integer"}}}}}
)

func word(seq, line int, text string, x float64) Row {
	y := float64(line) * 20
	return Row{Relation: "word", Seq: seq, Box: [4]float64{x, y, x + 40, y + 16}, Confidence: 0.5, Source: "model", Values: map[string]any{"text": text, "line": int64(line), "block": int64(0)}}
}

func textLine(seq int, text string) Row {
	y := float64(seq) * 20
	return Row{Relation: "line", Seq: seq, Box: [4]float64{0, y, 200, y + 16}, Confidence: 0.5, Source: "model",
		Values: map[string]any{"text": text, "words": int64(len(strings.Fields(text))), "block": int64(0), "paragraph": int64(0)}}
}

// theQuickFox is a page as a model might misread it.
func theQuickFox() []Row {
	return []Row{word(0, 0, "Teh", 0), word(1, 0, "fox", 100), word(2, 1, "jumps", 0), word(3, 1, "~", 100), textLine(0, "Teh fox"), textLine(1, "jumps ~")}
}

func at(r Row) [4]float64 { return r.Box }

func textsOf(t *testing.T, s *Store, id DocumentID, relation string) string {
	t.Helper()
	rows, err := s.Results(t.Context(), id, "ocr", relation, 1, Cursor{}, 0)
	check(t, err)
	var out []string
	for _, r := range rows {
		mark := ""
		if r.Source == "person" {
			mark = "!"
		}
		out = append(out, fmt.Sprint(mark, r.Values["text"]))
	}
	return strings.Join(out, " | ")
}

// readDocumentAs submits a document of one page and has it read.
func readDocumentAs(t *testing.T, s *Store, rows func() []Row) DocumentID {
	t.Helper()
	check(t, s.EnsureRelations(t.Context(), wordsAndLines))
	pipeline{pages: 1, read: func(ctx context.Context, job *river.Job[ReadArgs]) error {
		if _, err := s.BeginRead(ctx, job.Args.PageRunID); err != nil {
			return err
		}
		return s.CommitRead(ctx, job, Outcome{State: PageDone, Rows: rows(), Model: "test"})
	}}.work(t, s)
	d := submit(t, s, "a.pdf")
	awaitState(t, s, d.ID, DocumentComplete)
	return d.ID
}

func correctWord(t *testing.T, s *Store, id DocumentID, kind CorrectionKind, place [4]float64, rows ...Row) Corrected {
	t.Helper()
	c, err := s.Correct(t.Context(), NewCorrection{Document: id, Page: 1, Task: "ocr", Kind: kind, Relation: "word", Place: place, Rows: rows, Actor: "ada"})
	check(t, err)
	return c
}

func TestCorrectionsStandAndAreUndone(t *testing.T) {
	t.Parallel()
	s := open(t)
	id := readDocumentAs(t, s, theQuickFox)
	read := theQuickFox()
	change := correctWord(t, s, id, CorrectChange, at(read[0]), Row{Values: map[string]any{"text": "The"}})
	if change.ID == 0 || change.Revision == 0 || change.Actor != "ada" || change.Place != read[0].Box || !strings.Contains(string(change.Was), "Teh") {
		t.Errorf("%+v", change)
	}
	correctWord(t, s, id, CorrectAdd, [4]float64{}, Row{Box: [4]float64{50, 1, 90, 17}, Values: map[string]any{"text": "quick"}})
	remove := correctWord(t, s, id, CorrectRemove, at(read[3]))
	correctWord(t, s, id, CorrectAdd, [4]float64{}, Row{Box: [4]float64{0, 50, 40, 60}, Values: map[string]any{"text": "high"}})
	if got, want := textsOf(t, s, id, "word"), "!The | !quick | fox | jumps | !high"; got != want {
		t.Errorf("words %s, want %s", got, want)
	}
	if got, want := textsOf(t, s, id, "line"), "The quick fox | jumps | !high"; got != want {
		t.Errorf("lines %s, want %s", got, want)
	}
	// Views and conditions see the same.
	if n := one[int](t, s, "select count(*) from public.ocr_word where source = 'person'"); n != 3 {
		t.Errorf("%d words of people in the view", n)
	}
	if n := one[int](t, s, "select corrections from public.page_status"); n != 4 {
		t.Errorf("%d corrections in page_status", n)
	}
	if found, err := s.Select(t.Context(), Selection{Where: "corrections > 3 and records = 8", Limit: 10}); err != nil || len(found) != 1 {
		t.Errorf("%v, %v", found, err)
	}
	_, err := s.UndoCorrection(t.Context(), "", id, remove.ID, "bob")
	check(t, err)
	again, err := s.UndoCorrection(t.Context(), "", id, change.ID, "bob")
	check(t, err)
	if got, want := textsOf(t, s, id, "word"), "Teh | !quick | fox | jumps | ~ | !high"; got != want {
		t.Errorf("words %s, want %s", got, want)
	}
	_, err = s.UndoCorrection(t.Context(), "", id, change.ID, "bob")
	wantErr(t, err, ErrConflict)
	_, err = s.UndoCorrection(t.Context(), "", id, again.ID, "ada") // taken back: the change stands again
	check(t, err)
	if got, want := textsOf(t, s, id, "line"), "The quick fox | jumps ~ | !high"; got != want {
		t.Errorf("lines %s, want %s", got, want)
	}
	all, err := s.Corrections(t.Context(), "", id)
	check(t, err)
	if len(all) != 7 || all[2].Kind != CorrectRemove || !all[2].Undone || all[0].Undone || !all[5].Undone || all[6].Undoes != again.ID {
		t.Errorf("history %+v", all)
	}
	for _, c := range all {
		if !c.Undone && c.Kind != CorrectUndo {
			_, err := s.UndoCorrection(t.Context(), "", id, c.ID, "")
			check(t, err)
		}
	}
	rows, err := s.Results(t.Context(), id, "ocr", "word", 1, Cursor{}, 0)
	check(t, err)
	for i, r := range rows { // as it was read, to the last digit
		if w := read[i]; len(rows) != 4 || r.Box != w.Box || r.Seq != w.Seq || r.Confidence != w.Confidence || r.Source != "model" || r.Values["text"] != w.Values["text"] {
			t.Errorf("%+v, want %+v", r.Row, w)
		}
	}
	if n := one[int](t, s, "select count(*) from task_ocr.word where seq < 0"); n != 0 {
		t.Errorf("%d rows set aside without a correction", n)
	}
}

func TestCorrectionsSurviveWhatReadsLater(t *testing.T) {
	t.Parallel()
	s := open(t)
	second := theQuickFox()
	id := readDocumentAs(t, s, func() []Row { return slices.Clone(second) })
	read := theQuickFox()
	correctWord(t, s, id, CorrectChange, at(read[0]), Row{Values: map[string]any{"text": "The"}})
	correctWord(t, s, id, CorrectRemove, at(read[3]))
	correctWord(t, s, id, CorrectAdd, [4]float64{}, Row{Box: [4]float64{50, 1, 90, 17}, Values: map[string]any{"text": "quick"}})
	first := one[int64](t, s, "select id from palimpsest.run")

	// Another model sees the first word a little elsewhere, finds the second itself, and misses the dirt.
	second = []Row{word(0, 0, "Tne", 3), word(1, 0, "quiok", 52), word(2, 0, "fox", 100), word(3, 1, "jumps", 0), textLine(0, "Tne quiok fox"), textLine(1, "jumps")}
	again := newDocument("a.pdf").Runs[0]
	again.Fingerprint.Checkpoint = "c2"
	made, err := s.Rerun(t.Context(), NewRerun{Document: id, NewRun: again, Promote: PromoteAlways})
	check(t, err)
	await(t, s, id, "the new run", func(DocumentStatus) bool {
		run, err := s.RunByID(t.Context(), "", made.Run.ID)
		return err == nil && run.State.Final()
	})
	if got, want := textsOf(t, s, id, "word"), "!The | !quick | fox | jumps"; got != want {
		t.Errorf("promoted: %s, want %s", got, want)
	}
	if got, want := textsOf(t, s, id, "line"), "The quick fox | jumps"; got != want {
		t.Errorf("promoted: %s, want %s", got, want)
	}
	// A correction made now holds for the earlier run as well, and a roll-back loses none.
	correctWord(t, s, id, CorrectChange, at(read[2]), Row{Values: map[string]any{"text": "jumped"}})
	_, err = s.Demote(t.Context(), "", made.Run.ID, nil, "ada")
	check(t, err)
	if got, want := textsOf(t, s, id, "word"), "!The | !quick | fox | !jumped"; got != want {
		t.Errorf("rolled back: %s, want %s", got, want)
	}
	runs, err := s.Runs(t.Context(), "", id)
	check(t, err)
	if len(runs) != 2 || runs[0].ID != first || runs[0].Pages[0].Corrected != 4 || runs[1].Pages[0].Corrected != 4 {
		t.Errorf("%+v", runs)
	}
	// What the second run missed is there all the same, where a person wrote it.
	second = []Row{word(0, 1, "jumps", 0), textLine(0, "jumps")}
	second[0].Values["line"] = int64(0)
	second[1].Box = second[0].Box
	again.Fingerprint.Checkpoint = "c3"
	made, err = s.Rerun(t.Context(), NewRerun{Document: id, NewRun: again, Promote: PromoteAlways})
	check(t, err)
	await(t, s, id, "the third run", func(DocumentStatus) bool {
		run, err := s.RunByID(t.Context(), "", made.Run.ID)
		return err == nil && run.State.Final()
	})
	if got := textsOf(t, s, id, "word"); !strings.Contains(got, "!The") || !strings.Contains(got, "!quick") || !strings.Contains(got, "!jumped") {
		t.Errorf("third run: %s", got)
	}
}

func TestAnswersReplaceWhatBelongsToThem(t *testing.T) {
	t.Parallel()
	at := [4]float64{0, 0, 100, 100}
	cell := func(seq, table int, text string) Row {
		return Row{Relation: "cell", Seq: seq, Box: at, Values: map[string]any{"table_seq": int64(table), "text": text}}
	}
	read := []Row{{Relation: "table", Seq: 0, Box: at, Values: map[string]any{"html": "a"}}, {Relation: "table", Seq: 1, Box: [4]float64{0, 200, 100, 300}, Values: map[string]any{"html": "b"}},
		cell(0, 0, "a1"), cell(1, 0, "a2"), cell(2, 1, "b1")}
	kept := []correctedRow{{Relation: "table", Box: at, Values: map[string]any{"html": "new"}}, {Relation: "cell", Box: at, Values: map[string]any{"table_seq": 0.0, "text": "n1"}}}
	show := func(rows []Row) string {
		var out []string
		for _, r := range rows {
			out = append(out, fmt.Sprintf("%s:%d:%v:%v:%v", r.Relation, r.Seq, r.Values["html"], r.Values["text"], r.Values["table_seq"]))
		}
		slices.Sort(out)
		return strings.Join(out, " ")
	}
	got := show(corrected("table", read, []Correction{{Kind: CorrectAnswer, Relation: "table", Place: at, rows: kept}}))
	if want := "cell:2:<nil>:b1:1 cell:3:<nil>:n1:0 table:0:new:<nil>:<nil> table:1:b:<nil>:<nil>"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	// No run saw it: it is there all the same, with cells of its own.
	got = show(corrected("table", read[1:2], []Correction{{Kind: CorrectAnswer, Relation: "table", Place: at, rows: kept}}))
	if want := "cell:0:<nil>:n1:2 table:1:b:<nil>:<nil> table:2:new:<nil>:<nil>"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	got = show(corrected("table", read, []Correction{{Kind: CorrectRemove, Relation: "table", Place: at}}))
	if want := "cell:2:<nil>:b1:1 table:1:b:<nil>:<nil>"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestCorrectionsThatMakeNoSense(t *testing.T) {
	t.Parallel()
	s := open(t)
	id := readDocumentAs(t, s, theQuickFox)
	read := theQuickFox()
	right := NewCorrection{Document: id, Page: 1, Task: "ocr", Kind: CorrectChange, Relation: "word", Place: at(read[0]), Rows: []Row{{Values: map[string]any{"text": "The"}}}}
	for name, c := range map[string]struct {
		edit func(*NewCorrection)
		want error
	}{
		"nothing stands there":    {func(n *NewCorrection) { n.Place = [4]float64{600, 600, 640, 616} }, ErrInvalid},
		"off the page":            {func(n *NewCorrection) { n.Place = [4]float64{0, 0, 900, 10} }, ErrInvalid},
		"no such page":            {func(n *NewCorrection) { n.Page = 2 }, ErrNotFound},
		"no such task":            {func(n *NewCorrection) { n.Task = "omr" }, ErrNotFound},
		"regions are drawn":       {func(n *NewCorrection) { n.Task = RegionsTask }, ErrInvalid},
		"no such relation":        {func(n *NewCorrection) { n.Relation = "verse" }, ErrNotFound},
		"no such column":          {func(n *NewCorrection) { n.Rows[0].Values = map[string]any{"colour": "red"} }, ErrInvalid},
		"a value of another type": {func(n *NewCorrection) { n.Rows[0].Values = map[string]any{"text": 5.5} }, ErrInvalid},
		"two rows for one":        {func(n *NewCorrection) { n.Rows = append(n.Rows, n.Rows[0]) }, ErrInvalid},
		"another tenant's":        {func(n *NewCorrection) { n.Tenant = "other" }, ErrNotFound},
		"an undo without its own": {func(n *NewCorrection) { n.Kind = CorrectUndo }, ErrInvalid},
	} {
		n := right
		n.Rows = []Row{{Values: map[string]any{"text": "The"}}}
		c.edit(&n)
		_, err := s.Correct(t.Context(), n)
		if err == nil {
			t.Errorf("%s: no error", name)
			continue
		}
		t.Run(name, func(t *testing.T) { wantErr(t, err, c.want) })
	}
	if n := one[int](t, s, "select count(*) from palimpsest.correction"); n != 0 {
		t.Errorf("%d corrections stored", n)
	}
	_, err := s.Correct(t.Context(), NewCorrection{Document: id, Page: 1, Task: "ocr", Kind: CorrectRight})
	check(t, err)
	if got := textsOf(t, s, id, "word"); got != "Teh | fox | jumps | ~" {
		t.Errorf("a page that is right changed: %s", got)
	}
}
