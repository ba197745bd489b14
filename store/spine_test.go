package store

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/riverqueue/river"
)

func TestADocumentGoesFromSubmissionToRows(t *testing.T) {
	t.Parallel()
	s := open(t)
	pipeline{pages: MaxChunk + 3}.work(t, s)
	d := submit(t, s, "scan.pdf")
	if d.State != DocumentReceived || d.Tenant != DefaultTenant || len(d.Runs) != 1 || d.Runs[0].Options["text_layer"] != "ignore" {
		t.Errorf("submitted: %+v", d)
	}
	status := awaitState(t, s, d.ID, DocumentComplete)
	if status.Pages != MaxChunk+3 || status.OpenPageRuns != 0 || status.Runs[0].State != RunComplete || status.Finished.IsZero() {
		t.Errorf("finished: %+v", status)
	}
	if diff := cmp.Diff([]Tally{{Task: "ocr", State: PageDone, Pages: MaxChunk + 3}}, status.Tallies); diff != "" {
		t.Error(diff)
	}
	if n := one[int](t, s, "select count(*) from ocr_word where document_name = 'scan.pdf' and text in ('word0', 'word1')"); n != 2*(MaxChunk+3) {
		t.Errorf("%d words in the view", n)
	}
	pages, err := s.Pages(t.Context(), d.ID)
	check(t, err)
	if len(pages) != MaxChunk+3 || pages[34].Number != 35 || pages[34].Runs[0].Model != "test" || pages[34].RasterHash != hashOf("raster", 35) {
		t.Errorf("pages: %+v", pages)
	}
	if open := one[int](t, s, "select count(*) from river.river_job where state not in ('completed')"); open != 0 {
		t.Errorf("%d jobs not completed", open)
	}
}

func TestSubmitTwiceWithOneKey(t *testing.T) {
	t.Parallel()
	s := open(t)
	d := newDocument("a.pdf")
	d.IdempotencyKey = "key"
	var created atomic.Int32
	ids := make([]DocumentID, 12)
	var wg sync.WaitGroup
	for i := range ids {
		wg.Go(func() {
			doc, fresh, err := s.Submit(t.Context(), d)
			if err != nil {
				t.Error(err)
			}
			if ids[i] = doc.ID; fresh {
				created.Add(1)
			}
		})
	}
	wg.Wait()
	for _, id := range ids {
		if id != ids[0] {
			t.Fatalf("one key gave documents %s and %s", ids[0], id)
		}
	}
	if n := one[int](t, s, "select count(*) from river.river_job"); created.Load() != 1 || n != 1 {
		t.Errorf("%d submissions created a document, %d jobs", created.Load(), n)
	}
	// Another model on the server is the same request; another file, name, task or option is not.
	same := d
	same.Runs = []NewRun{{Task: "ocr", Options: d.Runs[0].Options, Fingerprint: Fingerprint{Checkpoint: "c2"}}}
	if doc, fresh, err := s.Submit(t.Context(), same); err != nil || fresh || doc.ID != ids[0] {
		t.Errorf("new fingerprint: %v %v %v", doc.ID, fresh, err)
	}
	for name, change := range map[string]func(*NewDocument){
		"content": func(d *NewDocument) { d.Hash = hashOf("other") },
		"name":    func(d *NewDocument) { d.Name = "b.pdf" },
		"task":    func(d *NewDocument) { d.Runs = []NewRun{{Task: "table"}} },
		"option": func(d *NewDocument) {
			d.Runs = []NewRun{{Task: "ocr", Options: map[string]string{"text_layer": "use"}}}
		},
	} {
		other := d
		change(&other)
		if _, _, err := s.Submit(t.Context(), other); !errors.Is(err, ErrConflict) {
			t.Errorf("the key with another %s: %v, want ErrConflict", name, err)
		}
	}
	elsewhere := d
	elsewhere.Tenant = "library"
	doc, fresh, err := s.Submit(t.Context(), elsewhere)
	if err != nil || !fresh {
		t.Errorf("the key of another tenant: %v, %v", fresh, err)
	}
	if _, err := s.Document(t.Context(), DefaultTenant, doc.ID); !errors.Is(err, ErrNotFound) {
		t.Errorf("a tenant sees another's document: %v", err)
	}
}

