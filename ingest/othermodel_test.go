package ingest

import (
	"errors"
	"strings"
	"testing"

	"github.com/riverqueue/river"

	"palimpsest.dev/store"
)

// A run's fingerprint says who read. A worker with another model must leave the page alone, and say what it waits for.
func TestAWorkerLeavesRunsOfAnotherModel(t *testing.T) {
	t.Parallel()
	w, r, _ := reader(t, oneWordEach(left))
	r.work.Run.Fingerprint.Checkpoint = strings.Repeat("9", 64)
	err := w.Work(t.Context(), job(store.ReadArgs{PageRunID: 7}, store.MaxAttempts))
	var snooze *river.JobSnoozeError
	if !errors.As(err, &snooze) {
		t.Errorf("the job is not put back: %v", err)
	}
	if r.committed != nil {
		t.Errorf("committed %+v", r.committed)
	}
	if r.noted == nil || !strings.Contains(r.noted.Message, "checkpoint 999999999999") || !strings.Contains(r.noted.Hint, "--model") {
		t.Errorf("noted %+v", r.noted)
	}
	if m := w.Model.(*scriptModel); m.asked.Load() != 0 {
		t.Error("the model was asked")
	}
}
