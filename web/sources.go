package web

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"palimpsest.dev/api"
	"palimpsest.dev/store"
)

// Sources is what the routes of sources need of the database. *store.Store is one.
type Sources interface {
	AddSource(ctx context.Context, n store.NewScanSource) (store.ScanSource, error)
	Sources(ctx context.Context, tenant string) ([]store.ScanSourceStatus, error)
	Source(ctx context.Context, tenant, name string, failures int) (store.ScanSourceStatus, []store.SourceObject, error)
	RequestScan(ctx context.Context, tenant, name string) (store.Scan, error)
	PauseSource(ctx context.Context, tenant, name string, paused bool) (store.ScanSource, error)
	RemoveSource(ctx context.Context, tenant, name string) error
}

// CheckSource sees that a location may be read, and can be, and gives it in its one form. What is wrong with it is an
// *api.Problem.
type CheckSource func(ctx context.Context, location, credentials string) (string, error)

const (
	// shownFailures bounds the failing objects that are told of one source.
	shownFailures = 20
	// checkSourceTime bounds the look at a new source's location.
	checkSourceTime = 15 * time.Second
	// hintSources is what to do about a name that no source has.
	hintSources = "GET /v1/sources lists the sources"
)

// SourcePath is the part of a request that names a source.
type SourcePath struct {
	Name string `path:"name" maxLength:"63" doc:"Name of the source."`
}

type sourceInput struct{ Body api.NewSource }

type sourceOutput struct{ Body api.Source }

type sourcesOutput struct{ Body api.SourceList }

// registerSources adds the operations over sources.
func (s *server) registerSources(a huma.API, op func(method, path, id, summary string, edit ...func(*huma.Operation)) huma.Operation) {
	status := func(status int) func(*huma.Operation) {
		return func(o *huma.Operation) { o.DefaultStatus = status }
	}
	huma.Register(a, op(http.MethodGet, "/v1/sources", "list-sources", "List the sources that are scanned"), s.listSources)
	huma.Register(a, op(http.MethodPost, "/v1/sources", "add-source", "Scan a folder or bucket on a schedule", status(http.StatusCreated)), s.addSource)
	huma.Register(a, op(http.MethodGet, "/v1/sources/{name}", "get-source", "Tell about a source and what failed in it"), s.getSource)
	huma.Register(a, op(http.MethodDelete, "/v1/sources/{name}", "remove-source", "Forget a source; its documents stay"), s.removeSource)
	huma.Register(a, op(http.MethodPost, "/v1/sources/{name}/scan", "scan-source", "Scan a source now", status(http.StatusAccepted)), s.scanSource)
	huma.Register(a, op(http.MethodPost, "/v1/sources/{name}/pause", "pause-source", "Stop a source's schedule"), s.pauseSource(true))
	huma.Register(a, op(http.MethodPost, "/v1/sources/{name}/resume", "resume-source", "Let a source's schedule go on"), s.pauseSource(false))
}

func (s *server) addSource(ctx context.Context, in *sourceInput) (*sourceOutput, error) {
	n := in.Body
	if len(n.Tasks) == 0 {
		n.Tasks = s.DefaultTasks
	}
	if _, err := s.Tasks.Runs(ctx, n.Tasks, n.Options); err != nil { // only to see that there are such tasks
		return nil, s.problemOf(ctx, err)
	}
	looking, cancel := context.WithTimeout(ctx, checkSourceTime)
	defer cancel()
	location, err := s.CheckSource(looking, n.Location, n.Credentials)
	if err != nil {
		return nil, s.problemOf(ctx, err)
	}
	src, err := s.Sources.AddSource(ctx, store.NewScanSource{Tenant: tenant, Name: n.Name, Location: location, Credentials: n.Credentials,
		Cron: n.Cron, Tasks: n.Tasks, Options: n.Options, Include: n.Include, Exclude: n.Exclude})
	if errors.Is(err, store.ErrConflict) {
		return nil, problem(http.StatusConflict, api.CodeConflict, "choose another name, or remove that source first", "%s", plain(err))
	}
	if err != nil {
		return nil, s.problemOf(ctx, err)
	}
	return &sourceOutput{sourceOf(store.ScanSourceStatus{ScanSource: src})}, nil
}

func (s *server) listSources(ctx context.Context, _ *struct{}) (*sourcesOutput, error) {
	list, err := s.Sources.Sources(ctx, tenant)
	if err != nil {
		return nil, s.problemOf(ctx, err)
	}
	out := &sourcesOutput{api.SourceList{Sources: make([]api.Source, len(list))}}
	for i, src := range list {
		out.Body.Sources[i] = sourceOf(src)
	}
	return out, nil
}

func (s *server) getSource(ctx context.Context, in *SourcePath) (*sourceOutput, error) {
	src, failing, err := s.Sources.Source(ctx, tenant, in.Name, shownFailures)
	if err != nil {
		return nil, s.sourceProblem(ctx, err)
	}
	out := &sourceOutput{sourceOf(src)}
	for _, o := range failing {
		out.Body.Failures = append(out.Body.Failures, api.SourceObject{Key: o.Key, Bytes: o.Bytes, Failure: failureOf(o.Failure)})
	}
	return out, nil
}

func (s *server) scanSource(ctx context.Context, in *SourcePath) (*sourceOutput, error) {
	if _, err := s.Sources.RequestScan(ctx, tenant, in.Name); err != nil {
		return nil, s.sourceProblem(ctx, err)
	}
	return s.getSource(ctx, in)
}

func (s *server) pauseSource(paused bool) func(context.Context, *SourcePath) (*sourceOutput, error) {
	return func(ctx context.Context, in *SourcePath) (*sourceOutput, error) {
		if _, err := s.Sources.PauseSource(ctx, tenant, in.Name, paused); err != nil {
			return nil, s.sourceProblem(ctx, err)
		}
		return s.getSource(ctx, in)
	}
}

// removeSource answers with the source as it was.
func (s *server) removeSource(ctx context.Context, in *SourcePath) (*sourceOutput, error) {
	out, err := s.getSource(ctx, in)
	if err != nil {
		return nil, err
	}
	if err := s.Sources.RemoveSource(ctx, tenant, in.Name); err != nil {
		return nil, s.sourceProblem(ctx, err)
	}
	return out, nil
}

func (s *server) sourceProblem(ctx context.Context, err error) error {
	if errors.Is(err, store.ErrNotFound) {
		return problem(http.StatusNotFound, api.CodeNotFound, hintSources, "%s", plain(err))
	}
	return s.problemOf(ctx, err)
}

func sourceOf(s store.ScanSourceStatus) api.Source {
	return api.Source{NewSource: api.NewSource{Name: s.Name, Location: s.Location, Credentials: s.Credentials, Cron: s.Cron, Tasks: s.Tasks, Options: s.Options, Include: s.Include, Exclude: s.Exclude},
		Paused: s.Paused, Next: s.Next, Created: s.Created, Objects: s.Objects, Failing: s.Failing, Open: scanOf(s.Open), Last: scanOf(s.Last)}
}

func scanOf(s *store.Scan) *api.Scan {
	if s == nil {
		return nil
	}
	return &api.Scan{ID: s.ID, State: string(s.State), Reason: s.Reason, Seen: s.Seen, New: s.New, Changed: s.Changed, Duplicate: s.Duplicate,
		Unchanged: s.Unchanged, Skipped: s.Skipped, Failed: s.Failed, Gone: s.Gone, Bytes: s.Bytes, Seconds: s.Seconds,
		Failure: failureOf(s.Failure), Queued: s.Queued, Started: s.Started, Finished: s.Finished}
}
