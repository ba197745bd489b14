package store

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/riverqueue/river"
)

// later is a run by another model.
func later(d DocumentID, checkpoint string, pages ...int) NewRerun {
	return NewRerun{Document: d, Pages: pages, Actor: "ann", NewRun: NewRun{Task: "ocr", Options: map[string]string{"text_layer": "ignore"}, Fingerprint: Fingerprint{Checkpoint: checkpoint}}}
}

// held is the checkpoint of a model that does not come to an end.
const held = "held"

var errHeld = errors.New("held")

// reader is workers that write the checkpoint's name as every word, and end a page as bad says.
type reader struct {
	mu       sync.Mutex
	bad      map[string]PageState // by "checkpoint page"
	finishes atomic.Int64
}

func (r *reader) work(t *testing.T, s *Store, pages int, edit ...func(*pipeline)) {
	t.Helper()
	p := pipeline{pages: pages, read: func(ctx context.Context, job *river.Job[ReadArgs]) error {
		w, err := s.BeginRead(ctx, job.Args.PageRunID)
		if err != nil {
			return err
		}
		model := w.Run.Fingerprint.Checkpoint
		if model == held {
			return errHeld
		}
		r.mu.Lock()
		state, bad := r.bad[fmt.Sprint(model, " ", w.Page.Number)]
		r.mu.Unlock()
		if bad {
			return s.CommitRead(ctx, job, Outcome{State: state, Failure: &Failure{Kind: KindModel, Message: "dark"}})
		}
		rows := words(2)
		for i := range rows {
			rows[i].Values["text"] = model
		}
		return s.CommitRead(ctx, job, Outcome{State: PageDone, Rows: rows, Model: model})
	}}
	p.finish = func(ctx context.Context, job *river.Job[FinishArgs]) error {
		d, err := s.BeginFinish(ctx, job.Args.DocumentID)
		if errors.Is(err, ErrFinal) {
			return nil
		}
		if err != nil {
			return err
		}
		r.finishes.Add(1)
		name := fmt.Sprint("of-", d.Revision)
		objects := []Object{{Task: "ocr", Name: "all.txt", Hash: hashOf(name)}, {Task: "ocr", Name: name, Hash: hashOf(name)}}
		err = s.CommitFinish(ctx, job, Finished{Revision: d.Revision, Objects: objects})
		if errors.Is(err, ErrRevised) {
			return river.JobSnooze(0)
		}
		return err
	}
	for _, e := range edit {
		e(&p)
	}
	p.work(t, s)
}

// shown is the model whose words each page shows.
func shown(t *testing.T, s *Store, id DocumentID) string {
	t.Helper()
	return one[string](t, s, `select coalesce(string_agg(page || ':' || text, ' ' order by page), '') from
		(select distinct page, text from ocr_word where document = $1::uuid) x`, string(id))
}

// awaitRun waits for the end of a run.
func awaitRun(t *testing.T, s *Store, id DocumentID, run int64) RunStatus {
	t.Helper()
	var got RunStatus
	await(t, s, id, fmt.Sprint("end of run ", run), func(DocumentStatus) bool {
		runs, err := s.Runs(t.Context(), "", id)
		check(t, err)
		i := slices.IndexFunc(runs, func(r RunStatus) bool { return r.ID == run })
		got = runs[i]
		return got.State.Final()
	})
	return got
}

// awaitFiles waits until the document's files are of its present rows.
func awaitFiles(t *testing.T, s *Store, id DocumentID) {
	t.Helper()
	await(t, s, id, "files of the present revision", func(DocumentStatus) bool {
		return one[bool](t, s, "select revision = finished_revision from palimpsest.document where id = $1", string(id))
	})
}

// oneCurrent checks what must hold at all times: of each page and task that was read exactly one run is current.
func oneCurrent(t *testing.T, s *Store) {
	t.Helper()
	if n := one[int](t, s, `select count(*) from (select page, task from palimpsest.page_run group by page, task having count(*) filter (where current) <> 1) x`); n != 0 {
		t.Errorf("%d pages have none or several current runs of a task", n)
	}
}

