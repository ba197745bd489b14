package web

import (
	"context"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"palimpsest.dev/api"
	"palimpsest.dev/store"
)

// Page sizes of the lists.
const (
	defaultDocuments = 50
	defaultPages     = 200
	defaultRecords   = 2000
)

// DocumentPath is the part of a request that names a document. It is exported because
// huma sees only exported fields, also when they are embedded.
type DocumentPath struct {
	ID string `path:"id" doc:"UUID of the document."`
}

type documentOutput struct{ Body api.Document }

func (s *server) getDocument(ctx context.Context, in *DocumentPath) (*documentOutput, error) {
	doc, err := s.document(ctx, *in)
	if err != nil {
		return nil, err
	}
	return &documentOutput{documentOf(doc.Document, doc.Tallies)}, nil
}

// document finds the tenant's document of an id that came from outside; its errors are
// problems.
func (s *server) document(ctx context.Context, in DocumentPath) (store.DocumentStatus, error) {
	id, err := store.ParseDocumentID(in.ID)
	if err != nil {
		return store.DocumentStatus{}, s.problemOf(ctx, err)
	}
	doc, err := s.Documents.Document(ctx, tenant, id)
	if err != nil {
		return doc, s.problemOf(ctx, err)
	}
	return doc, nil
}

type listInput struct {
	After string `query:"after" doc:"\"next\" of the list before."`
	Limit int    `query:"limit" minimum:"1" maximum:"500" doc:"50 unless told otherwise."`
	State string `query:"state" enum:"received,ingesting,running,complete,partial,failed,cancelled"`
}

type listOutput struct{ Body api.DocumentList }

func (s *server) listDocuments(ctx context.Context, in *listInput) (*listOutput, error) {
	limit := in.Limit
	if limit == 0 {
		limit = defaultDocuments
	}
	// One more than asked for tells whether there is a next page.
	docs, err := s.Documents.Documents(ctx, tenant, store.ListOptions{State: store.DocumentState(in.State), Before: store.DocumentID(in.After), Limit: limit + 1})
	if err != nil {
		return nil, s.problemOf(ctx, err)
	}
	out := &listOutput{Body: api.DocumentList{Documents: []api.Document{}}}
	if len(docs) > limit {
		docs = docs[:limit]
		out.Body.Next = string(docs[limit-1].ID)
	}
	for _, d := range docs {
		out.Body.Documents = append(out.Body.Documents, documentOf(d, nil))
	}
	return out, nil
}

func (s *server) cancel(ctx context.Context, in *DocumentPath) (*documentOutput, error) {
	doc, err := s.document(ctx, *in)
	if err != nil {
		return nil, err
	}
	if doc.State != store.DocumentCancelled { // cancelling twice is cancelling once
		if err := s.Documents.Cancel(ctx, doc.ID); err != nil {
			return nil, s.problemOf(ctx, err)
		}
	}
	return s.getDocument(ctx, in)
}

type tasksOutput struct{ Body api.TaskList }

func (s *server) listTasks(ctx context.Context, _ *struct{}) (*tasksOutput, error) {
	tasks, err := s.Tasks.List(ctx)
	if err != nil {
		return nil, s.problemOf(ctx, err)
	}
	return &tasksOutput{api.TaskList{Tasks: tasks}}, nil
}

type resultsInput struct {
	DocumentPath
	Task     string `path:"task"`
	Relation string `query:"relation" doc:"The task's first relation unless told otherwise."`
	Page     int    `query:"page" minimum:"1" maximum:"2000000000" doc:"Only this page."`
	After    string `query:"after" doc:"\"next\" of the answer before."`
	Limit    int    `query:"limit" minimum:"1" maximum:"10000" doc:"2000 unless told otherwise."`
}

type resultsOutput struct{ Body api.RecordList }

