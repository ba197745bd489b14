package ingest

import (
	"context"
	"errors"
	"fmt"
	"image"
	"io"
	"log/slog"
	"time"

	"github.com/riverqueue/river"

	"palimpsest.dev/internal/failpoint"
	"palimpsest.dev/render"
	"palimpsest.dev/store"
	"palimpsest.dev/task"
)

// Reads is what the ReadWorker needs of the store. *store.Store is one.
type Reads interface {
	BeginRead(ctx context.Context, pageRun int64) (store.ReadWork, error)
	Page(ctx context.Context, id store.DocumentID, number int) (store.PageStatus, error)
	CommitRead(ctx context.Context, job *river.Job[store.ReadArgs], o store.Outcome) error
	NoteRetry(ctx context.Context, pageRun int64, f store.Failure) error
}

// ReadWorker reads one page for one run and commits rows, page state and job
// completion together.
type ReadWorker struct {
	river.WorkerDefaults[store.ReadArgs]
	Reads   Reads
	Objects Objects
	Tasks   Tasks
	Model   Model
	Profile task.ModelProfile
	Limits  Limits
	Log     *slog.Logger
}

// Timeout leaves the time limit to Work, whose deadline says that it is ours.
func (w *ReadWorker) Timeout(*river.Job[store.ReadArgs]) time.Duration { return -1 }

// Work fetches the page, reads it and commits what was read.
func (w *ReadWorker) Work(ctx context.Context, job *river.Job[store.ReadArgs]) error {
	own := *w
	own.Objects = timely{w.Objects, w.Limits.withDefaults().ObjectTime}
	err := own.read(ctx, job)
	var other *otherModelError
	if errors.As(err, &other) {
		return w.leave(ctx, job, other)
	}
	return settler{
		log: w.Log,
		commit: func(ctx context.Context, f store.Failure) error {
			return w.Reads.CommitRead(ctx, job, store.Outcome{State: store.PageFailed, Failure: &f})
		},
		retry: func(ctx context.Context, f store.Failure) error {
			return w.Reads.NoteRetry(ctx, job.Args.PageRunID, f)
		},
	}.settle(ctx, job.JobRow, err)
}

// otherModelError says that a run is another model's: what it read would carry
// that model's fingerprint and not be its work.
type otherModelError struct{ want, have string }

func (e *otherModelError) Error() string {
	return fmt.Sprintf("the run is of checkpoint %.12s, this worker has %.12s", e.want, e.have)
}

// otherModelDelay is how long a page waits before it is offered to a worker
// again that may have its model.
const otherModelDelay = 15 * time.Second

// leave puts a job back for a worker that has the run's model.
func (w *ReadWorker) leave(ctx context.Context, job *river.Job[store.ReadArgs], other *otherModelError) error {
	w.Log.WarnContext(ctx, "page waits for a worker with its model", "job", job.ID, "error", other)
	err := w.Reads.NoteRetry(ctx, job.Args.PageRunID, store.Failure{Kind: store.KindModel, Message: other.Error(),
		Hint: "start a worker with that model (palimpsest work --model), or cancel the document and have it read again"})
	if err != nil {
		return err
	}
	return river.JobSnooze(otherModelDelay)
}

func (w *ReadWorker) read(ctx context.Context, job *river.Job[store.ReadArgs]) error {
	work, err := w.Reads.BeginRead(ctx, job.Args.PageRunID)
	if err != nil {
		return err
	}
	failpoint.Here(failpoint.ReadBegun)
	if want, have := work.Run.Fingerprint.Checkpoint, w.Model.Info().Hash; want != "" && want != have {
		return &otherModelError{want, have}
	}
	t, err := w.Tasks.Task(work.Run.Task)
	if err != nil {
		return err
	}
	profile, err := ProfileFor(w.Profile, work.Run.Task)
	if err != nil {
		return err
	}
	page, err := w.page(ctx, work)
	if err != nil {
		return err
	}
	page.Regions = storedRegions(work.Regions)
	if page.Before, err = w.before(ctx, work, profile); err != nil {
		return err
	}
	out, err := ReadPageWithin(ctx, w.Limits.withDefaults().PageTime, w.Model, t, page, profile)
	if err != nil {
		return err
	}
	failpoint.Here(failpoint.PageRead)
	outcome, err := w.outcome(ctx, out)
	if err != nil {
		return err
	}
	failpoint.Here(failpoint.ArtifactsStored)
	if err := w.Reads.CommitRead(ctx, job, outcome); err != nil {
		return err
	}
	failpoint.Here(failpoint.ReadCommitted)
	return nil
}

