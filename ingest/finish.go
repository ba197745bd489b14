package ingest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/riverqueue/river"

	"palimpsest.dev/internal/failpoint"
	"palimpsest.dev/store"
	"palimpsest.dev/store/blob"
	"palimpsest.dev/task"
)

// Finishes is what the FinishWorker needs of the store. *store.Store is one.
type Finishes interface {
	BeginFinish(ctx context.Context, id store.DocumentID) (store.Document, error)
	Pages(ctx context.Context, id store.DocumentID) ([]store.PageStatus, error)
	Objects(ctx context.Context, id store.DocumentID, page int) ([]store.Object, error)
	Results(ctx context.Context, id store.DocumentID, task, relation string, page int, after store.Cursor, limit int) ([]store.ResultRow, error)
	CommitFinish(ctx context.Context, job *river.Job[store.FinishArgs], f store.Finished) error
}

// Publisher gives a document's files readable paths. *blob.Store is one.
type Publisher interface {
	PublishDocument(ctx context.Context, m blob.Manifest) error
}

// FinishWorker says what there is to say about a whole document once its last
// page is final: the tasks' document-level artifacts, readable paths and the
// manifest, and the document's last state.
type FinishWorker struct {
	river.WorkerDefaults[store.FinishArgs]
	Finishes  Finishes
	Objects   Streams
	Publisher Publisher
	Tasks     Tasks
	Limits    Limits
	Log       *slog.Logger
}

// Timeout leaves the time limit to Work, whose deadline says that it is ours.
func (w *FinishWorker) Timeout(*river.Job[store.FinishArgs]) time.Duration { return -1 }

// Work finishes the document.
func (w *FinishWorker) Work(ctx context.Context, job *river.Job[store.FinishArgs]) error {
	err := w.finish(ctx, job)
	return settler{log: w.Log, commit: func(ctx context.Context, f store.Failure) error {
		return w.Finishes.CommitFinish(ctx, job, store.Finished{Failure: &f})
	}}.settle(ctx, job.JobRow, err)
}

// finish opens the document, and with its number of pages known sets the limit
// on the time for all of it.
func (w *FinishWorker) finish(ctx context.Context, job *river.Job[store.FinishArgs]) error {
	limit := w.Limits.withDefaults().FinishTime
	opening, cancel := deadline(ctx, "finish_time", limit, 0)
	defer cancel()
	doc, err := w.Finishes.BeginFinish(opening, job.Args.DocumentID)
	if err != nil {
		return caused(opening, err)
	}
	failpoint.Here(failpoint.FinishBegun)
	pages, err := w.Finishes.Pages(opening, doc.ID)
	if err != nil {
		return caused(opening, err)
	}
	timed, cancel := deadline(ctx, "finish_time", limit+time.Duration(len(pages))*finishPageTime, 0)
	defer cancel()
	return caused(timed, w.finishDocument(timed, job, doc, pages))
}

func (w *FinishWorker) finishDocument(ctx context.Context, job *river.Job[store.FinishArgs], doc store.Document, pages []store.PageStatus) error {
	var objects []store.Object
	for _, name := range tasksOf(doc.Runs) {
		made, err := w.finishTask(ctx, doc, name, pages)
		if err != nil {
			return err
		}
		objects = append(objects, made...)
	}
	failpoint.Here(failpoint.WholeStored)
	if err := w.publish(ctx, doc, pages, objects); err != nil {
		return err
	}
	failpoint.Here(failpoint.FinishPublished)
	if err := w.Finishes.CommitFinish(ctx, job, store.Finished{Revision: doc.Revision, Objects: objects}); err != nil {
		return err
	}
	failpoint.Here(failpoint.FinishCommitted)
	return nil
}

// tasksOf lists the tasks of a document's runs once each: there are several
// runs of a task where a document was read again, and its files are of the rows
// that are current, whichever run gave them.
func tasksOf(runs []store.Run) []string {
	var names []string
	for _, r := range runs {
		if !slices.Contains(names, r.Task) {
			names = append(names, r.Task)
		}
	}
	return names
}