func TestALaterRunChangesNothingUntilItIsPromoted(t *testing.T) {
	t.Parallel()
	s := open(t)
	r := &reader{}
	r.work(t, s, 3)
	ctx := t.Context()
	d := submit(t, s, "a.pdf")
	awaitState(t, s, d.ID, DocumentComplete)

	rerun, err := s.Rerun(ctx, later(d.ID, "c2", 2, 3))
	check(t, err)
	if !slices.Equal(rerun.Pages, []int{2, 3}) || len(rerun.Skipped) > 0 {
		t.Fatalf("%+v", rerun)
	}
	run := awaitRun(t, s, d.ID, rerun.Run.ID)
	if run.State != RunComplete || run.Actor != "ann" || len(run.Pages) != 2 || run.Pages[0].Current || run.Pages[0].Records != 2 || *run.Pages[0].Confidence != 0.9 {
		t.Errorf("the run: %+v", run)
	}
	if got := shown(t, s, d.ID); got != "1:c1 2:c1 3:c1" {
		t.Errorf("before it is promoted: %s", got)
	}
	if st, err := s.Document(ctx, "", d.ID); err != nil || st.State != DocumentComplete || len(st.Tallies) != 1 || st.Tallies[0].Pages != 3 {
		t.Errorf("the document: %+v, %v", st, err)
	}
	oneCurrent(t, s)

	// The same once more reads nothing, of the same pages or of others already read; other pages it reads.
	again, err := s.Rerun(ctx, later(d.ID, "c2"))
	check(t, err)
	if !slices.Equal(again.Pages, []int{1}) || !slices.Equal(again.Skipped, []int{2, 3}) {
		t.Errorf("again: %+v", again)
	}
	awaitRun(t, s, d.ID, again.Run.ID)
	if last, err := s.Rerun(ctx, later(d.ID, "c2")); err != nil || last.Run.ID != 0 || len(last.Skipped) != 3 {
		t.Errorf("nothing left: %+v, %v", last, err)
	}

	p, err := s.Promote(ctx, "", run.ID, []int{3}, "bob")
	check(t, err)
	if !slices.Equal(p.Pages, []int{3}) || p.From != d.Runs[0].ID || p.To != run.ID || p.Revision != 1 {
		t.Errorf("promotion: %+v", p)
	}
	if got := shown(t, s, d.ID); got != "1:c1 2:c1 3:c2" {
		t.Errorf("one page promoted: %s", got)
	}
	p, err = s.Promote(ctx, "", run.ID, nil, "bob")
	check(t, err)
	if !slices.Equal(p.Pages, []int{2}) {
		t.Errorf("the rest: %+v", p)
	}
	if p, err = s.Promote(ctx, "", run.ID, nil, "bob"); err != nil || p.Revision != 0 || len(p.Pages) != 0 {
		t.Errorf("nothing left to promote: %+v, %v", p, err)
	}
	oneCurrent(t, s)
	// The files are of what is current now, and those of before are named no more.
	awaitFiles(t, s, d.ID)
	objects, err := s.Objects(ctx, d.ID, 0)
	check(t, err)
	if len(objects) != 2 || objects[0].Hash != hashOf("of-2") || objects[1].Name != "of-2" {
		t.Errorf("files: %+v", objects)
	}

	// Back again, by the history and by promoting the first run.
	p, err = s.Demote(ctx, "", run.ID, []int{2}, "eve")
	check(t, err)
	if !slices.Equal(p.Pages, []int{2}) || p.To != d.Runs[0].ID {
		t.Errorf("undone: %+v", p)
	}
	p, err = s.Promote(ctx, "", d.Runs[0].ID, nil, "eve")
	check(t, err)
	if got := shown(t, s, d.ID); got != "1:c1 2:c1 3:c1" || !slices.Equal(p.Pages, []int{3}) {
		t.Errorf("rolled back: %s, %+v", got, p)
	}
	history, err := s.Promotions(ctx, "", d.ID)
	check(t, err)
	var told []string
	for _, h := range history {
		told = append(told, fmt.Sprint(h.Revision, " ", h.From == d.Runs[0].ID, " ", h.Reason, " ", h.Actor, " ", h.Pages))
	}
	want := []string{"1 true request bob [3]", "2 true request bob [2]", "3 false undo eve [2]", "4 false request eve [3]"}
	if !slices.Equal(told, want) {
		t.Errorf("history %q, want %q", told, want)
	}
	oneCurrent(t, s)
}