func TestSubmitRefusesWhatCannotBeStored(t *testing.T) {
	t.Parallel()
	s := open(t)
	for name, change := range map[string]func(*NewDocument){
		"no name":        func(d *NewDocument) { d.Name = "" },
		"bad hash":       func(d *NewDocument) { d.Hash = "ABC" },
		"negative size":  func(d *NewDocument) { d.Bytes = -1 },
		"no task":        func(d *NewDocument) { d.Runs = nil },
		"task twice":     func(d *NewDocument) { d.Runs = append(d.Runs, d.Runs[0]) },
		"task not named": func(d *NewDocument) { d.Runs[0].Task = "Robert'); drop table" },
		"key with NUL":   func(d *NewDocument) { d.IdempotencyKey = "a\x00b" },
	} {
		d := newDocument("a.pdf")
		change(&d)
		if _, _, err := s.Submit(t.Context(), d); !errors.Is(err, ErrInvalid) {
			t.Errorf("%s: %v, want ErrInvalid", name, err)
		}
	}
	d := newDocument("nul\x00 and \xff.pdf")
	doc, _, err := s.Submit(t.Context(), d)
	if err != nil || doc.Name != "nul\uFFFD and \uFFFD.pdf" {
		t.Errorf("odd name: %q, %v", doc.Name, err)
	}
}

func TestDocumentsAreListedNewestFirst(t *testing.T) {
	t.Parallel()
	s := open(t)
	var want []DocumentID
	for range 5 {
		want = append([]DocumentID{submit(t, s, "a.pdf").ID}, want...)
	}
	var got []DocumentID
	var before DocumentID
	for {
		list, err := s.Documents(t.Context(), "", ListOptions{Before: before, Limit: 2})
		check(t, err)
		if len(list) == 0 {
			break
		}
		for _, d := range list {
			got = append(got, d.ID)
			if len(d.Runs) != 1 {
				t.Errorf("%d runs", len(d.Runs))
			}
		}
		before = got[len(got)-1]
	}
	// Ids of one millisecond have no order among themselves, but a list that is read in parts is complete.
	if len(got) != len(want) {
		t.Errorf("listed %v, submitted %v", got, want)
	}
	if list, err := s.Documents(t.Context(), "", ListOptions{State: DocumentFailed}); err != nil || len(list) != 0 {
		t.Errorf("failed documents: %v, %v", list, err)
	}
}

func TestIngestGoesOnWhereItWasCutShort(t *testing.T) {
	t.Parallel()
	s := open(t)
	var tries atomic.Int32
	var seen []int
	pipeline{ingest: func(ctx context.Context, job *river.Job[IngestArgs]) error {
		_, done, err := s.BeginIngest(ctx, job.Args.DocumentID)
		if err != nil {
			return err
		}
		seen = append(seen, done)
		chunk := []NewPage{newPage(1), newPage(2), newPage(3)}
		if err := s.AddPages(ctx, job.Args.DocumentID, chunk); err != nil {
			return err
		}
		if tries.Add(1) == 1 {
			panic("cut short after the first chunk")
		}
		// The chunk that was stored is added once more with the next, as if its commit had not been noticed.
		if err := s.AddPages(ctx, job.Args.DocumentID, append(chunk, newPage(4))); err != nil {
			return err
		}
		return s.EndIngest(ctx, job)
	}}.work(t, s)
	d := submit(t, s, "a.pdf")
	awaitState(t, s, d.ID, DocumentComplete)
	if diff := cmp.Diff([]int{0, 3}, seen); diff != "" {
		t.Errorf("pages stored at each begin: %s", diff)
	}
	for query, want := range map[string]int{
		"select count(*) from palimpsest.page":                                4,
		"select count(*) from palimpsest.page_run":                            4,
		"select count(*) from river.river_job where kind = 'read'":            4,
		"select count(*) from river.river_job where kind = 'finish'":          1,
		"select count(*) from ocr_word":                                       8,
		"select count(*) from palimpsest.document where password is not null": 0,
	} {
		if n := one[int](t, s, query); n != want {
			t.Errorf("%s: %d, want %d", query, n, want)
		}
	}
}

func TestThePasswordIsErased(t *testing.T) {
	t.Parallel()
	s := open(t)
	got := make(chan string, 1)
	pipeline{ingest: func(ctx context.Context, job *river.Job[IngestArgs]) error {
		doc, _, err := s.BeginIngest(ctx, job.Args.DocumentID)
		if err != nil {
			return err
		}
		got <- doc.Password
		return s.FailDocument(ctx, job, Failure{Kind: KindBadInput, Message: "wrong password", Hint: "give the right one"})
	}}.work(t, s)
	d := newDocument("a.pdf")
	d.Password = "sesame"
	doc, _, err := s.Submit(t.Context(), d)
	check(t, err)
	status := awaitState(t, s, doc.ID, DocumentFailed)
	if pw := <-got; pw != "sesame" || doc.Password != "" || status.Password != "" {
		t.Errorf("password %q for ingest, %q and %q for others", pw, doc.Password, status.Password)
	}
	if n := one[int](t, s, "select count(*) from palimpsest.document where password is not null"); n != 0 {
		t.Error("the password is kept after the end")
	}
	if f := status.Failure; f == nil || f.Kind != KindBadInput || f.Hint != "give the right one" {
		t.Errorf("failure %+v", f)
	}
}