// finishTask makes the searchable PDFs of a task that reads words, and has a
// task that has something to say about a whole document say it.
func (w *FinishWorker) finishTask(ctx context.Context, doc store.Document, name string, pages []store.PageStatus) ([]store.Object, error) {
	t, err := w.Tasks.Task(name)
	if err != nil {
		return nil, err
	}
	info := t.Info()
	finisher, speaks := t.(task.Finisher)
	words := readsWords(info) && len(pages) > 0
	if !speaks && !words {
		return nil, nil
	}
	files := finishedFiles{task: name}
	var pdf *paper
	if words {
		pdf = newPaper(ctx, w.Objects, doc)
		defer pdf.abandon(context.Canceled)
	}
	parts := max(1, (len(pages)+task.MaxFinishPages-1)/task.MaxFinishPages)
	for part := range parts {
		some := pages[part*task.MaxFinishPages : min(len(pages), (part+1)*task.MaxFinishPages)]
		shown, err := w.document(ctx, info, doc, name, some)
		if err != nil {
			return nil, err
		}
		if words {
			if err := pdf.add(ctx, some, shown.Pages); err != nil {
				return nil, err
			}
		}
		if !speaks {
			continue
		}
		shown.Part, shown.Parts = part+1, parts
		if err := w.finishPart(ctx, info, finisher, shown, &files); err != nil {
			return nil, err
		}
	}
	if err := files.put(ctx, w.Objects, files.growing); err != nil {
		return nil, err
	}
	if words {
		made, err := pdf.finish()
		if err != nil {
			return nil, err
		}
		if err := files.join(made); err != nil {
			return nil, nonsense(info, 0, err)
		}
	}
	return files.objects, nil
}

// finishPart shows a task some pages and stores the files that are whole.
func (w *FinishWorker) finishPart(ctx context.Context, info task.Info, finisher task.Finisher, shown task.Document, files *finishedFiles) error {
	reading, err := finisher.Finish(ctx, shown)
	if err != nil {
		return fmt.Errorf("finishing document %s for task %s: %w", shown.ID, info.Name, err)
	}
	whole, err := files.take(reading.Artifacts, shown.First())
	if err != nil {
		return nonsense(info, 0, err)
	}
	return files.put(ctx, w.Objects, whole)
}

// maxFinishBytes bounds the files of a document that grow from part to part
// and are held in memory until the last one.
const maxFinishBytes = 1 << 30

// finishedFiles are the files of a whole document, as its parts bring them.
type finishedFiles struct {
	task    string
	growing []task.Artifact // those of the first part, to which later parts may add
	bytes   int             // of growing
	names   map[string]int  // place in growing, or -1 when the file is stored
	objects []store.Object
}

// take adds what a part brought and returns the files that are whole.
func (f *finishedFiles) take(files []task.Artifact, first bool) (whole []task.Artifact, err error) {
	if f.names == nil {
		f.names = map[string]int{}
	}
	for _, a := range files {
		at, known := f.names[a.Name]
		switch {
		case known && (first || at < 0):
			return nil, fmt.Errorf("two artifacts named %s", a.Name)
		case known:
			f.growing[at].Content = append(f.growing[at].Content, a.Content...)
		case first:
			f.names[a.Name] = len(f.growing)
			f.growing = append(f.growing, a)
		default:
			f.names[a.Name] = -1
			whole = append(whole, a)
			continue
		}
		if f.bytes += len(a.Content); f.bytes > maxFinishBytes {
			return nil, fmt.Errorf("files of the document of more than %d bytes", maxFinishBytes)
		}
	}
	return whole, nil
}

// put stores whole files.
func (f *finishedFiles) put(ctx context.Context, objects Objects, files []task.Artifact) error {
	stored, err := putArtifacts(ctx, objects, files)
	for i := range stored {
		stored[i].Task = f.task
	}
	f.objects = append(f.objects, stored...)
	return err
}

// join adds files that the host has made and stored.
func (f *finishedFiles) join(made []store.Object) error {
	for _, o := range made {
		if _, taken := f.names[o.Name]; taken {
			return fmt.Errorf("an artifact named %s, which the host makes itself", o.Name)
		}
		o.Task = f.task
		f.objects = append(f.objects, o)
	}
	return nil
}

// document gathers what a task has read on some pages of a document.
func (w *FinishWorker) document(ctx context.Context, info task.Info, doc store.Document, name string, pages []store.PageStatus) (task.Document, error) {
	options := map[int64]map[string]string{}
	for _, r := range doc.Runs {
		options[r.ID] = r.Options
	}
	some := task.Document{ID: string(doc.ID), Name: doc.Name}
	for _, p := range pages {
		text, err := fetchText(ctx, w.Objects, p.TextHash)
		if err != nil {
			return task.Document{}, err
		}
		shown := currentRun(p, name)
		page := task.DocumentPage{Page: taskPage(doc, p.Page, options[shown.Run]), State: string(shown.State)}
		page.Page.Text, page.Page.Lines = text.words(), text.lines()
		for _, rel := range info.Relations {
			records, err := w.records(ctx, doc.ID, info.Name, rel, p.Number)
			if err != nil {
				return task.Document{}, err
			}
			page.Records = append(page.Records, records...)
		}
		some.Pages = append(some.Pages, page)
	}
	return some, nil
}

// records gives the stored rows of one relation on one page.
func (w *FinishWorker) records(ctx context.Context, id store.DocumentID, name string, rel task.Relation, page int) ([]task.Record, error) {
	var out []task.Record
	var after store.Cursor
	for {
		rows, err := w.Finishes.Results(ctx, id, name, rel.Name, page, after, 0)
		if err != nil || len(rows) == 0 {
			return out, err
		}
		for _, row := range rows {
			rec, err := recordOf(rel, row)
			if err != nil {
				return nil, err
			}
			out = append(out, rec)
		}
		after = store.Next(rows)
	}
}