func TestPoliciesOfALaterRun(t *testing.T) {
	t.Parallel()
	s := open(t)
	// The first model fails on pages 2 and 3, the second on 3, the third on 1 and 4.
	r := &reader{bad: map[string]PageState{"c1 2": PageFailed, "c1 3": PageUnreadable, "c2 3": PageFailed, "c3 1": PageUnreadable, "c3 4": PageFailed}}
	r.work(t, s, 4)
	ctx := t.Context()
	d := submit(t, s, "a.pdf")
	awaitState(t, s, d.ID, DocumentPartial)

	gaps := later(d.ID, "c2")
	gaps.Promote = PromoteGaps
	rerun, err := s.Rerun(ctx, gaps)
	check(t, err)
	if run := awaitRun(t, s, d.ID, rerun.Run.ID); run.State != RunPartial {
		t.Errorf("the second run is %s", run.State)
	}
	if got := shown(t, s, d.ID); got != "1:c1 2:c2 4:c1" {
		t.Errorf("gaps filled: %s", got)
	}
	awaitFiles(t, s, d.ID)
	if st, _ := s.Document(ctx, "", d.ID); st.State != DocumentPartial {
		t.Errorf("page 3 is missing still, the document is %s", st.State)
	}
	always := later(d.ID, "c3")
	always.Promote = PromoteAlways
	rerun, err = s.Rerun(ctx, always)
	check(t, err)
	awaitRun(t, s, d.ID, rerun.Run.ID)
	if got := shown(t, s, d.ID); got != "1:c1 2:c3 3:c3 4:c1" {
		t.Errorf("always: what it could not read stays: %s", got)
	}
	awaitState(t, s, d.ID, DocumentComplete)
	// A page that is named shows what the run found, whatever that was; and by the history comes back.
	p, err := s.Promote(ctx, "", rerun.Run.ID, nil, "")
	check(t, err)
	if len(p.Pages) != 0 || !slices.Equal(p.Kept, []int{1, 4}) {
		t.Errorf("kept: %+v", p)
	}
	_, err = s.Promote(ctx, "", rerun.Run.ID, []int{1}, "")
	check(t, err)
	awaitState(t, s, d.ID, DocumentPartial)
	_, err = s.Demote(ctx, "", rerun.Run.ID, []int{1}, "")
	check(t, err)
	awaitState(t, s, d.ID, DocumentComplete)
	oneCurrent(t, s)
	// What failed is tried again by the same fingerprint, what was read is not.
	again, err := s.Rerun(ctx, later(d.ID, "c3"))
	check(t, err)
	if !reflect.DeepEqual(again.Pages, []int{4}) {
		t.Errorf("again: %+v", again)
	}
}

func TestARunOfANewTaskIsShownFromTheStart(t *testing.T) {
	t.Parallel()
	s := open(t)
	r := &reader{}
	r.work(t, s, 2)
	ctx := t.Context()
	check(t, s.EnsureRelations(ctx, TaskSchema{Task: "note", Version: "1", Relations: ocr.Relations}))
	d := submit(t, s, "a.pdf")
	awaitState(t, s, d.ID, DocumentComplete)
	n := later(d.ID, "c2")
	n.Task = "note"
	rerun, err := s.Rerun(ctx, n)
	check(t, err)
	awaitRun(t, s, d.ID, rerun.Run.ID)
	if n := one[int](t, s, "select count(*) from note_word"); n != 4 {
		t.Errorf("%d words", n)
	}
	awaitFiles(t, s, d.ID)
	if r.finishes.Load() < 2 {
		t.Error("the files were not written anew")
	}
	oneCurrent(t, s)
}

func TestRerunRefuses(t *testing.T) {
	t.Parallel()
	s := open(t)
	r := &reader{}
	ctx := t.Context()
	d := submit(t, s, "a.pdf")
	_, err := s.Rerun(ctx, later(d.ID, "c2"))
	wantErr(t, err, ErrConflict) // it has not ended
	_, err = s.Promote(ctx, "", d.Runs[0].ID, nil, "")
	wantErr(t, err, ErrConflict)
	_, err = s.Promote(ctx, "", 999, nil, "")
	wantErr(t, err, ErrNotFound)
	_, err = s.Promote(ctx, "other", d.Runs[0].ID, nil, "")
	wantErr(t, err, ErrNotFound)
	r.work(t, s, 1)
	awaitState(t, s, d.ID, DocumentComplete)
	n := later(d.ID, "c2")
	n.Tenant = "other"
	_, err = s.Rerun(ctx, n)
	wantErr(t, err, ErrNotFound)
	n = later(d.ID, "c2")
	n.Promote = "perhaps"
	_, err = s.Rerun(ctx, n)
	wantErr(t, err, ErrInvalid)
}

