package web

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"palimpsest.dev/api"
	"palimpsest.dev/store"
)

// Runs is what the routes of runs need of the database. *store.Store is one.
type Runs interface {
	Select(ctx context.Context, sel store.Selection) ([]store.Selected, error)
	Rerun(ctx context.Context, n store.NewRerun) (store.Rerun, error)
	Runs(ctx context.Context, tenant string, id store.DocumentID) ([]store.RunStatus, error)
	RunByID(ctx context.Context, tenant string, run int64) (store.RunStatus, error)
	RunResults(ctx context.Context, run store.RunStatus, relation string, page int, after store.Cursor, limit int) ([]store.ResultRow, error)
	Promotions(ctx context.Context, tenant string, id store.DocumentID) ([]store.Promotion, error)
	Promote(ctx context.Context, tenant string, run int64, pages []int, actor string) (store.Promotion, error)
	Demote(ctx context.Context, tenant string, run int64, pages []int, actor string) (store.Promotion, error)
}

// rerunStep is how many runs one request makes at most; the rest is for the next.
const rerunStep = 100

// RunPath is the part of a request that names a run.
type RunPath struct {
	Run int64 `path:"run" minimum:"1" doc:"Number of the run."`
}

type rerunInput struct{ Body api.NewRerun }

type rerunOutput struct{ Body api.RerunList }

type runOutput struct{ Body api.RunDetail }

type runsOutput struct{ Body api.RunList }

type changeInput struct {
	RunPath
	Body api.Change
}

type promotionOutput struct{ Body api.Promotion }

// registerRuns adds the operations over runs.
func (s *server) registerRuns(a huma.API, op func(method, path, id, summary string, edit ...func(*huma.Operation)) huma.Operation) {
	accepted := func(o *huma.Operation) { o.DefaultStatus = http.StatusAccepted }
	huma.Register(a, op(http.MethodPost, "/v1/runs", "rerun", "Read pages again by what the server has now", accepted), s.rerun)
	huma.Register(a, op(http.MethodGet, "/v1/documents/{id}/runs", "list-runs", "List the runs over a document and what became current when"), s.listRuns)
	huma.Register(a, op(http.MethodGet, "/v1/runs/{run}", "get-run", "Tell about a run"), s.getRun)
	huma.Register(a, op(http.MethodGet, "/v1/runs/{run}/results/{relation}", "get-run-results", "Read what a run has found, current or not"), s.runResults)
	huma.Register(a, op(http.MethodPost, "/v1/runs/{run}/promote", "promote-run", "Make a run current"), s.change(s.Runs.Promote))
	huma.Register(a, op(http.MethodPost, "/v1/runs/{run}/undo", "undo-run", "Take promotions of a run back"), s.change(s.Runs.Demote))
}

func (s *server) rerun(ctx context.Context, in *rerunInput) (*rerunOutput, error) {
	b := in.Body
	if len(b.Documents) == 0 && b.Where == "" {
		return nil, problem(http.StatusBadRequest, api.CodeBadInput, "the condition \"true\" means everything", "neither documents nor a condition")
	}
	known, err := s.Tasks.List(ctx)
	if err != nil {
		return nil, s.problemOf(ctx, err)
	}
	chosen, next, err := s.chosen(ctx, b)
	if err != nil {
		return nil, err
	}
	out := &rerunOutput{api.RerunList{Runs: []api.Rerun{}, Next: next}}
	for _, c := range chosen {
		made, err := s.rerunOne(ctx, b, c, known)
		if err != nil {
			return nil, s.runProblem(ctx, err)
		}
		out.Body.Runs = append(out.Body.Runs, api.Rerun{Document: string(c.Document), Task: c.Task, Run: made.Run.ID, Pages: orEmpty(made.Pages), Skipped: made.Skipped})
	}
	return out, nil
}

