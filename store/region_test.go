package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/riverqueue/river"
)

// regionsSchema and tableSchema are tasks as the tests use them: one finds regions, the other reads them.
var (
	regionsSchema = TaskSchema{Task: RegionsTask, Version: "1", Relations: []Relation{{Name: regionRelation, Summary: "One region.", Columns: []Column{{Name: kindColumn, Type: "text"}}}}}
	tableSchema   = TaskSchema{Task: "table", Version: "1", Relations: []Relation{{Name: "table", Summary: "One table.", Columns: []Column{{Name: "html", Type: "text"}}}}}
)

func regionsRun() NewRun {
	return NewRun{Task: RegionsTask, Fingerprint: Fingerprint{Checkpoint: "c1", Plugin: "regions 1"}}
}

// tableRun waits for regions.
func tableRun() NewRun {
	r := regionsRun()
	return NewRun{Task: "table", Options: map[string]string{"join": "agree"}, Fingerprint: Fingerprint{Checkpoint: "c1", Plugin: "table 2"}, Regions: &r}
}

// mixed is a document of which words and tables are read.
func mixed(name string) NewDocument {
	n := newDocument(name)
	n.Runs = append(n.Runs, tableRun())
	return n
}

func openMixed(t *testing.T) *Store {
	t.Helper()
	s := open(t)
	for _, schema := range []TaskSchema{ocr, regionsSchema, tableSchema} {
		check(t, s.EnsureRelations(t.Context(), schema))
	}
	return s
}

func regionRow(kind string, x0, y0, x1, y1 float64) Row {
	return Row{Relation: regionRelation, Box: [4]float64{x0, y0, x1, y1}, Confidence: 0.75, Source: "model", Values: map[string]any{kindColumn: kind}}
}

// tableOf is what the table task of the tests makes of regions: one row each.
func tableOf(regions []Region) []Row {
	var rows []Row
	for _, r := range regions {
		if r.Kind == "table" {
			rows = append(rows, Row{Relation: "table", Seq: len(rows), Box: r.Box, Confidence: 0.5, Source: "model", Values: map[string]any{"html": fmt.Sprint(r.Source, r.Box)}})
		}
	}
	return rows
}

// readMixed reads words, finds two tables and a molecule, and reads the tables.
func readMixed(s *Store, find func(page int) Outcome) func(context.Context, *river.Job[ReadArgs]) error {
	return func(ctx context.Context, job *river.Job[ReadArgs]) error {
		w, err := s.BeginRead(ctx, job.Args.PageRunID)
		if err != nil {
			return err
		}
		o := Outcome{State: PageDone, Rows: words(2), Model: "test"}
		switch w.Run.Task {
		case RegionsTask:
			o = find(w.Page.Number)
		case "table":
			if w.Regions == nil {
				return errors.New("a page run that waits for regions got none, not even an empty list")
			}
			o.Rows = tableOf(w.Regions)
		default:
			if w.Regions != nil {
				return fmt.Errorf("task %s got regions it did not wait for", w.Run.Task)
			}
		}
		return s.CommitRead(ctx, job, o)
	}
}

func found3(int) Outcome {
	rows := []Row{regionRow("table", 100, 100, 700, 300), regionRow("molecule", 100, 400, 300, 600), regionRow("table", 100, 700, 700, 900)}
	for i := range rows {
		rows[i].Seq = i
	}
	return Outcome{State: PageDone, Rows: rows, Model: "test"}
}

// pageStates is how the page runs of a document ended, by task and page.
func pageStates(t *testing.T, s *Store, id DocumentID) map[string]PageState {
	t.Helper()
	pages, err := s.Pages(t.Context(), id)
	check(t, err)
	got := map[string]PageState{}
	for _, p := range pages {
		for _, r := range p.Runs {
			got[fmt.Sprint(r.Task, p.Number)] = r.State
		}
	}
	return got
}

