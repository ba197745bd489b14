// Package web is the HTTP interface and the page that people use it with. It takes
// uploads in one stream straight to the object store, tells where documents stand (also
// as they change, by server-sent events), hands out pages and results, and reports every
// error as a problem with a stable code and a hint. It describes itself at /openapi.json.
//
// The interface is meant for one machine: it answers to loopback names, and to others
// only if told their names, so that a web site cannot reach it by pointing a name of its
// own at this machine (DNS rebinding); requests that change something must not come from
// another site's page.
package web

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"reflect"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"palimpsest.dev/api"
	"palimpsest.dev/store"
	"palimpsest.dev/store/blob"
)

// Documents is the database as this package needs it. *store.Store is one.
type Documents interface {
	Submit(ctx context.Context, d store.NewDocument) (doc store.Document, created bool, err error)
	Document(ctx context.Context, tenant string, id store.DocumentID) (store.DocumentStatus, error)
	Documents(ctx context.Context, tenant string, o store.ListOptions) ([]store.Document, error)
	Pages(ctx context.Context, id store.DocumentID) ([]store.PageStatus, error)
	Page(ctx context.Context, id store.DocumentID, number int) (store.PageStatus, error)
	Results(ctx context.Context, id store.DocumentID, task, relation string, page int, after store.Cursor, limit int) ([]store.ResultRow, error)
	Objects(ctx context.Context, id store.DocumentID, page int) ([]store.Object, error)
	Cancel(ctx context.Context, id store.DocumentID) error
	Watch(ctx context.Context, id store.DocumentID) (<-chan store.Event, error)
	Ping(ctx context.Context) error
}

// Objects is the object store as this package needs it. *blob.Store is one.
type Objects interface {
	Put(ctx context.Context, r io.Reader, o blob.PutOptions) (blob.Object, error)
	Get(ctx context.Context, hash string) (io.ReadCloser, error)
	Ping(ctx context.Context) error
}

// Tasks knows what can be asked for, and turns a wish into runs.
type Tasks interface {
	// List describes the tasks, the default one first.
	List(ctx context.Context) ([]api.Task, error)
	// Runs makes a run of each task with the options that it knows. An unknown task or a
	// wrong option is an *api.Problem.
	Runs(ctx context.Context, tasks []string, options map[string]string) ([]store.NewRun, error)
}

// Config joins the interface to the parts it stands on.
type Config struct {
	Documents Documents
	Objects   Objects
	Tasks     Tasks
	// Sources and CheckSource are for the routes of sources; without them there are none.
	Sources     Sources
	CheckSource CheckSource
	// Runs is for the routes of runs; without it there are none.
	Runs Runs
	// Regions and ReadersOf are for the route of regions; without them there is none.
	Regions   Regions
	ReadersOf ReadersOf
	// Corrections and ReadAs are for the routes of corrections; without them there are none.
	Corrections Corrections
	ReadAs      ReadAs
	// DefaultTasks are done when a submission names none; empty means ocr.
	DefaultTasks []string
	// MaxUploadBytes bounds a file; 0 means DefaultMaxUploadBytes.
	MaxUploadBytes int64
	// Hosts are the names, besides loopback's, that this server answers to.
	Hosts   []string
	Version string
	Log     *slog.Logger // nil means slog.Default()
}

// DefaultMaxUploadBytes bounds a file unless Config says otherwise.
const DefaultMaxUploadBytes = 1 << 30

// tenant owns everything until there are users.
const tenant = store.DefaultTenant

// server is the state behind the handlers.
type server struct {
	Config
	metrics *metrics
}

// New joins everything into one handler.
func New(c Config) (http.Handler, error) {
	if c.Documents == nil || c.Objects == nil || c.Tasks == nil {
		return nil, errors.New("web: Documents, Objects and Tasks are needed")
	}
	if c.MaxUploadBytes == 0 {
		c.MaxUploadBytes = DefaultMaxUploadBytes
	}
	if len(c.DefaultTasks) == 0 {
		c.DefaultTasks = []string{"ocr"}
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	s := &server{Config: c, metrics: newMetrics(c.Version)}
	files, err := staticFiles()
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	s.register(humago.New(mux, s.describe()))
	mux.HandleFunc("GET /livez", s.live)
	mux.HandleFunc("GET /readyz", s.ready)
	mux.HandleFunc("GET /metrics", s.metrics.serve)
	mux.Handle("/", otherMethods(mux, files))
	return s.guard(mux), nil
}

// otherMethods answers requests for which there is no route: those that have one by
// another method hear so.
func otherMethods(mux *http.ServeMux, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodDelete} {
			try := r.Clone(r.Context())
			try.Method = method
			if _, pattern := mux.Handler(try); method != r.Method && pattern != "/" {
				w.Header().Set("Allow", method)
				writeProblem(w, problem(http.StatusMethodNotAllowed, api.CodeNotAllowed, "/openapi.json lists what there is", "%s does not work on %.200s", r.Method, r.URL.Path))
				return
			}
		}
		next.ServeHTTP(w, r)
	})
}

