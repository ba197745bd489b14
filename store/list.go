package store

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgtype"

	"palimpsest.dev/store/internal/db"
)

// DocumentStatus is a document with how far its current page runs are.
type DocumentStatus struct {
	Document
	Tallies []Tally
}

// Tally counts the current page runs of a task in one state.
type Tally struct {
	Task  string
	State PageState
	Pages int
}

// Document reads a document of the tenant (empty means DefaultTenant). ErrNotFound where the tenant has none of that
// id.
func (s *Store) Document(ctx context.Context, tenant string, id DocumentID) (DocumentStatus, error) {
	if tenant == "" {
		tenant = DefaultTenant
	}
	if _, err := ParseDocumentID(string(id)); err != nil {
		return DocumentStatus{}, fmt.Errorf("store: %w", err)
	}
	row, err := s.q.DocumentOfTenant(ctx, s.pool, db.DocumentOfTenantParams{ID: string(id), Tenant: tenant})
	if err != nil {
		return DocumentStatus{}, found(err, "document %s", id)
	}
	runs, err := s.q.RunsOfDocuments(ctx, s.pool, []string{row.ID})
	if err != nil {
		return DocumentStatus{}, found(err, "runs of document %s", id)
	}
	tallies, err := s.q.PageTallies(ctx, s.pool, row.ID)
	if err != nil {
		return DocumentStatus{}, found(err, "page runs of document %s", id)
	}
	d := DocumentStatus{Document: readDocument(row, runs)}
	for _, t := range tallies {
		d.Tallies = append(d.Tallies, Tally{Task: t.Task, State: PageState(t.State), Pages: int(t.N)})
	}
	return d, nil
}

// ListOptions select documents.
type ListOptions struct {
	State  DocumentState // empty: any
	Before DocumentID    // only older ones: the last id of the list before; empty: from the newest
	Limit  int           // 0 or more than 1000 means 100
}

// lastDocument sorts behind every id.
const lastDocument = "ffffffff-ffff-ffff-ffff-ffffffffffff"

// Documents lists a tenant's documents, newest first, with their runs.
func (s *Store) Documents(ctx context.Context, tenant string, o ListOptions) ([]Document, error) {
	if tenant == "" {
		tenant = DefaultTenant
	}
	before := string(o.Before)
	if before == "" {
		before = lastDocument
	} else if _, err := ParseDocumentID(before); err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	if o.Limit <= 0 || o.Limit > 1000 {
		o.Limit = 100
	}
	rows, err := s.q.ListDocuments(ctx, s.pool, db.ListDocumentsParams{
		Tenant: tenant, State: optional(string(o.State)), Before: before, MaxRows: int32(o.Limit),
	})
	if err != nil {
		return nil, found(err, "documents")
	}
	ids := make([]string, len(rows))
	for i, r := range rows {
		ids[i] = r.ID
	}
	runs, err := s.q.RunsOfDocuments(ctx, s.pool, ids)
	if err != nil {
		return nil, found(err, "runs")
	}
	byDocument := map[string][]db.Run{}
	for _, r := range runs {
		byDocument[r.Document] = append(byDocument[r.Document], r)
	}
	out := make([]Document, len(rows))
	for i, r := range rows {
		out[i] = readDocument(r, byDocument[r.ID])
	}
	return out, nil
}

// PageStatus is a page with its page runs.
type PageStatus struct {
	Page
	Runs []PageRunStatus
}

// PageRunStatus is how far one run over one page is.
type PageRunStatus struct {
	ID       int64
	Run      int64
	Task     string
	State    PageState
	Current  bool
	Attempts int
	Failure  *Failure // also why it is tried again, while it is not final
	Model    string
	Seconds  float64
	Tokens   int
	Notes    []string
	Queued   time.Time
	Started  time.Time // zero until begun
	Finished time.Time // zero until final
}

// Pages reads all pages of a document in order.
func (s *Store) Pages(ctx context.Context, id DocumentID) ([]PageStatus, error) {
	return s.pages(ctx, id, 0)
}

// Page reads one page of a document.
func (s *Store) Page(ctx context.Context, id DocumentID, number int) (PageStatus, error) {
	if number <= 0 {
		return PageStatus{}, fmt.Errorf("store: page %d of document %s: pages count from 1: %w", number, id, ErrNotFound)
	}
	pages, err := s.pages(ctx, id, number)
	if err != nil {
		return PageStatus{}, err
	}
	if len(pages) == 0 {
		return PageStatus{}, fmt.Errorf("store: page %d of document %s: %w", number, id, ErrNotFound)
	}
	return pages[0], nil
}

