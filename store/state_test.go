package store

import (
	"errors"
	"os"
	"path/filepath"
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
	for _, from := range states(DocumentTransitions) {
		for _, to := range states(DocumentTransitions) {
			execSQL(t, s, "update palimpsest.document set state = $1", from)
			_, err := s.q.SettleDocument(ctx, s.pool, db.SettleDocumentParams{ID: string(d.ID), State: to, FromStates: DocumentRevisions.From(DocumentState(to))})
			check(t, err)
			allowed := DocumentRevisions.Allowed(DocumentState(from), DocumentState(to))
			if allowed && !(DocumentState(from).Final() && DocumentState(to).Final()) {
				t.Errorf("a revision moves a document from %s to %s: both must be ends", from, to)
			}
			if now := one[string](t, s, "select state from palimpsest.document"); allowed && now != to || !allowed && now != from {
				t.Errorf("revised document %s to %s: is now %s", from, to, now)
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
			// The statements that move all runs of a document.
			for name, move := range map[string]func(db.DBTX) error{
				"start": func(c db.DBTX) error {
					return s.q.StartRuns(ctx, c, db.StartRunsParams{Document: string(d.ID), State: to, FromStates: RunTransitions.From(RunState(to))})
				},
				"end": func(c db.DBTX) error {
					return s.q.EndRuns(ctx, c, db.EndRunsParams{Document: string(d.ID), State: to, FromStates: RunTransitions.From(RunState(to))})
				},
			} {
				execSQL(t, s, "update palimpsest.run set state = $1", from)
				check(t, move(s.pool))
				if now := one[string](t, s, "select state from palimpsest.run"); allowed && now != to || !allowed && now != from {
					t.Errorf("%s: runs %s to %s: are now %s", name, from, to, now)
				}
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
		"queue": {[]PageState{PageQueued}, func(tx pgx.Tx, to PageState) error {
			_, err := s.q.QueuePageRuns(ctx, tx, db.QueuePageRunsParams{State: string(to), Ids: []int64{pageRun}, FromStates: PageTransitions.From(to)})
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
	if len(reached)+1 != len(PageTransitions) || reached[string(PageWaiting)] { // page runs are born waiting, and never wait again
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

// No statement moves a state past the tables: each names the states it may move from, which the callers take from
// there.
func TestEveryStatementThatMovesAStateAsksTheTable(t *testing.T) {
	t.Parallel()
	moves := regexp.MustCompile(`(?s)update palimpsest\.(\w+)\s+(?:\w+\s+)?set[^;]*\bstate = `)
	files, err := filepath.Glob(filepath.Join("query", "*.sql"))
	check(t, err)
	found := map[string]int{}
	for _, file := range files {
		content, err := os.ReadFile(file)
		check(t, err)
		for statement := range strings.SplitSeq(string(content), ";") {
			m := moves.FindStringSubmatch(statement)
			if m == nil || !setsState(statement) {
				continue
			}
			found[m[1]]++
			if !strings.Contains(statement, "state = any(@from_states::text[])") {
				t.Errorf("%s: a statement moves the state of %s from wherever it is: %s", file, m[1], statement)
			}
		}
	}
	for _, table := range []string{"document", "run", "page_run"} {
		if found[table] == 0 {
			t.Errorf("no statement moves the state of %s: this test looks for the wrong thing", table)
		}
	}
	// Nor are there statements elsewhere; those over tasks' own relations have no states.
	sources, err := filepath.Glob("*.go")
	check(t, err)
	for _, file := range sources {
		content, err := os.ReadFile(file)
		check(t, err)
		if !strings.HasSuffix(file, "_test.go") && moves.Match(content) {
			t.Errorf("%s moves a state by a statement of its own: put it into query/", file)
		}
	}
}

// setsState reports whether an update names the state among what it sets, and not only in its condition.
func setsState(statement string) bool {
	_, set, _ := strings.Cut(statement, "set ")
	set, _, _ = strings.Cut(set, "where")
	return regexp.MustCompile(`(^|[\s,])state = `).MatchString(set)
}

func TestHowThingsBegin(t *testing.T) {
	t.Parallel()
	s := open(t)
	blank, broken := newPage(2), NewPage{Number: 3, Failure: &Failure{Kind: KindBadInput, Message: "torn"}}
	blank.Blank = true
	n := newDocument("a.pdf")
	n.Runs = append(n.Runs, tableRun())
	d, _, err := s.Submit(t.Context(), n)
	check(t, err)
	check(t, s.AddPages(t.Context(), d.ID, []NewPage{newPage(1), blank, broken}))
	births := func(all []string) []string { slices.Sort(all); return all }
	got := []string{one[string](t, s, "select state from palimpsest.document")}
	if want := births(text(DocumentBirths)); !slices.Equal(got, want) {
		t.Errorf("a document begins as %v, the code says %v", got, want)
	}
	got = strings.Split(one[string](t, s, "select string_agg(distinct state, ' ' order by state) from palimpsest.page_run"), " ")
	if want := births(text(PageBirths)); !slices.Equal(got, want) {
		t.Errorf("page runs begin as %v, the code says %v", got, want)
	}
	// AddPages has started the run by now: what it is without a word said is the column's default.
	got = []string{one[string](t, s, `select split_part(column_default, '''', 2) from information_schema.columns
		where table_schema = 'palimpsest' and table_name = 'run' and column_name = 'state'`)}
	if want := births(text(RunBirths)); !slices.Equal(got, want) {
		t.Errorf("a run begins as %v, the code says %v", got, want)
	}
}

func text[S ~string](states []S) []string {
	all := make([]string, len(states))
	for i, s := range states {
		all[i] = string(s)
	}
	return all
}

// Every state can be reached from a beginning, and from every state an end: nothing is stuck by the tables.
func TestNoStateIsStuckOrUnreachable(t *testing.T) {
	t.Parallel()
	wellFormed(t, "document", DocumentTransitions, DocumentBirths)
	wellFormed(t, "run", RunTransitions, RunBirths)
	wellFormed(t, "page run", PageTransitions, PageBirths)
}

func wellFormed[S ~string](t *testing.T, what string, table Transitions[S], births []S) {
	t.Helper()
	reach := func(from ...S) map[S]bool {
		seen := map[S]bool{}
		for len(from) > 0 {
			s := from[0]
			if from = from[1:]; !seen[s] {
				seen[s] = true
				from = append(from, table[s]...)
			}
		}
		return seen
	}
	born := reach(births...)
	for s := range table {
		if !born[s] {
			t.Errorf("%s: nothing leads to %s", what, s)
		}
		ends := false
		for r := range reach(s) {
			ends = ends || table.Final(r)
		}
		if !ends {
			t.Errorf("%s: %s never ends", what, s)
		}
		for _, next := range table[s] {
			if _, known := table[next]; !known {
				t.Errorf("%s: %s leads to %s, which is no state", what, s, next)
			}
		}
	}
}