func TestTheRegionsRunComesFirstAndOnce(t *testing.T) {
	t.Parallel()
	s := openMixed(t)
	n := mixed("a.pdf")
	music, explicit := tableRun(), regionsRun()
	music.Task = "omr"
	n.Runs = append(n.Runs, music, explicit)
	d, _, err := s.Submit(t.Context(), n)
	check(t, err)
	var tasks []string
	for _, r := range d.Runs {
		tasks = append(tasks, r.Task)
		switch r.Task {
		case "table", "omr":
			if r.Fingerprint.Regions != explicit.digest() {
				t.Errorf("%s carries regions %q, want the digest %s", r.Task, r.Fingerprint.Regions, explicit.digest())
			}
		default:
			if r.Fingerprint.Regions != "" {
				t.Errorf("%s carries regions %q", r.Task, r.Fingerprint.Regions)
			}
		}
	}
	if got := strings.Join(tasks, " "); got != "ocr regions table omr" {
		t.Errorf("runs %s", got)
	}
	check(t, s.AddPages(t.Context(), d.ID, []NewPage{newPage(1)}))
	if got := pageStates(t, s, d.ID); got["table1"] != PageWaiting || got["omr1"] != PageWaiting || got["regions1"] != PageQueued {
		t.Errorf("%v", got)
	}
	if jobs := one[int](t, s, "select count(*) from river.river_job where kind = 'read'"); jobs != 2 {
		t.Errorf("%d read jobs, want those of ocr and regions", jobs)
	}
	if n := one[int](t, s, "select open_page_runs from palimpsest.document"); n != 4 {
		t.Errorf("%d page runs count as open", n)
	}
	other := tableRun()
	other.Regions.Fingerprint.Checkpoint = "c2"
	if other.digest() == tableRun().digest() {
		t.Error("runs that read other regions have one digest")
	}
	for _, wrong := range []NewRun{{Task: "table", Regions: &NewRun{Task: "ocr"}}, {Task: RegionsTask, Regions: &NewRun{Task: RegionsTask}}} {
		n := newDocument("b.pdf")
		n.Runs = []NewRun{wrong}
		_, _, err := s.Submit(t.Context(), n)
		wantErr(t, err, ErrInvalid)
	}
}

func TestTablesAreReadWhereRegionsWereFound(t *testing.T) {
	t.Parallel()
	s := openMixed(t)
	pipeline{pages: 40, read: readMixed(s, found3)}.work(t, s)
	d, _, err := s.Submit(t.Context(), mixed("a.pdf"))
	check(t, err)
	awaitState(t, s, d.ID, DocumentComplete)
	rows, err := s.Results(t.Context(), d.ID, "table", "table", 0, Cursor{}, 0)
	check(t, err)
	if len(rows) != 80 || rows[0].Box != [4]float64{100, 100, 700, 300} || rows[1].Box != [4]float64{100, 700, 700, 900} || rows[79].Page != 40 {
		t.Errorf("%d tables, first %+v", len(rows), rows[:min(2, len(rows))])
	}
	if n := one[int](t, s, "select count(*) from public.regions_region where kind = 'molecule' and source = 'model'"); n != 40 {
		t.Errorf("%d molecules in the view", n)
	}
}

// Whatever becomes of the regions becomes of those who wait for them, with the reason, and the document ends.
func TestWhoWaitsEndsAsTheRegionsDo(t *testing.T) {
	t.Parallel()
	s := openMixed(t)
	torn := Failure{Kind: KindModel, Message: "the model repeated itself", Hint: "look at the page"}
	find := func(page int) Outcome {
		switch page {
		case 1:
			return Outcome{State: PageFailed, Failure: &torn}
		case 2:
			return Outcome{State: PageUnreadable, Failure: &torn}
		case 3:
			return Outcome{State: PageBlank}
		}
		return Outcome{State: PageDone}
	}
	pipeline{pages: 4, read: readMixed(s, find)}.work(t, s)
	d, _, err := s.Submit(t.Context(), mixed("a.pdf"))
	check(t, err)
	awaitState(t, s, d.ID, DocumentPartial)
	got := pageStates(t, s, d.ID)
	for i, want := range []PageState{PageFailed, PageUnreadable, PageBlank, PageDone} {
		if got[fmt.Sprint("table", i+1)] != want || got[fmt.Sprint("regions", i+1)] != want {
			t.Errorf("page %d: %v, want %s", i+1, got, want)
		}
	}
	page, err := s.Page(t.Context(), d.ID, 1)
	check(t, err)
	for _, r := range page.Runs {
		if r.Task == "table" && (r.Failure == nil || r.Failure.Kind != KindModel || r.Failure.Message != "finding the page's regions: the model repeated itself" || r.Failure.Hint != torn.Hint) {
			t.Errorf("%+v", r.Failure)
		}
	}
}

