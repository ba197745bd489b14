package store

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/jackc/pgx/v5"

	"palimpsest.dev/store/internal/db"
)

// TaskSchema is what a task says it will store.
type TaskSchema struct {
	Task      string
	Version   string
	Relations []Relation
}

// Relation is one kind of record. Its rows live in task_<task>.<name>; public.<task>_<name> shows the current ones.
type Relation struct {
	Name    string
	Summary string
	Columns []Column
}

// Column is one value of a record. Every column may be null.
type Column struct {
	Name    string `json:"name"`
	Type    string `json:"type"` // text, integer, number, boolean or json
	Summary string `json:"summary"`
}

// columnTypes maps a column's type to Postgres.
var columnTypes = map[string]string{
	"text": "text", "integer": "bigint", "number": "double precision", "boolean": "boolean", "json": "jsonb",
}

// hostColumns come with every record; a task may not declare a column of such a name.
var hostColumns = []string{
	"id", "page_run", "document", "page", "seq", "x0", "y0", "x1", "y1", "polygon", "confidence", "source",
	"document_name", "tenant", "model", "run",
}

var columnForm = regexp.MustCompile(`^[a-z][a-z0-9_]{0,62}$`)

const (
	maxRelations = 64
	maxColumns   = 200
)

// check refuses names that are no plain identifiers: they become parts of statements. The lengths taken together stay
// below Postgres' 63 bytes.
func (t TaskSchema) check() error {
	if !taskForm.MatchString(t.Task) {
		return fmt.Errorf("store: %.40q is not the name of a task: %w", t.Task, ErrInvalid)
	}
	if len(t.Relations) > maxRelations {
		return fmt.Errorf("store: task %s declares %d relations, at most %d: %w", t.Task, len(t.Relations), maxRelations, ErrInvalid)
	}
	seen := map[string]bool{}
	for _, r := range t.Relations {
		if !taskForm.MatchString(r.Name) || seen[r.Name] {
			return fmt.Errorf("store: task %s: relation name %.40q is no identifier or stands twice: %w", t.Task, r.Name, ErrInvalid)
		}
		seen[r.Name] = true
		if len(r.Columns) > maxColumns {
			return fmt.Errorf("store: relation %s.%s has %d columns, at most %d: %w", t.Task, r.Name, len(r.Columns), maxColumns, ErrInvalid)
		}
		columns := map[string]bool{}
		for _, c := range r.Columns {
			switch {
			case !columnForm.MatchString(c.Name) || columns[c.Name]:
				return fmt.Errorf("store: relation %s.%s: column name %.40q is no identifier or stands twice: %w", t.Task, r.Name, c.Name, ErrInvalid)
			case slices.Contains(hostColumns, c.Name):
				return fmt.Errorf("store: relation %s.%s: column %s comes with every record and may not be declared: %w", t.Task, r.Name, c.Name, ErrInvalid)
			case columnTypes[c.Type] == "":
				return fmt.Errorf("store: relation %s.%s: column %s has type %.20q; known are text, integer, number, boolean, json: %w", t.Task, r.Name, c.Name, c.Type, ErrInvalid)
			}
			columns[c.Name] = true
		}
	}
	return nil
}

// EnsureRelations makes the tables and views of a task's relations, or widens those of an earlier version. Columns are
// only ever added: one that a version no longer declares stays, and one that changes its type is ErrConflict, because
// rows read before must keep their meaning. It may be called by many processes at once, at every start.
func (s *Store) EnsureRelations(ctx context.Context, t TaskSchema) error {
	if err := t.check(); err != nil {
		return err
	}
	err := s.tx(ctx, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, "select pg_advisory_xact_lock(hashtextextended('palimpsest relations', 0))"); err != nil {
			return fmt.Errorf("store: relations of %s: %w", t.Task, err)
		}
		installed, err := s.loadRelations(ctx, tx, t.Task)
		if err != nil {
			return err
		}
		for _, r := range t.Relations {
			if err := s.ensureRelation(ctx, tx, t, r, installed[r.Name]); err != nil {
				return err
			}
		}
		return nil
	})
	s.relations.forget(t.Task)
	return err
}