// page fetches the page's raster and text.
func (w *ReadWorker) page(ctx context.Context, work store.ReadWork) (Page, error) {
	p := work.Page
	page := Page{Page: taskPage(work.Document, p, work.Run.Options), Blank: p.Blank}
	if p.Blank {
		return page, nil // nothing will look at its pixels
	}
	text, err := fetchText(ctx, w.Objects, p.TextHash)
	if err != nil {
		return Page{}, err
	}
	page.Text, page.Lines, page.Skew, page.Facts, page.Notes = text.words(), text.lines(), text.Skew, text.Facts, text.Notes
	page.Image, err = w.raster(ctx, p.RasterHash)
	if err != nil {
		return Page{}, err
	}
	if size := page.Image.Bounds().Size(); size.X != p.Width || size.Y != p.Height {
		return Page{}, fmt.Errorf("stored image of page %d is %dx%d pixels, its row says %dx%d", p.Number, size.X, size.Y, p.Width, p.Height)
	}
	return page, nil
}

func (w *ReadWorker) raster(ctx context.Context, hash string) (*image.RGBA, error) {
	body, err := w.Objects.Get(ctx, hash)
	if err != nil {
		return nil, fmt.Errorf("page image: %w", err)
	}
	defer body.Close()
	img, err := render.DecodePNG(body)
	if err != nil {
		return nil, fmt.Errorf("page image %s: %w", hash, err)
	}
	return img, nil
}

// fetchText reads a page's stored text layer and lines; none for no hash.
func fetchText(ctx context.Context, objects Objects, hash string) (pageText, error) {
	if hash == "" {
		return pageText{}, nil
	}
	body, err := objects.Get(ctx, hash)
	if err != nil {
		return pageText{}, fmt.Errorf("page text: %w", err)
	}
	defer body.Close()
	b, err := io.ReadAll(io.LimitReader(body, maxPageText))
	if err != nil {
		return pageText{}, fmt.Errorf("page text %s: %w", hash, err)
	}
	return decodePageText(b)
}

// outcome stores the artifacts and gives the store's form of what was read:
// objects are written before the commit that names them.
func (w *ReadWorker) outcome(ctx context.Context, out Outcome) (store.Outcome, error) {
	objects, err := putArtifacts(ctx, w.Objects, out.Artifacts)
	if err != nil {
		return store.Outcome{}, err
	}
	o := store.Outcome{State: store.PageState(out.State), Rows: rowsOf(out.Records), Objects: objects, Seconds: out.Seconds, Tokens: out.Tokens, Notes: out.Notes}
	if out.Asks > 0 {
		o.Model = w.Model.Info().Name // who answered
	}
	if out.State == StateUnreadable {
		o.Failure = &store.Failure{Kind: store.KindModel, Message: out.Reason,
			Hint: "look at the page: read it again with another model, or correct it by hand"}
	}
	return o, nil
}

// putArtifacts writes a task's files into the object store.
func putArtifacts(ctx context.Context, objects Objects, files []task.Artifact) ([]store.Object, error) {
	var stored []store.Object
	for _, a := range files {
		o, err := objects.PutBytes(ctx, a.Content, a.MediaType)
		if err != nil {
			return nil, fmt.Errorf("artifact %s: %w", a.Name, err)
		}
		stored = append(stored, store.Object{Name: a.Name, MediaType: a.MediaType, Hash: o.Hash, Bytes: o.Bytes})
	}
	return stored, nil
}
