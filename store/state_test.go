package store

import (
	"errors"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"palimpsest.dev/store/internal/db"
)

// states lists every state of a table, sorted.
func states[S ~string](t Transitions[S]) []string {
	var all []string
	for s := range t {
		all = append(all, string(s))
	}
	slices.Sort(all)
	return all
}

// checked reads the states a column's CHECK constraint lets in.
func checked(t *testing.T, s *Store, table string) []string {
	t.Helper()
	def := one[string](t, s, "select pg_get_constraintdef(oid) from pg_constraint where conname = $1", table+"_state_check")
	var all []string
	for _, m := range regexp.MustCompile(`'([a-z]+)'`).FindAllStringSubmatch(def, -1) {
		all = append(all, m[1])
	}
	slices.Sort(all)
	return all
}

func TestTheDatabaseKnowsTheSameStates(t *testing.T) {
	t.Parallel()
	s := open(t)
	for table, want := range map[string][]string{
		"document": states(DocumentTransitions), "run": states(RunTransitions), "page_run": states(PageTransitions),
	} {
		if got := checked(t, s, table); !slices.Equal(got, want) {
			t.Errorf("table %s: the database allows %v, the code %v", table, got, want)
		}
	}
	def := one[string](t, s, "select pg_get_constraintdef(oid) from pg_constraint where conname = 'document_failure_check'")
	for _, k := range Kinds {
		if !strings.Contains(def, "'"+string(k)+"'") {
			t.Errorf("the database does not know failure kind %s: %s", k, def)
		}
	}
}

// Every pair of states is tried: the move must happen exactly when the table has it.
func TestEveryMoveAgainstTheDatabase(t *testing.T) {
	t.Parallel()
	s := open(t)
	ctx := t.Context()
	d := submit(t, s, "a.pdf")
	check(t, s.AddPages(ctx, d.ID, []NewPage{newPage(1)}))
	pageRun := one[int64](t, s, "select id from palimpsest.page_run")
	run := d.Runs[0].ID

	for _, from := range states(DocumentTransitions) {
		for _, to := range states(DocumentTransitions) {
			execSQL(t, s, "update palimpsest.document set state = $1", from)
			err := s.tx(ctx, func(tx pgx.Tx) error { return s.moveDocument(ctx, tx, d.ID, DocumentState(to), nil) })
			allowed := DocumentTransitions.Allowed(DocumentState(from), DocumentState(to))
			want := error(nil)
			if !allowed {
				want = ErrConflict
				if DocumentState(from).Final() {
					want = ErrFinal
				}
			}
			now := one[string](t, s, "select state from palimpsest.document")
			if !errors.Is(err, want) || allowed && now != to || !allowed && now != from {
				t.Errorf("document %s to %s: %v, is now %s", from, to, err, now)
			}
		}
	}
	for _, from := range states(RunTransitions) {
		for _, to := range states(RunTransitions) {
			execSQL(t, s, "update palimpsest.run set state = $1", from)
			check(t, s.tx(ctx, func(tx pgx.Tx) error { return s.moveRun(ctx, tx, run, RunState(to)) }))
			allowed := RunTransitions.Allowed(RunState(from), RunState(to))
			if now := one[string](t, s, "select state from palimpsest.run"); allowed && now != to || !allowed && now != from {
				t.Errorf("run %s to %s: is now %s", from, to, now)
			}
		}
	}
	// Each statement that moves page runs, and the states it can move to.
	moves := map[string]struct {
		to   []PageState
		move func(tx pgx.Tx, to PageState) error
	}{
		"start": {[]PageState{PageRunning}, func(tx pgx.Tx, to PageState) error {
			_, err := s.q.StartPageRun(ctx, tx, db.StartPageRunParams{ID: pageRun, FromStates: PageTransitions.From(to)})
			return err
		}},
		"requeue": {[]PageState{PageQueued}, func(tx pgx.Tx, to PageState) error {
			_, err := s.q.RequeuePageRun(ctx, tx, db.RequeuePageRunParams{ID: pageRun, FromStates: PageTransitions.From(to)})
			return err
		}},
		"finish": {[]PageState{PageDone, PageBlank, PageUnreadable, PageFailed}, func(tx pgx.Tx, to PageState) error {
			_, err := s.q.FinishPageRun(ctx, tx, db.FinishPageRunParams{ID: pageRun, State: string(to), Notes: []byte("[]"), FromStates: PageTransitions.From(to)})
			return err
		}},
		"end": {[]PageState{PageCancelled}, func(tx pgx.Tx, to PageState) error {
			_, err := s.q.EndPageRuns(ctx, tx, db.EndPageRunsParams{Document: string(d.ID), State: string(to), FromStates: PageTransitions.From(to)})
			return err
		}},
	}
	reached := map[string]bool{}
	for name, m := range moves {
		for _, to := range m.to {
			reached[string(to)] = true
			for _, from := range states(PageTransitions) {
				execSQL(t, s, "update palimpsest.page_run set state = $1", from)
				check(t, s.tx(ctx, func(tx pgx.Tx) error { return m.move(tx, to) }))
				allowed := PageTransitions.Allowed(PageState(from), to)
				if now := one[string](t, s, "select state from palimpsest.page_run"); allowed && now != string(to) || !allowed && now != from {
					t.Errorf("%s: page run %s to %s: is now %s", name, from, to, now)
				}
			}
		}
	}
	if len(reached) != len(PageTransitions) {
		t.Errorf("statements reach %v of %v", reached, states(PageTransitions))
	}
}

func TestFinalStatesAreFinal(t *testing.T) {
	t.Parallel()
	for _, s := range []DocumentState{DocumentComplete, DocumentPartial, DocumentFailed, DocumentCancelled} {
		if !s.Final() {
			t.Errorf("document state %s is not final", s)
		}
	}
	for _, s := range []PageState{PageDone, PageBlank, PageUnreadable, PageFailed, PageCancelled} {
		if !s.Final() {
			t.Errorf("page state %s is not final", s)
		}
	}
	for _, s := range []RunState{RunComplete, RunPartial, RunFailed, RunCancelled} {
		if !s.Final() {
			t.Errorf("run state %s is not final", s)
		}
	}
}