// Where finding the regions failed, reading again finds them again; where it did not, it does not.
func TestReadingAgainFindsRegionsAgain(t *testing.T) {
	t.Parallel()
	s := openMixed(t)
	var broken atomic.Bool
	broken.Store(true)
	var asked atomic.Int64
	find := func(page int) Outcome {
		asked.Add(1)
		if page == 1 && broken.Load() {
			return Outcome{State: PageFailed, Failure: &Failure{Kind: KindInternal, Message: "no"}}
		}
		return found3(page)
	}
	pipeline{pages: 2, read: readMixed(s, find)}.work(t, s)
	d, _, err := s.Submit(t.Context(), mixed("a.pdf"))
	check(t, err)
	awaitState(t, s, d.ID, DocumentPartial)
	broken.Store(false)
	other := tableRun()
	other.Options = map[string]string{"join": "never"} // page 2 was read well with the other value
	r, err := s.Rerun(t.Context(), NewRerun{Document: d.ID, NewRun: other, Promote: PromoteAlways})
	check(t, err)
	await(t, s, d.ID, "the tables", func(DocumentStatus) bool {
		return one[int](t, s, "select count(*) from palimpsest.page_run where run = $1 and current and state = 'done'", r.Run.ID) == 2
	})
	before := asked.Load()
	third := tableRun()
	third.Fingerprint.Plugin = "table 3"
	r, err = s.Rerun(t.Context(), NewRerun{Document: d.ID, NewRun: third, Promote: PromoteAlways})
	check(t, err)
	await(t, s, d.ID, "the tables once more", func(DocumentStatus) bool {
		return one[int](t, s, "select count(*) from palimpsest.page_run where run = $1 and current and state = 'done'", r.Run.ID) == 2
	})
	if n := asked.Load(); n != before || n > 4 {
		t.Errorf("regions were found %d times, %d before the last run", n, before)
	}
}

// A job that is given up leaves nobody waiting.
func TestNobodyWaitsForRegionsGivenUp(t *testing.T) {
	t.Parallel()
	s := openMixed(t)
	read := readMixed(s, found3)
	broken := func(ctx context.Context, job *river.Job[ReadArgs]) error {
		if task := one[string](t, s, "select task from palimpsest.page_run where id = $1", job.Args.PageRunID); task == RegionsTask {
			panic("no")
		}
		return read(ctx, job)
	}
	pipeline{pages: 1, read: broken}.work(t, s)
	d, _, err := s.Submit(t.Context(), mixed("a.pdf"))
	check(t, err)
	awaitState(t, s, d.ID, DocumentPartial)
	if got := pageStates(t, s, d.ID); got["table1"] != PageFailed || got["ocr1"] != PageDone {
		t.Errorf("%v", got)
	}
}

func TestWhoWaitsIsCancelledToo(t *testing.T) {
	t.Parallel()
	s := openMixed(t)
	d, _, err := s.Submit(t.Context(), mixed("a.pdf"))
	check(t, err)
	check(t, s.AddPages(t.Context(), d.ID, []NewPage{newPage(1)}))
	check(t, s.Cancel(t.Context(), d.ID))
	for what, state := range pageStates(t, s, d.ID) {
		if state != PageCancelled {
			t.Errorf("%s is %s", what, state)
		}
	}
	if n := one[int](t, s, "select open_page_runs from palimpsest.document"); n != 0 {
		t.Errorf("%d page runs count as open", n)
	}
}