func (s *server) results(ctx context.Context, in *resultsInput) (*resultsOutput, error) {
	doc, err := s.document(ctx, in.DocumentPath)
	if err != nil {
		return nil, err
	}
	relation, err := s.relation(ctx, in.Task, in.Relation)
	if err != nil {
		return nil, s.problemOf(ctx, err)
	}
	after, err := parseCursor(in.After)
	if err != nil {
		return nil, err
	}
	limit := in.Limit
	if limit == 0 {
		limit = defaultRecords
	}
	rows, err := s.Documents.Results(ctx, doc.ID, in.Task, relation, in.Page, after, limit)
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

// relation is the one asked for, or the task's first.
func (s *server) relation(ctx context.Context, task, relation string) (string, error) {
	tasks, err := s.Tasks.List(ctx)
	if err != nil {
		return "", err
	}
	for _, t := range tasks {
		if t.Name == task && relation == "" && len(t.Relations) > 0 {
			return t.Relations[0], nil
		}
	}
	if relation == "" {
		return "", problem(http.StatusNotFound, api.CodeNotFound, "GET /v1/tasks lists the tasks", "no task %.80q", task)
	}
	return relation, nil
}

// parseCursor reads page.seq.
func parseCursor(s string) (store.Cursor, error) {
	if s == "" {
		return store.Cursor{}, nil
	}
	page, seq, _ := strings.Cut(s, ".")
	p, err1 := strconv.ParseInt(page, 10, 32)
	q, err2 := strconv.ParseInt(seq, 10, 32)
	if err1 != nil || err2 != nil || p < 0 || q < 0 {
		return store.Cursor{}, problem(http.StatusBadRequest, api.CodeBadInput, "pass on \"next\" of the answer before as it is", "after %.40q is no place in the results", s)
	}
	return store.Cursor{Page: int(p), Seq: int(q)}, nil
}

// documentOf is a document as the interface shows it. Without tallies the progress is
// known only roughly.
func documentOf(d store.Document, tallies []store.Tally) api.Document {
	out := api.Document{
		ID: string(d.ID), Name: d.Name, State: string(d.State), Hash: d.Hash, Bytes: d.Bytes, Format: d.Format,
		MediaType: d.MediaType, Pages: d.Pages, Failure: failureOf(d.Failure), Created: d.Created, Updated: d.Updated,
		Finished: d.Finished, Runs: []api.Run{},
		Progress: api.Progress{Total: d.Pages * tasksOf(d.Runs), Open: d.OpenPageRuns},
	}
	for _, n := range d.Notes {
		out.Notes = append(out.Notes, api.Note{Kind: n.Kind, Text: n.Text})
	}
	for _, r := range d.Runs {
		out.Runs = append(out.Runs, api.Run{ID: r.ID, Task: r.Task, State: string(r.State), Options: r.Options,
			Fingerprint: r.Digest, Checkpoint: r.Fingerprint.Checkpoint, Created: r.Created, Finished: r.Finished})
	}
	for _, t := range tallies {
		if out.Progress.States == nil {
			out.Progress.States = map[string]int{}
		}
		out.Progress.States[string(t.State)] += t.Pages
	}
	return out
}

// tasksOf counts the tasks of runs; a task has several where a document was read again.
func tasksOf(runs []store.Run) int {
	tasks := map[string]bool{}
	for _, r := range runs {
		tasks[r.Task] = true
	}
	return len(tasks)
}

func failureOf(f *store.Failure) *api.Failure {
	if f == nil {
		return nil
	}
	return &api.Failure{Kind: string(f.Kind), Message: f.Message, Hint: f.Hint, Limit: f.Limit, Page: f.Page}
}

func recordOf(r store.ResultRow) api.Record {
	out := api.Record{Relation: r.Relation, Page: r.Page, Seq: r.Seq, Box: r.Box, Polygon: r.Polygon,
		Source: r.Source, Model: r.Model, Run: r.Run, Values: r.Values}
	if c := r.Confidence; !math.IsNaN(c) {
		out.Confidence = &c
	}
	return out
}

// fileLink is where a file made of a page or, for page 0, of the document is fetched.
func fileLink(id store.DocumentID, o store.Object) string {
	return "/v1/documents/" + string(id) + "/files/" + strconv.Itoa(o.Page) + "/" + url.PathEscape(o.Task) + "/" + url.PathEscape(o.Name)
}
