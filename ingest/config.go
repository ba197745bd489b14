package ingest

import (
	"context"
	"fmt"
	"io"
	"runtime"
	"time"

	"palimpsest.dev/render"
	"palimpsest.dev/store"
	"palimpsest.dev/store/blob"
	"palimpsest.dev/task"
)

// Limits bounds what one document may cost. Zero fields take the defaults.
type Limits struct {
	DocumentBytes int64         // bytes fetched of one document
	IngestTime    time.Duration // from the first byte to the last page stored
	PageTime      time.Duration // reading one page for one run
	FinishTime    time.Duration // what a task says about a whole document
	ObjectTime    time.Duration // one call to the object store, its bytes included
}

// The defaults of Limits.
const (
	DefaultDocumentBytes = render.MaxFileBytes
	DefaultIngestTime    = 4 * time.Hour
	DefaultPageTime      = 30 * time.Minute
	DefaultFinishTime    = 30 * time.Minute
	DefaultCallTime      = 10 * time.Minute
	// DefaultSweepAge is longer than any upload or job may last, all its
	// attempts together.
	DefaultSweepAge = 7 * 24 * time.Hour
)

func (l Limits) withDefaults() Limits {
	if l.DocumentBytes == 0 {
		l.DocumentBytes = DefaultDocumentBytes
	}
	if l.IngestTime == 0 {
		l.IngestTime = DefaultIngestTime
	}
	if l.PageTime == 0 {
		l.PageTime = DefaultPageTime
	}
	if l.FinishTime == 0 {
		l.FinishTime = DefaultFinishTime
	}
	if l.ObjectTime == 0 {
		l.ObjectTime = DefaultCallTime
	}
	return l
}

// chunkPages is how many pages one transaction adds. A restart goes on after
// the last chunk.
const chunkPages = store.MaxChunk

// squareSide is the side of the stored letterboxed page in pixels: the default
// view.
const squareSide = 896

// Objects keeps bytes by their hash. *blob.Store is one.
type Objects interface {
	PutBytes(ctx context.Context, content []byte, mediaType string) (blob.Object, error)
	Get(ctx context.Context, hash string) (io.ReadCloser, error)
}

// Tasks finds the task of a name. *host.Host is one.
type Tasks interface {
	Task(name string) (task.Task, error)
}

// Source is an open document. *render.Document is one.
type Source interface {
	Format() string
	MediaType() string
	NumPages() int
	Notes() []render.Note
	Page(ctx context.Context, n int) (*render.Page, error)
	Close() error
}

// Opener opens the file at path. OpenFile is the real one.
type Opener func(ctx context.Context, path string, o render.Options) (Source, error)

// OpenFile opens a file with package render.
func OpenFile(ctx context.Context, path string, o render.Options) (Source, error) {
	d, err := render.Open(ctx, path, o)
	if err != nil {
		return nil, err
	}
	return d, nil
}

// ProfileFor finds how the model wants to be asked for a task.
func ProfileFor(p task.ModelProfile, name string) (task.Profile, error) {
	profile, ok := p.Tasks[name]
	if !ok {
		return task.Profile{}, &modelError{Final: true, Kind: store.KindUnsupported,
			Err:  fmt.Errorf("model %s has no profile for task %q", p.Name, name),
			Hint: "add the task to the model's palimpsest.json, or use a model that knows it"}
	}
	return profile, nil
}

// encoders is how many pages are encoded and stored while the next is drawn.
func encoders() int { return max(2, runtime.GOMAXPROCS(0)) }
