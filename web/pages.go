package web

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strconv"

	"github.com/danielgtaylor/huma/v2"

	"palimpsest.dev/api"
	"palimpsest.dev/store"
)

type pagesInput struct {
	DocumentPath
	After string `query:"after" doc:"\"next\" of the list before."`
	Limit int    `query:"limit" minimum:"1" maximum:"1000" doc:"200 unless told otherwise."`
}

type pagesOutput struct{ Body api.PageList }

func (s *server) listPages(ctx context.Context, in *pagesInput) (*pagesOutput, error) {
	doc, err := s.document(ctx, in.DocumentPath)
	if err != nil {
		return nil, err
	}
	after := 0
	if in.After != "" {
		if after, err = strconv.Atoi(in.After); err != nil {
			return nil, problem(http.StatusBadRequest, api.CodeBadInput, "pass on \"next\" of the list before as it is", "after %.40q is no page", in.After)
		}
	}
	limit := in.Limit
	if limit == 0 {
		limit = defaultPages
	}
	pages, err := s.Documents.Pages(ctx, doc.ID)
	if err != nil {
		return nil, s.problemOf(ctx, err)
	}
	out := &pagesOutput{api.PageList{Pages: []api.Page{}}}
	for _, p := range pages {
		if p.Number <= after {
			continue
		}
		if len(out.Body.Pages) == limit {
			out.Body.Next = strconv.Itoa(out.Body.Pages[limit-1].Number)
			break
		}
		out.Body.Pages = append(out.Body.Pages, pageOf(p))
	}
	return out, nil
}

// PagePath is the part of a request that names a page.
type PagePath struct {
	DocumentPath
	Number int `path:"n" minimum:"1" maximum:"2000000000" doc:"Page, from 1."`
}

type pageOutput struct{ Body api.Page }

func (s *server) getPage(ctx context.Context, in *PagePath) (*pageOutput, error) {
	doc, page, err := s.page(ctx, in)
	if err != nil {
		return nil, err
	}
	objects, err := s.Documents.Objects(ctx, doc, in.Number)
	if err != nil {
		return nil, s.problemOf(ctx, err)
	}
	out := &pageOutput{pageOf(page)}
	for _, o := range objects {
		out.Body.Artifacts = append(out.Body.Artifacts, artifactOf(doc, o))
	}
	return out, nil
}

// page finds a page; its errors are problems.
func (s *server) page(ctx context.Context, in *PagePath) (store.DocumentID, store.PageStatus, error) {
	doc, err := s.document(ctx, in.DocumentPath)
	if err != nil {
		return "", store.PageStatus{}, err
	}
	page, err := s.Documents.Page(ctx, doc.ID, in.Number)
	if errors.Is(err, store.ErrNotFound) && !doc.State.Final() && (doc.Pages == 0 || in.Number <= doc.Pages) {
		p := problem(http.StatusNotFound, api.CodeNotReady, "ask again in a moment, or follow the document's events", "page %d is not drawn yet", in.Number)
		p.Page = in.Number
		return "", page, p
	}
	if err != nil {
		return "", page, s.problemOf(ctx, err)
	}
	return doc.ID, page, nil
}

func pageOf(p store.PageStatus) api.Page {
	out := api.Page{
		Number: p.Number, Width: p.Width, Height: p.Height, DPI: p.DPI, Rotation: p.Rotation, ToSource: p.ToSource,
		SourceUnit: p.SourceUnit, Member: p.Member, Blank: p.Blank, Failure: failureOf(p.Failure), Runs: []api.PageRun{},
	}
	for _, r := range p.Runs {
		if r.Current {
			out.Runs = append(out.Runs, api.PageRun{Task: r.Task, State: string(r.State), Model: r.Model, Tokens: r.Tokens, Seconds: r.Seconds, Notes: r.Notes, Failure: failureOf(r.Failure)})
		}
	}
	return out
}

func artifactOf(doc store.DocumentID, o store.Object) api.Artifact {
	return api.Artifact{Task: o.Task, Name: o.Name, Page: o.Page, MediaType: o.MediaType, Hash: o.Hash, Bytes: o.Bytes, Link: fileLink(doc, o)}
}

type imageInput struct {
	PagePath
	Width int    `query:"w" minimum:"16" maximum:"8192" doc:"At most this wide; the full page without it."`
	Match string `header:"If-None-Match"`
}