func TestDrawnRegionsReplaceWhatTheyCover(t *testing.T) {
	t.Parallel()
	hand := func(kind string, x0, y0, x1, y1 float64) Row {
		r := regionRow(kind, x0, y0, x1, y1)
		r.Source = sourcePerson
		return r
	}
	for name, c := range map[string]struct {
		rows []Row
		keep []int
	}{
		"nothing":             {nil, nil},
		"beside one another":  {[]Row{regionRow("table", 0, 0, 10, 10), hand("table", 20, 0, 30, 10)}, []int{0, 1}},
		"touching":            {[]Row{regionRow("table", 0, 0, 10, 10), hand("table", 6, 0, 16, 10)}, []int{0, 1}},
		"half covered":        {[]Row{regionRow("table", 0, 0, 10, 10), hand("table", 5, 0, 15, 10)}, []int{1}},
		"a part of a large":   {[]Row{regionRow("table", 0, 0, 100, 100), hand("table", 10, 10, 20, 20)}, []int{1}},
		"another kind":        {[]Row{regionRow("molecule", 0, 0, 10, 10), hand("table", 0, 0, 10, 10)}, []int{0, 1}},
		"drawn twice":         {[]Row{hand("table", 0, 0, 10, 10), regionRow("table", 1, 1, 10, 10), hand("table", 0, 0, 10, 10)}, []int{0}},
		"two drawn in one":    {[]Row{hand("table", 0, 0, 10, 10), hand("table", 1, 1, 9, 9)}, []int{0, 1}},
		"models' own overlap": {[]Row{regionRow("table", 0, 0, 10, 10), regionRow("table", 0, 0, 10, 10)}, []int{0, 1}},
	} {
		var want []Row
		for i, k := range c.keep {
			r := c.rows[k]
			r.Seq = i
			want = append(want, r)
		}
		got := overruled(c.rows)
		if !slices.EqualFunc(got, want, func(a, b Row) bool { return a.Box == b.Box && a.Seq == b.Seq && a.Source == b.Source }) {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
	}
}

// A region drawn by hand is read by the tasks of the page that read its kind, and by nobody else; its rows become
// current, the document's files are made anew, and what finds regions later takes it over.
func TestDrawingARegion(t *testing.T) {
	t.Parallel()
	s := openMixed(t)
	ctx := t.Context()
	pipeline{pages: 2, read: readMixed(s, found3)}.work(t, s)
	d, _, err := s.Submit(ctx, mixed("a.pdf"))
	check(t, err)
	awaitState(t, s, d.ID, DocumentComplete)
	music, reader := tableRun(), tableRun()
	music.Task, reader.Options = "omr", nil
	drawn, err := s.DrawRegion(ctx, NewRegion{Document: d.ID, Page: 2, Kind: "table", Box: [4]float64{90, 90, 600, 310}, Actor: "ada", Reads: []NewRun{reader, music}})
	check(t, err)
	if len(drawn.Regions) != 3 || len(drawn.Again) != 1 || drawn.Again[0].Run.Task != "table" || drawn.Again[0].Run.Options["join"] != "agree" {
		t.Fatalf("%+v", drawn)
	}
	tables := func() string {
		rows, err := s.Results(ctx, d.ID, "table", "table", 2, Cursor{}, 0)
		check(t, err)
		var all []string
		for _, r := range rows {
			all = append(all, r.Values["html"].(string))
		}
		return strings.Join(all, "; ")
	}
	twice, err := s.DrawRegion(ctx, NewRegion{Document: d.ID, Page: 2, Kind: "table", Box: [4]float64{90, 90, 600, 310}, Reads: []NewRun{reader}})
	check(t, err)
	if twice.Run != drawn.Run || len(twice.Again) != 0 || len(twice.Regions) != 3 {
		t.Errorf("drawn once more: %+v", twice)
	}
	again := drawn.Again[0].Run.ID
	await(t, s, d.ID, "the table drawn by hand", func(DocumentStatus) bool {
		return one[bool](t, s, "select exists (select 1 from palimpsest.page_run where run = $1 and current)", again)
	})
	if got := tables(); got != "person[90 90 600 310]; model[100 700 700 900]" {
		t.Errorf("tables of page 2: %s", got)
	}
	if n := one[int](t, s, "select count(*) from public.regions_region where source = 'person'"); n != 1 {
		t.Errorf("%d drawn regions in the view", n)
	}
	if n := one[int](t, s, "select count(*) from public.table_table where page = 1"); n != 2 {
		t.Errorf("%d tables on the other page", n)
	}
	status, err := s.Document(ctx, "", d.ID)
	check(t, err)
	if status.Revision == 0 || status.OpenPageRuns != 0 {
		t.Errorf("%+v", status.Document)
	}
	// What carries its fingerprint.
	run, err := s.RunByID(ctx, "", drawn.Run)
	check(t, err)
	if reread := drawn.Again[0].Run; reread.Fingerprint.Regions != run.Digest || run.Fingerprint.Regions == "" || run.Actor != "ada" {
		t.Errorf("%+v, %+v", reread, run)
	}
	// Another model finds other regions on the page: the drawn one is among them.
	later := tableRun()
	later.Regions.Fingerprint.Checkpoint, later.Fingerprint.Checkpoint = "c2", "c2"
	r, err := s.Rerun(ctx, NewRerun{Document: d.ID, NewRun: later, Pages: []int{2}, Promote: PromoteAlways})
	check(t, err)
	await(t, s, d.ID, "the other model's tables", func(DocumentStatus) bool {
		return one[bool](t, s, "select exists (select 1 from palimpsest.page_run where run = $1 and current)", r.Run.ID)
	})
	if got := tables(); got != "model[100 700 700 900]; person[90 90 600 310]" {
		t.Errorf("tables of page 2, read by another model: %s", got)
	}
	if n := one[int](t, s, "select count(*) from task_regions.region where source = 'person'"); n != 2 {
		t.Errorf("%d drawn regions in all runs", n)
	}
}

func TestWhatCannotBeDrawn(t *testing.T) {
	t.Parallel()
	s := openMixed(t)
	ctx := t.Context()
	w := pipeline{pages: 1, read: readMixed(s, found3)}.work(t, s)
	d, _, err := s.Submit(ctx, mixed("a.pdf"))
	check(t, err)
	awaitState(t, s, d.ID, DocumentComplete)
	check(t, w.Stop(ctx))
	running, _, err := s.Submit(ctx, mixed("open.pdf"))
	check(t, err)
	good := NewRegion{Document: d.ID, Page: 1, Kind: "table", Box: [4]float64{0, 0, 800, 1000}}
	for name, c := range map[string]struct {
		change func(*NewRegion)
		want   error
	}{
		"another tenant's": {func(n *NewRegion) { n.Tenant = "b" }, ErrNotFound},
		"no such document": {func(n *NewRegion) { n.Document = "x" }, ErrNotFound},
		"no such page":     {func(n *NewRegion) { n.Page = 2 }, ErrNotFound},
		"off the page":     {func(n *NewRegion) { n.Box[2] = 801 }, ErrInvalid},
		"no area":          {func(n *NewRegion) { n.Box[2] = 0 }, ErrInvalid},
		"no number":        {func(n *NewRegion) { n.Box[2] = nan }, ErrInvalid},
		"no kind":          {func(n *NewRegion) { n.Kind = "" }, ErrInvalid},
		"not read yet":     {func(n *NewRegion) { n.Document = running.ID }, ErrConflict},
	} {
		n := good
		c.change(&n)
		if _, err := s.DrawRegion(ctx, n); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
	if n := one[int](t, s, "select count(*) from palimpsest.run where document = $1", string(d.ID)); n != 3 {
		t.Errorf("%d runs after refusals", n)
	}
	drawn, err := s.DrawRegion(ctx, good)
	check(t, err)
	if len(drawn.Again) != 0 || len(drawn.Regions) != 2 { // the molecule, and what was drawn over both tables
		t.Errorf("%+v", drawn)
	}
}