func (s *Store) ensureRelation(ctx context.Context, tx pgx.Tx, t TaskSchema, r Relation, old *Relation) error {
	name := t.Task + "." + r.Name
	merged, err := mergeColumns(name, old, r.Columns)
	if err != nil {
		return err
	}
	if old != nil && old.Summary == r.Summary && slices.Equal(old.Columns, merged) {
		return nil // the usual case at every start: nothing to do
	}
	var other string
	err = tx.QueryRow(ctx, "select task from palimpsest.relation where task || '_' || name = $1 and task <> $2", t.Task+"_"+r.Name, t.Task).Scan(&other)
	if err == nil {
		return fmt.Errorf("store: relation %s would have the same view as one of task %s: %w", name, other, ErrConflict)
	}
	added := merged
	if old != nil {
		added = merged[len(old.Columns):]
	}
	for _, stmt := range relationDDL(t.Task, Relation{Name: r.Name, Summary: r.Summary, Columns: merged}, added) {
		if _, err := tx.Exec(ctx, stmt); err != nil {
			return fmt.Errorf("store: relation %s: %w", name, err)
		}
	}
	columns, _ := json.Marshal(merged) // strings only
	err = s.q.UpsertRelation(ctx, tx, db.UpsertRelationParams{
		Task: t.Task, Name: r.Name, Version: cleanText(t.Version), Summary: cleanText(r.Summary), Columns: columns,
	})
	if err != nil {
		return fmt.Errorf("store: relation %s: %w", name, err)
	}
	return nil
}

// mergeColumns is the old columns in their order, then those that are new.
func mergeColumns(name string, old *Relation, declared []Column) ([]Column, error) {
	var merged []Column
	if old != nil {
		merged = slices.Clone(old.Columns)
	}
	for _, c := range declared {
		c.Summary = cleanText(c.Summary)
		i := slices.IndexFunc(merged, func(m Column) bool { return m.Name == c.Name })
		switch {
		case i < 0:
			merged = append(merged, c)
		case merged[i].Type != c.Type:
			return nil, fmt.Errorf("store: column %s of relation %s is %s and cannot become %s; give the new column another name: %w",
				c.Name, name, merged[i].Type, c.Type, ErrConflict)
		default:
			merged[i].Summary = c.Summary
		}
	}
	return merged, nil
}

// relationDDL is the statements that make or widen a relation. Every name in them has passed check and is quoted.
func relationDDL(task string, r Relation, added []Column) []string {
	schema := pgx.Identifier{"task_" + task}.Sanitize()
	table := relationTable(task, r.Name)
	view := pgx.Identifier{"public", task + "_" + r.Name}.Sanitize()
	stmts := []string{
		"create schema if not exists " + schema,
		"comment on schema " + schema + " is " + literal("Rows of task "+task+", of all runs; views public."+task+"_* show the current ones."),
		`create table if not exists ` + table + ` (
			page_run bigint not null references palimpsest.page_run on delete cascade,
			page integer not null,
			seq integer not null,
			x0 double precision not null, y0 double precision not null, x1 double precision not null, y1 double precision not null,
			polygon jsonb,
			confidence double precision,
			source text not null check (source in ('model', 'text_layer', 'person')),
			primary key (page_run, seq))`, // the one index: a document's rows are found through its page runs
	}
	for _, c := range added {
		stmts = append(stmts, "alter table "+table+" add column "+pgx.Identifier{c.Name}.Sanitize()+" "+columnTypes[c.Type])
	}
	// Columns of the view may only be added at its end (create or replace), so the task's own stand last.
	columns := []string{
		"d.name as document_name", "r.page", "r.seq", "r.x0", "r.y0", "r.x1", "r.y1", "r.confidence", "r.source", "pr.model",
		"r.polygon", "pr.document", "pr.run", "r.page_run", "d.tenant",
	}
	for _, c := range r.Columns {
		columns = append(columns, "r."+pgx.Identifier{c.Name}.Sanitize())
	}
	stmts = append(stmts, "create or replace view "+view+" as select "+strings.Join(columns, ", ")+" from "+table+` r
		join palimpsest.page_run pr on pr.id = r.page_run and pr.current
		join palimpsest.document d on d.id = pr.document
		where r.seq >= 0`) // below are what was read before somebody corrected it
	for target, kind := range map[string]string{table: "table", view: "view"} {
		stmts = append(stmts, "comment on "+kind+" "+target+" is "+literal(r.Summary))
		for name, summary := range hostColumnSummaries {
			if name == "document" && kind == "table" {
				continue
			}
			stmts = append(stmts, "comment on column "+target+"."+name+" is "+literal(summary))
		}
		for _, c := range r.Columns {
			stmts = append(stmts, "comment on column "+target+"."+pgx.Identifier{c.Name}.Sanitize()+" is "+literal(c.Summary))
		}
	}
	return stmts
}