// describe is the head of the OpenAPI document.
func (s *server) describe() huma.Config {
	c := huma.DefaultConfig("Palimpsest", s.Version)
	c.Info.Description = "PDFs and scans in, words with boxes out. Coordinates are pixels of the upright full-resolution page, origin top left; boxes are half-open [x0, y0, x1, y1]. Errors are problems (RFC 9457) with a stable code and a hint."
	c.DocsPath = ""    // the page that huma would serve loads scripts from elsewhere
	c.SchemasPath = "" // the schemas stand in the document itself
	c.CreateHooks = nil
	c.Transformers = []huma.Transformer{asProblem}
	c.RejectUnknownQueryParameters = true
	return c
}

// register adds every operation.
func (s *server) register(a huma.API) {
	problem := a.OpenAPI().Components.Schemas.Schema(problemType, true, "Problem")
	event := a.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[api.Event](), true, "Event")
	op := func(method, path, id, summary string, edit ...func(*huma.Operation)) huma.Operation {
		o := huma.Operation{Method: method, Path: path, OperationID: id, Summary: summary, Responses: map[string]*huma.Response{
			"default": {Description: "A problem.", Content: map[string]*huma.MediaType{"application/problem+json": {Schema: problem}}},
		}}
		for _, e := range edit {
			e(&o)
		}
		return o
	}
	huma.Register(a, op(http.MethodPost, "/v1/documents", "submit", "Submit a document", describeUpload), s.submit)
	a.OpenAPI().Paths["/v1/documents"].Post.RequestBody = uploadBody()
	huma.Register(a, op(http.MethodGet, "/v1/documents", "list-documents", "List documents, newest first"), s.listDocuments)
	huma.Register(a, op(http.MethodGet, "/v1/documents/{id}", "get-document", "Tell where a document stands"), s.getDocument)
	huma.Register(a, op(http.MethodGet, "/v1/documents/{id}/events", "follow-document", "Follow a document by server-sent events", describeEvents(event)), s.events)
	huma.Register(a, op(http.MethodPost, "/v1/documents/{id}/cancel", "cancel-document", "End the work on a document"), s.cancel)
	huma.Register(a, op(http.MethodGet, "/v1/documents/{id}/pages", "list-pages", "List the pages of a document"), s.listPages)
	huma.Register(a, op(http.MethodGet, "/v1/documents/{id}/pages/{n}", "get-page", "Tell about a page"), s.getPage)
	huma.Register(a, op(http.MethodGet, "/v1/documents/{id}/pages/{n}/image", "get-page-image", "Fetch the upright page", describeBytes("image/png")), s.getImage)
	huma.Register(a, op(http.MethodGet, "/v1/documents/{id}/files", "list-files", "List the files made of a document and its pages"), s.listFiles)
	huma.Register(a, op(http.MethodGet, "/v1/documents/{id}/files/{n}/{task}/{name}", "get-file", "Fetch a file made of a page, or of the document for page 0", describeBytes("application/octet-stream")), s.getFile)
	huma.Register(a, op(http.MethodGet, "/v1/documents/{id}/source", "get-document-source", "Fetch the document as it was submitted", describeBytes("application/octet-stream")), s.getDocumentSource)
	huma.Register(a, op(http.MethodGet, "/v1/documents/{id}/results/{task}", "get-results", "Read what a task has found"), s.results)
	huma.Register(a, op(http.MethodGet, "/v1/tasks", "list-tasks", "List what this server can do"), s.listTasks)
	if s.Sources != nil && s.CheckSource != nil {
		s.registerSources(a, op)
	}
	if s.Runs != nil {
		s.registerRuns(a, op)
	}
	if s.Regions != nil && s.ReadersOf != nil {
		s.registerRegions(a, op)
	}
	if s.Corrections != nil && s.ReadAs != nil {
		s.registerCorrections(a, op)
	}
}

// describeBytes documents an answer that is not JSON.
func describeBytes(mediaType string) func(*huma.Operation) {
	return func(o *huma.Operation) {
		o.Responses["200"] = &huma.Response{Description: "The bytes.", Content: map[string]*huma.MediaType{
			mediaType: {Schema: &huma.Schema{Type: huma.TypeString, Format: "binary"}},
		}}
	}
}