func (s *Store) pages(ctx context.Context, id DocumentID, number int) ([]PageStatus, error) {
	rows, err := s.q.PagesOfDocument(ctx, s.pool, db.PagesOfDocumentParams{Document: string(id), Number: int32(number)})
	if err != nil {
		return nil, found(err, "pages of document %s", id)
	}
	runs, err := s.q.PageRunsOfDocument(ctx, s.pool, db.PageRunsOfDocumentParams{Document: string(id), Number: int32(number)})
	if err != nil {
		return nil, found(err, "page runs of document %s", id)
	}
	byPage := map[int64][]PageRunStatus{}
	for _, r := range runs {
		byPage[r.Page] = append(byPage[r.Page], readPageRun(r))
	}
	out := make([]PageStatus, len(rows))
	for i, r := range rows {
		out[i] = PageStatus{Page: readPage(r), Runs: byPage[r.ID]}
	}
	return out, nil
}

func readPageRun(r db.PageRunsOfDocumentRow) PageRunStatus {
	p := PageRunStatus{
		ID: r.ID, Run: r.Run, Task: r.Task, State: PageState(r.State), Current: r.Current, Attempts: int(r.Attempts),
		Failure: readFailure(r.Failure), Model: r.Model, Seconds: r.Seconds, Tokens: int(r.Tokens),
		Queued: r.QueuedAt, Started: r.StartedAt.Time, Finished: r.FinishedAt.Time,
	}
	_ = json.Unmarshal(r.Notes, &p.Notes) // written by CommitRead alone
	return p
}

// Objects lists the files made of one page by its current runs, or, for page 0, of all pages and of the document.
func (s *Store) Objects(ctx context.Context, id DocumentID, page int) ([]Object, error) {
	rows, err := s.q.ObjectsOfDocument(ctx, s.pool, db.ObjectsOfDocumentParams{Document: string(id), Number: int32(page)})
	if err != nil {
		return nil, found(err, "objects of document %s", id)
	}
	out := make([]Object, len(rows))
	for i, r := range rows {
		out[i] = Object{Task: r.Task, Page: int(r.Number), Name: r.Name, MediaType: r.MediaType, Hash: r.Hash, Bytes: r.Bytes}
	}
	return out, nil
}

// Named tells which of the hashes anything stored still names. The blob sweep asks it.
func (s *Store) Named(ctx context.Context, hashes []string) (map[string]bool, error) {
	rows, err := s.q.NamedHashes(ctx, s.pool, hashes)
	if err != nil {
		return nil, found(err, "named objects")
	}
	named := make(map[string]bool, len(rows))
	for _, h := range rows {
		named[h] = true
	}
	return named, nil
}

// BlobLocks gives the locks that the blob store's sweep and its writers share across processes (blob.Locker).
func (s *Store) BlobLocks() *BlobLocks { return &BlobLocks{s} }

// BlobLocks are advisory locks, one for each object's hash.
type BlobLocks struct{ s *Store }

// Lock waits for the lock of an object and returns the function that gives it back. The lock also goes with its
// connection, so a killed process holds none.
func (l *BlobLocks) Lock(ctx context.Context, hash string) (unlock func(), err error) {
	select {
	case l.s.blobLocks <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	release := func() { <-l.s.blobLocks }
	conn, err := l.s.pool.Acquire(ctx)
	if err != nil {
		release()
		return nil, found(err, "lock of object %s", hash)
	}
	if _, err := conn.Exec(ctx, "select pg_advisory_lock(hashtextextended('palimpsest object ' || $1, 0))", hash); err != nil {
		// The statement may have been cancelled after it got the lock: only the connection's end is sure to free it.
		_ = conn.Hijack().Close(context.WithoutCancel(ctx))
		release()
		return nil, found(err, "lock of object %s", hash)
	}
	return func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		defer cancel()
		defer release()
		var freed pgtype.Bool
		err := conn.QueryRow(ctx, "select pg_advisory_unlock(hashtextextended('palimpsest object ' || $1, 0))", hash).Scan(&freed)
		if err != nil || !freed.Bool {
			_ = conn.Hijack().Close(ctx)
			return
		}
		conn.Release()
	}, nil
}
