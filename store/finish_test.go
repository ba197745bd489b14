package store

import (
	"context"
	"testing"
	"time"

	"github.com/riverqueue/river"
)

func TestBeginFinishGivesTheDocumentUntilItHasEnded(t *testing.T) {
	t.Parallel()
	s := open(t)
	seen := make(chan Document, 1)
	pipeline{pages: 1, finish: func(ctx context.Context, job *river.Job[FinishArgs]) error {
		d, err := s.BeginFinish(ctx, job.Args.DocumentID)
		if err != nil {
			return err
		}
		seen <- d
		return s.CommitFinish(ctx, job, Finished{})
	}}.work(t, s)
	n := newDocument("a.pdf")
	n.Tenant = "library"
	d, _, err := s.Submit(t.Context(), n)
	check(t, err)
	if got := <-seen; got.ID != d.ID || got.Tenant != "library" || len(got.Runs) != 1 || got.State != DocumentRunning {
		t.Errorf("document to finish: %+v", got)
	}
	deadline := time.Now().Add(patience)
	for one[string](t, s, "select state from palimpsest.document") != string(DocumentComplete) {
		if time.Now().After(deadline) {
			t.Fatal("the document does not end")
		}
	}
	_, err = s.BeginFinish(t.Context(), d.ID)
	wantErr(t, err, ErrFinal)
	_, err = s.BeginFinish(t.Context(), newDocumentID(time.Now()))
	wantErr(t, err, ErrNotFound)
}