// chosen finds what a request is about: by condition, or whole documents. Documents may be named together with tasks
// that never read them.
func (s *server) chosen(ctx context.Context, b api.NewRerun) (chosen []store.Selected, next string, err error) {
	sel := store.Selection{Tenant: tenant, Tasks: b.Tasks, Where: b.Where, Limit: rerunStep}
	for _, id := range b.Documents {
		doc, err := s.document(ctx, DocumentPath{id})
		if err != nil {
			return nil, "", err
		}
		sel.Documents = append(sel.Documents, doc.ID)
	}
	if b.After != "" {
		document, task, _ := strings.Cut(b.After, " ")
		if sel.After.Document, err = store.ParseDocumentID(document); err != nil {
			return nil, "", problem(http.StatusBadRequest, api.CodeBadInput, "pass on \"next\" of the answer before as it is", "after %.80q is no place", b.After)
		}
		sel.After.Task = task
	}
	if b.Where == "" && len(b.Tasks) > 0 && len(b.Documents)*len(b.Tasks) <= rerunStep {
		sel.Limit = len(b.Documents) * len(b.Tasks)
		found, err := s.Runs.Select(ctx, sel)
		if err != nil {
			return nil, "", s.problemOf(ctx, err)
		}
		for _, d := range sel.Documents {
			for _, t := range b.Tasks {
				c := store.Selected{Document: d, Task: t}
				if i := slices.IndexFunc(found, func(f store.Selected) bool { return f.Document == d && f.Task == t }); i >= 0 {
					c.Options = found[i].Options
				}
				chosen = append(chosen, c)
			}
		}
		return chosen, "", nil
	}
	if chosen, err = s.Runs.Select(ctx, sel); err != nil {
		return nil, "", s.problemOf(ctx, err)
	}
	if len(chosen) == rerunStep {
		last := chosen[len(chosen)-1]
		next = string(last.Document) + " " + last.Task
	}
	if b.Where == "" {
		for i := range chosen {
			chosen[i].Pages = nil // all, and not only those that some run is current on
		}
	}
	return chosen, next, nil
}

// rerunOne makes the run over one document: with the options of the run before, as far as the task still knows them,
// and those of the request.
func (s *server) rerunOne(ctx context.Context, b api.NewRerun, c store.Selected, known []api.Task) (store.Rerun, error) {
	options := map[string]string{}
	for _, t := range known {
		for _, o := range t.Options {
			if t.Name != c.Task {
				continue
			}
			if v, ok := c.Options[o.Name]; ok && (len(o.Values) == 0 || slices.Contains(o.Values, v)) {
				options[o.Name] = v
			}
			if v, ok := b.Options[o.Name]; ok {
				options[o.Name] = v
			}
		}
	}
	if err := optionsKnown(b, known); err != nil {
		return store.Rerun{}, err
	}
	runs, err := s.Tasks.Runs(ctx, []string{c.Task}, options)
	if err != nil {
		return store.Rerun{}, err
	}
	if b.Checkpoint != "" {
		profile := b.Profiles[c.Task]
		if profile == "" {
			return store.Rerun{}, problem(http.StatusUnprocessableEntity, api.CodeBadInput, "add the task to that model's palimpsest.json", "the model has no profile for task %q", c.Task)
		}
		runs[0].Fingerprint.Checkpoint, runs[0].Fingerprint.Profile = b.Checkpoint, profile
		runs[0].Regions = regionsOf(runs[0].Regions, b)
		if r := runs[0].Regions; r != nil { // that model finds its regions itself, if it can
			r.Fingerprint.Checkpoint, r.Fingerprint.Profile = b.Checkpoint, b.Profiles[r.Task]
			if r.Fingerprint.Profile == "" {
				runs[0].Regions = nil
			}
		}
	}
	return s.Runs.Rerun(ctx, store.NewRerun{Tenant: tenant, Document: c.Document, NewRun: runs[0], Pages: c.Pages,
		Promote: store.Policy(b.Promote), Actor: b.By})
}

// regionsOf is the run to wait for where another model than the server's reads: by that model too, or none where it does
// not find regions.
func regionsOf(r *store.NewRun, b api.NewRerun) *store.NewRun {
	if r == nil || b.Profiles[r.Task] == "" {
		return nil
	}
	other := *r
	other.Fingerprint.Checkpoint, other.Fingerprint.Profile = b.Checkpoint, b.Profiles[r.Task]
	return &other
}

// optionsKnown refuses an option that no task has: a typing error must not pass in silence.
func optionsKnown(b api.NewRerun, known []api.Task) error {
	for name := range b.Options {
		if !slices.ContainsFunc(known, func(t api.Task) bool {
			return slices.ContainsFunc(t.Options, func(o api.TaskOption) bool { return o.Name == name })
		}) {
			return problem(http.StatusUnprocessableEntity, api.CodeBadInput, "GET /v1/tasks lists the options", "there is no option %.80q", name)
		}
	}
	return nil
}

func (s *server) listRuns(ctx context.Context, in *DocumentPath) (*runsOutput, error) {
	doc, err := s.document(ctx, *in)
	if err != nil {
		return nil, err
	}
	runs, err := s.Runs.Runs(ctx, tenant, doc.ID)
	if err != nil {
		return nil, s.problemOf(ctx, err)
	}
	history, err := s.Runs.Promotions(ctx, tenant, doc.ID)
	if err != nil {
		return nil, s.problemOf(ctx, err)
	}
	out := &runsOutput{api.RunList{Runs: make([]api.RunDetail, len(runs)), Promotions: make([]api.Promotion, len(history))}}
	for i, r := range runs {
		out.Body.Runs[i] = runOf(r)
	}
	for i, p := range history {
		out.Body.Promotions[i] = promotionOf(p)
	}
	return out, nil
}