func TestHowPagesMakeADocumentEnd(t *testing.T) {
	t.Parallel()
	s := open(t)
	type plan struct {
		outcomes []PageState // of pages read
		blank    int         // pages blank at ingest
		broken   int         // pages that could not be rendered
		finish   *Failure
	}
	plans := map[string]struct {
		plan
		want DocumentState
		kind Kind
	}{
		"all done":           {plan{outcomes: []PageState{PageDone, PageDone}}, DocumentComplete, ""},
		"done and blank":     {plan{outcomes: []PageState{PageDone, PageBlank}, blank: 1}, DocumentComplete, ""},
		"all blank":          {plan{blank: 2}, DocumentComplete, ""},
		"one unreadable":     {plan{outcomes: []PageState{PageDone, PageUnreadable}}, DocumentPartial, KindModel},
		"one failed":         {plan{outcomes: []PageState{PageDone, PageFailed}}, DocumentPartial, KindModel},
		"one not rendered":   {plan{outcomes: []PageState{PageDone}, broken: 1}, DocumentPartial, KindUnsupported},
		"all failed":         {plan{outcomes: []PageState{PageFailed, PageFailed}}, DocumentFailed, KindModel},
		"none rendered":      {plan{broken: 2}, DocumentFailed, KindUnsupported},
		"no pages":           {plan{}, DocumentFailed, KindBadInput},
		"finish step failed": {plan{outcomes: []PageState{PageDone}, finish: &Failure{Kind: KindInternal, Message: "f"}}, DocumentPartial, KindInternal},
	}
	byName := map[string]plan{}
	for name, p := range plans {
		byName[name] = p.plan
	}
	pipeline{
		ingest: func(ctx context.Context, job *river.Job[IngestArgs]) error {
			doc, _, err := s.BeginIngest(ctx, job.Args.DocumentID)
			if err != nil {
				return err
			}
			p := byName[doc.Name]
			var pages []NewPage
			for range p.outcomes {
				pages = append(pages, newPage(len(pages)+1))
			}
			for range p.blank {
				pages = append(pages, newPage(len(pages)+1))
				pages[len(pages)-1].Blank = true
			}
			for range p.broken {
				pages = append(pages, NewPage{Number: len(pages) + 1, Failure: &Failure{Kind: KindUnsupported, Message: "JBIG2"}})
			}
			if err := s.AddPages(ctx, doc.ID, pages); err != nil {
				return err
			}
			return s.EndIngest(ctx, job)
		},
		read: func(ctx context.Context, job *river.Job[ReadArgs]) error {
			w, err := s.BeginRead(ctx, job.Args.PageRunID)
			if err != nil {
				return err
			}
			state := byName[w.Document.Name].outcomes[w.Page.Number-1]
			o := Outcome{State: state}
			if state == PageFailed || state == PageUnreadable {
				o.Failure = &Failure{Kind: KindModel, Message: "loop", Page: w.Page.Number}
			}
			return s.CommitRead(ctx, job, o)
		},
		finish: func(ctx context.Context, job *river.Job[FinishArgs]) error {
			doc, err := s.Document(ctx, "", job.Args.DocumentID)
			if err != nil {
				return err
			}
			return s.CommitFinish(ctx, job, Finished{Objects: []Object{{Task: "ocr", Name: "all.txt", MediaType: "text/plain", Hash: hashOf(doc.Name), Bytes: 1}}, Failure: byName[doc.Name].finish})
		},
	}.work(t, s)
	for name, p := range plans {
		t.Run(name, func(t *testing.T) {
			d := submit(t, s, name)
			got := await(t, s, d.ID, "an end", func(d DocumentStatus) bool { return d.State.Final() })
			var kind Kind
			if got.Failure != nil {
				kind = got.Failure.Kind
			}
			if got.State != p.want || kind != p.kind {
				t.Errorf("document is %s with failure %+v, want %s with %q", got.State, got.Failure, p.want, p.kind)
			}
			if want := RunState(p.want); p.finish == nil && got.Runs[0].State != want {
				t.Errorf("run is %s, want %s", got.Runs[0].State, want)
			}
			objects, err := s.Objects(t.Context(), d.ID, 0)
			if err != nil || len(objects) != 1 || objects[0].Hash != hashOf(name) {
				t.Errorf("objects %+v, %v", objects, err)
			}
		})
	}
}