var hostColumnSummaries = map[string]string{
	"page_run":   "The run over the page that gave the row.",
	"document":   "Id of the document.",
	"page":       "Page number, from 1.",
	"seq":        "Order within the page, from the task.",
	"x0":         "Left edge in pixels of the upright page raster, origin top left.",
	"y0":         "Upper edge.",
	"x1":         "Right edge, exclusive.",
	"y1":         "Lower edge, exclusive.",
	"polygon":    "Outline [[x,y]...] where a box says too little, as on a rotated source; otherwise null.",
	"confidence": "0 to 1; null where there is none.",
	"source":     "model: read from the pixels. text_layer: copied from the source's own text. person: drawn or corrected by hand.",
}

func relationTable(task, relation string) string {
	return pgx.Identifier{"task_" + task, relation}.Sanitize()
}

// literal quotes a string constant; comments take no parameters.
func literal(s string) string {
	return "'" + strings.ReplaceAll(cleanText(s), "'", "''") + "'"
}

// relationCache remembers the installed relations of tasks. Another process may widen one meanwhile; then a column is
// missing here, and the caller forgets the task and looks again.
type relationCache struct {
	mu    sync.Mutex
	tasks map[string]map[string]*Relation
}

func (c *relationCache) get(task string) map[string]*Relation {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.tasks[task]
}

func (c *relationCache) put(task string, r map[string]*Relation) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.tasks == nil {
		c.tasks = map[string]map[string]*Relation{}
	}
	c.tasks[task] = r
}

func (c *relationCache) forget(task string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.tasks, task)
}

func (s *Store) loadRelations(ctx context.Context, conn db.DBTX, task string) (map[string]*Relation, error) {
	rows, err := s.q.RelationsOfTask(ctx, conn, task)
	if err != nil {
		return nil, found(err, "relations of %s", task)
	}
	relations := make(map[string]*Relation, len(rows))
	for _, row := range rows {
		r := &Relation{Name: row.Name, Summary: row.Summary}
		if err := json.Unmarshal(row.Columns, &r.Columns); err != nil {
			return nil, fmt.Errorf("store: relation %s.%s: %w", task, row.Name, err)
		}
		relations[row.Name] = r
	}
	return relations, nil
}

// relation finds an installed relation that has all the columns.
func (s *Store) relation(ctx context.Context, conn db.DBTX, task, name string, columns map[string]bool) (*Relation, error) {
	r := s.relations.get(task)[name]
	if r == nil || !r.has(columns) {
		all, err := s.loadRelations(ctx, conn, task)
		if err != nil {
			return nil, err
		}
		s.relations.put(task, all)
		r = all[name]
	}
	if r == nil {
		return nil, fmt.Errorf("store: task %.40q has no relation %.40q: %w", task, name, ErrNotFound)
	}
	if !r.has(columns) {
		return nil, fmt.Errorf("store: relation %s.%s has no column for one of %v: %w", task, name, keys(columns), ErrInvalid)
	}
	return r, nil
}

func (r *Relation) has(columns map[string]bool) bool {
	n := 0
	for _, c := range r.Columns {
		if columns[c.Name] {
			n++
		}
	}
	return n == len(columns)
}

func keys(m map[string]bool) []string {
	var out []string
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}