// currentRun finds the run of a task that a page shows. One that no run of the
// task has read counts as failed: nothing is known of it.
func currentRun(p store.PageStatus, name string) store.PageRunStatus {
	for _, r := range p.Runs {
		if r.Task == name && r.Current {
			return r
		}
	}
	return store.PageRunStatus{State: store.PageFailed}
}

// recordOf gives a stored row in the form its task wrote it.
func recordOf(rel task.Relation, row store.ResultRow) (task.Record, error) {
	rec := task.Record{Relation: rel.Name, Box: taskBox(row.Box), Confidence: row.Confidence, Source: row.Source,
		Values: make(map[string]any, len(row.Values))}
	for _, p := range row.Polygon {
		rec.Polygon = append(rec.Polygon, task.Point{X: p[0], Y: p[1]})
	}
	for _, c := range rel.Columns {
		v, ok := row.Values[c.Name]
		if c.Name == placeColumn {
			v, ok = int64(row.Seq), true
		}
		if !ok || v == nil {
			continue
		}
		if c.Type == task.JSON {
			raw, err := json.Marshal(v)
			if err != nil {
				return task.Record{}, fmt.Errorf("column %s of a stored %s: %w", c.Name, rel.Name, err)
			}
			v = json.RawMessage(raw)
		}
		rec.Values[c.Name] = v
	}
	return rec, nil
}

// publish gives the files of pages and document their readable paths and
// writes the manifest. It comes before the commit that ends the job, so that a
// finished document always has them; doing it again does no harm.
func (w *FinishWorker) publish(ctx context.Context, doc store.Document, pages []store.PageStatus, whole []store.Object) error {
	ofPages, err := w.Finishes.Objects(ctx, doc.ID, 0)
	if err != nil {
		return err
	}
	m := blob.Manifest{Document: string(doc.ID), Name: doc.Name, MediaType: doc.MediaType, Hash: doc.Hash, Bytes: doc.Bytes,
		State: string(endState(pages)), Pages: len(pages)}
	for _, o := range ofPages {
		if o.Page > 0 { // those of the whole document are from an earlier attempt
			m.Files = append(m.Files, entry(o, blob.PagePath(o.Page, o.Task, fileName(o.Name))))
		}
	}
	for _, o := range whole {
		m.Files = append(m.Files, entry(o, blob.DocumentPath(o.Task, fileName(o.Name))))
	}
	return w.Publisher.PublishDocument(ctx, m)
}

func entry(o store.Object, path string) blob.Entry {
	return blob.Entry{Path: path, Page: o.Page, Task: o.Task, Name: o.Name, MediaType: o.MediaType, Hash: o.Hash, Bytes: o.Bytes}
}

// fileName gives a name an extension that lacks one: published files have one,
// folders have none.
func fileName(name string) string {
	if strings.Contains(name, ".") {
		return name
	}
	return name + ".bin"
}

// endState is what the document's state will be when CommitFinish has counted
// its current page runs.
func endState(pages []store.PageStatus) store.DocumentState {
	good, bad := 0, 0
	for _, p := range pages {
		for _, r := range p.Runs {
			switch {
			case !r.Current:
			case r.State == store.PageDone || r.State == store.PageBlank:
				good++
			default:
				bad++
			}
		}
	}
	switch {
	case good == 0:
		return store.DocumentFailed
	case bad > 0:
		return store.DocumentPartial
	}
	return store.DocumentComplete
}

// Sweeper removes objects that no row has named for longer than any upload or
// job may last.
type Sweeper struct {
	Sweep func(ctx context.Context, named blob.Named, olderThan time.Duration) (blob.Swept, error)
	Named blob.Named
	Every time.Duration // 0: DefaultSweepEvery
	Age   time.Duration // 0: DefaultSweepAge
	Log   *slog.Logger
}

// DefaultSweepEvery is the time between two sweeps.
const DefaultSweepEvery = 6 * time.Hour

// Run sweeps now and then until ctx ends. Several processes may do so at once:
// the sweep takes a lock for every object it removes.
func (s Sweeper) Run(ctx context.Context) {
	every := s.Every
	if every == 0 {
		every = DefaultSweepEvery
	}
	age := s.Age
	if age == 0 {
		age = DefaultSweepAge
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		swept, err := s.Sweep(ctx, s.Named, age)
		if err != nil && !errors.Is(err, context.Canceled) {
			s.Log.WarnContext(ctx, "sweep of the object store ended early; it will be tried again", "error", err, "seen", swept.Seen)
			continue
		}
		s.Log.InfoContext(ctx, "swept the object store", "seen", swept.Seen, "removed", swept.Removed, "bytes", swept.Bytes)
	}
}