func (s *server) getRun(ctx context.Context, in *RunPath) (*runOutput, error) {
	run, err := s.Runs.RunByID(ctx, tenant, in.Run)
	if err != nil {
		return nil, s.runProblem(ctx, err)
	}
	return &runOutput{runOf(run)}, nil
}

type runResultsInput struct {
	RunPath
	Relation string `path:"relation"`
	Page     int    `query:"page" minimum:"1" maximum:"2000000000" doc:"Only this page."`
	After    string `query:"after" doc:"\"next\" of the answer before."`
	Limit    int    `query:"limit" minimum:"1" maximum:"10000" doc:"2000 unless told otherwise."`
}

func (s *server) runResults(ctx context.Context, in *runResultsInput) (*resultsOutput, error) {
	run, err := s.Runs.RunByID(ctx, tenant, in.Run)
	if err != nil {
		return nil, s.runProblem(ctx, err)
	}
	after, err := parseCursor(in.After)
	if err != nil {
		return nil, err
	}
	limit := in.Limit
	if limit == 0 {
		limit = defaultRecords
	}
	rows, err := s.Runs.RunResults(ctx, run, in.Relation, in.Page, after, limit)
	if err != nil {
		return nil, s.problemOf(ctx, err)
	}
	out := &resultsOutput{api.RecordList{Records: make([]api.Record, 0, len(rows))}}
	for _, r := range rows {
		out.Body.Records = append(out.Body.Records, recordOf(r))
	}
	if len(rows) == limit {
		c := store.Next(rows)
		out.Body.Next = strconv.Itoa(c.Page) + "." + strconv.Itoa(c.Seq)
	}
	return out, nil
}

// change answers requests that make other runs current.
func (s *server) change(do func(context.Context, string, int64, []int, string) (store.Promotion, error)) func(context.Context, *changeInput) (*promotionOutput, error) {
	return func(ctx context.Context, in *changeInput) (*promotionOutput, error) {
		for _, p := range in.Body.Pages {
			if p < 1 || p > 2_000_000_000 {
				return nil, problem(http.StatusBadRequest, api.CodeBadInput, "pages count from 1", "there is no page %d", p)
			}
		}
		p, err := do(ctx, tenant, in.Run, in.Body.Pages, in.Body.By)
		if err != nil {
			return nil, s.runProblem(ctx, err)
		}
		return &promotionOutput{promotionOf(p)}, nil
	}
}

// runProblem says what an error means to who asks for a run.
func (s *server) runProblem(ctx context.Context, err error) error {
	switch {
	case errors.Is(err, store.ErrConflict):
		return problem(http.StatusConflict, api.CodeConflict, "wait for its end, or cancel it", "%s", plain(err))
	case errors.Is(err, store.ErrNotFound):
		return problem(http.StatusNotFound, api.CodeNotFound, "GET /v1/documents/{id}/runs lists the runs", "%s", plain(err))
	}
	return s.problemOf(ctx, err)
}

func runOf(r store.RunStatus) api.RunDetail {
	f := r.Fingerprint
	out := api.RunDetail{Document: string(r.Document), Promote: string(r.Promote), By: r.Actor,
		Run:   api.Run{ID: r.ID, Task: r.Task, State: string(r.State), Options: r.Options, Fingerprint: r.Digest, Checkpoint: f.Checkpoint, Created: r.Created, Finished: r.Finished},
		Parts: map[string]string{"checkpoint": f.Checkpoint, "adapter": f.Adapter, "profile": f.Profile, "plugin": f.Plugin, "renderer": f.Renderer, "kernel": f.Kernel}}
	if f.Regions != "" {
		out.Parts["regions"] = f.Regions
	}
	for _, p := range r.Pages {
		out.Pages = append(out.Pages, api.RunPage{Page: p.Number, State: string(p.State), Current: p.Current, Records: p.Records, Corrections: p.Corrected, Confidence: p.Confidence,
			Model: p.Model, Seconds: p.Seconds, Tokens: p.Tokens, Failure: failureOf(p.Failure)})
	}
	return out
}

func promotionOf(p store.Promotion) api.Promotion {
	return api.Promotion{Revision: p.Revision, Task: p.Task, From: p.From, To: p.To, Reason: p.Reason, By: p.Actor, At: p.At, Pages: orEmpty(p.Pages), Kept: p.Kept}
}

// orEmpty is never null in JSON.
func orEmpty(pages []int) []int { return append([]int{}, pages...) }