func TestALaterRunIsCancelledAlone(t *testing.T) {
	t.Parallel()
	s := open(t)
	r := &reader{}
	r.work(t, s, 2, func(p *pipeline) {
		read := p.read
		p.read = func(ctx context.Context, job *river.Job[ReadArgs]) error {
			err := read(ctx, job)
			if errors.Is(err, errHeld) {
				<-ctx.Done()
				return ctx.Err()
			}
			return err
		}
	})
	ctx := t.Context()
	d := submit(t, s, "a.pdf")
	awaitState(t, s, d.ID, DocumentComplete)
	rerun, err := s.Rerun(ctx, later(d.ID, held))
	check(t, err)
	check(t, s.Cancel(ctx, d.ID))
	if run := awaitRun(t, s, d.ID, rerun.Run.ID); run.State != RunCancelled || run.Pages[0].State != PageCancelled {
		t.Errorf("the run: %+v", run)
	}
	if st, err := s.Document(ctx, "", d.ID); err != nil || st.State != DocumentComplete || st.OpenPageRuns != 0 {
		t.Errorf("the document: %+v, %v", st, err)
	}
	if got := shown(t, s, d.ID); got != "1:c1 2:c1" {
		t.Errorf("it shows %s", got)
	}
	wantErr(t, s.Cancel(ctx, d.ID), ErrFinal)
	// Cancelled pages are read when they are asked for again.
	again, err := s.Rerun(ctx, later(d.ID, held))
	check(t, err)
	if len(again.Pages) != 2 {
		t.Errorf("again: %+v", again)
	}
	oneCurrent(t, s)
}

// Many at once promote two runs over each other, while the finish job is at work: at every moment one run is current, the
// history leads from the first to the last, and the files end up as those of the last.
func TestPromotionsAtOnce(t *testing.T) {
	t.Parallel()
	s := open(t)
	r := &reader{}
	r.work(t, s, 5)
	ctx := t.Context()
	d := submit(t, s, "a.pdf")
	awaitState(t, s, d.ID, DocumentComplete)
	runs := []int64{d.Runs[0].ID}
	for _, c := range []string{"c2", "c3"} {
		rerun, err := s.Rerun(ctx, later(d.ID, c))
		check(t, err)
		awaitRun(t, s, d.ID, rerun.Run.ID)
		runs = append(runs, rerun.Run.ID)
	}
	var wg sync.WaitGroup
	for i := range 24 {
		wg.Go(func() {
			var err error
			switch run := runs[i%3]; i % 4 {
			case 3:
				_, err = s.Demote(ctx, "", run, nil, "d")
			default:
				_, err = s.Promote(ctx, "", run, nil, "p")
			}
			if err != nil {
				t.Error(err)
			}
			oneCurrent(t, s)
		})
	}
	wg.Wait()
	awaitFiles(t, s, d.ID)
	revision := one[int64](t, s, "select revision from palimpsest.document")
	objects, err := s.Objects(ctx, d.ID, 0)
	check(t, err)
	if len(objects) != 2 || objects[0].Hash != hashOf(fmt.Sprint("of-", revision)) {
		t.Errorf("files %+v, revision %d", objects, revision)
	}
	// Replay: each page's changes form a chain that ends at what it shows.
	broken := one[int](t, s, `select count(*) from (
		select from_run, lag(to_run) over (partition by page order by id) as before from palimpsest.promotion) x
		where before is not null and before <> from_run`)
	ends := one[int](t, s, `select count(*) from palimpsest.page_run pr join palimpsest.page p on p.id = pr.page
		join lateral (select to_run from palimpsest.promotion h where h.page = p.number order by id desc limit 1) h on true
		where pr.current and pr.run <> h.to_run`)
	if broken+ends > 0 {
		t.Errorf("%d changes do not follow the one before, %d pages do not show their last", broken, ends)
	}
}