// getImage sends the upright page. A page's pixels never change, so that browsers may
// keep them.
func (s *server) getImage(ctx context.Context, in *imageInput) (*huma.StreamResponse, error) {
	_, page, err := s.page(ctx, &in.PagePath)
	if err != nil {
		return nil, err
	}
	if page.RasterHash == "" {
		p := problem(http.StatusNotFound, api.CodeNotFound, "", "page %d has no picture", in.Number)
		if page.Failure != nil {
			p.Detail += ": " + page.Failure.Message
			p.Hint = page.Failure.Hint
		}
		p.Page = in.Number
		return nil, p
	}
	width := in.Width
	if width >= page.Width || page.Width*page.Height > maxShrunkPixels {
		width = 0
	}
	tag := fmt.Sprintf("%q", page.RasterHash[:24]+"."+strconv.Itoa(width))
	if in.Match == tag {
		return answer(http.StatusNotModified, tag, nil, ""), nil
	}
	r, err := s.Objects.Get(ctx, page.RasterHash)
	if err != nil {
		return nil, s.problemOf(ctx, err)
	}
	if width == 0 {
		return answer(http.StatusOK, tag, r, "image/png"), nil
	}
	defer r.Close()
	small, err := shrink(r, width)
	if err != nil {
		return nil, s.problemOf(ctx, fmt.Errorf("picture of page %d: %w", in.Number, err))
	}
	return answer(http.StatusOK, tag, io.NopCloser(bytes.NewReader(small)), "image/png"), nil
}

// answer streams bytes that never change.
func answer(status int, tag string, r io.ReadCloser, mediaType string) *huma.StreamResponse {
	return &huma.StreamResponse{Body: func(ctx huma.Context) {
		ctx.SetHeader("ETag", tag)
		ctx.SetHeader("Cache-Control", "private, max-age=86400")
		if mediaType != "" {
			ctx.SetHeader("Content-Type", mediaType)
		}
		ctx.SetStatus(status)
		if r == nil {
			return
		}
		defer r.Close()
		if _, err := io.Copy(ctx.BodyWriter(), r); err != nil {
			panic(http.ErrAbortHandler) // half a picture must not look whole
		}
	}}
}

type filesOutput struct{ Body api.ArtifactList }

func (s *server) listFiles(ctx context.Context, in *DocumentPath) (*filesOutput, error) {
	doc, err := s.document(ctx, *in)
	if err != nil {
		return nil, err
	}
	objects, err := s.Documents.Objects(ctx, doc.ID, 0)
	if err != nil {
		return nil, s.problemOf(ctx, err)
	}
	out := &filesOutput{}
	out.Body.Files = []api.Artifact{}
	for _, o := range objects {
		out.Body.Files = append(out.Body.Files, artifactOf(doc.ID, o))
	}
	return out, nil
}

type fileInput struct {
	DocumentPath
	Number int    `path:"n" minimum:"0" maximum:"2000000000" doc:"Page, or 0 for a file of the document."`
	Task   string `path:"task"`
	Name   string `path:"name"`
}

// getFile sends a file that a task has made. Its content comes from documents that
// nobody vouches for, so browsers are told to save it and to run nothing in it.
func (s *server) getFile(ctx context.Context, in *fileInput) (*huma.StreamResponse, error) {
	doc, err := s.document(ctx, in.DocumentPath)
	if err != nil {
		return nil, err
	}
	objects, err := s.Documents.Objects(ctx, doc.ID, in.Number)
	if err != nil {
		return nil, s.problemOf(ctx, err)
	}
	for _, o := range objects {
		if o.Page != in.Number || o.Task != in.Task || o.Name != in.Name {
			continue
		}
		r, err := s.Objects.Get(ctx, o.Hash)
		if err != nil {
			return nil, s.problemOf(ctx, err)
		}
		return download(o.Name, o.Hash, r, o.MediaType), nil
	}
	p := problem(http.StatusNotFound, api.CodeNotFound, "GET /v1/documents/{id}/files lists the files", "no file %.80q of task %.40q on page %d", in.Name, in.Task, in.Number)
	p.Page = in.Number
	return nil, p
}

// getDocumentSource sends a document as it was submitted, to be saved and not shown.
func (s *server) getDocumentSource(ctx context.Context, in *DocumentPath) (*huma.StreamResponse, error) {
	doc, err := s.document(ctx, *in)
	if err != nil {
		return nil, err
	}
	r, err := s.Objects.Get(ctx, doc.Hash)
	if err != nil {
		return nil, s.problemOf(ctx, err)
	}
	return download(doc.Name, doc.Hash, r, "application/octet-stream"), nil
}

// download streams a file that nobody vouches for.
func download(name, hash string, r io.ReadCloser, mediaType string) *huma.StreamResponse {
	stream := answer(http.StatusOK, fmt.Sprintf("%q", hash[:24]), r, mediaType)
	return &huma.StreamResponse{Body: func(ctx huma.Context) {
		ctx.SetHeader("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": name}))
		ctx.SetHeader("Content-Security-Policy", "sandbox; default-src 'none'")
		stream.Body(ctx)
	}}
}
