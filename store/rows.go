package store

import (
	"context"
	"encoding/json"
	"fmt"
	"math"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"palimpsest.dev/store/internal/db"
)

// maxRowsPerPage bounds what one page may store: a newspaper page has some ten thousand words.
const maxRowsPerPage = 200_000

// insertRows copies a page run's rows into their relations, one COPY for each.
func (s *Store) insertRows(ctx context.Context, tx pgx.Tx, pr db.PageRun, page int, rows []Row) error {
	if len(rows) > maxRowsPerPage {
		return fmt.Errorf("store: page run %d gave %d rows, at most %d: %w", pr.ID, len(rows), maxRowsPerPage, ErrInvalid)
	}
	var order []string
	byRelation := map[string][]Row{}
	for _, r := range rows {
		if byRelation[r.Relation] == nil {
			order = append(order, r.Relation)
		}
		byRelation[r.Relation] = append(byRelation[r.Relation], r)
	}
	for _, name := range order {
		group := byRelation[name]
		used := map[string]bool{}
		for _, r := range group {
			for k := range r.Values {
				used[k] = true
			}
		}
		rel, err := s.relation(ctx, tx, pr.Task, name, used)
		if err != nil {
			return err
		}
		names := []string{"page_run", "page", "seq", "x0", "y0", "x1", "y1", "polygon", "confidence", "source"}
		var columns []Column
		for _, c := range rel.Columns {
			if used[c.Name] {
				columns = append(columns, c)
				names = append(names, c.Name)
			}
		}
		values := make([][]any, len(group))
		for i, r := range group {
			if values[i], err = r.values(pr.ID, page, columns); err != nil {
				return fmt.Errorf("store: rows of %s.%s, page %d of document %s: %w", pr.Task, name, page, pr.Document, err)
			}
		}
		if _, err = tx.CopyFrom(ctx, pgx.Identifier{"task_" + pr.Task, name}, names, pgx.CopyFromRows(values)); err != nil {
			return fmt.Errorf("store: rows of %s.%s, page %d of document %s: %w", pr.Task, name, page, pr.Document, err)
		}
	}
	return nil
}

// values is the row as COPY takes it.
func (r Row) values(pageRun int64, page int, columns []Column) ([]any, error) {
	out := make([]any, 0, 10+len(columns))
	out = append(out, pageRun, page, r.Seq)
	for _, v := range r.Box {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return nil, fmt.Errorf("row %d has box %v: %w", r.Seq, r.Box, ErrInvalid)
		}
		out = append(out, v)
	}
	var polygon json.RawMessage
	if len(r.Polygon) > 0 {
		b, err := json.Marshal(r.Polygon)
		if err != nil {
			return nil, fmt.Errorf("row %d has polygon %v: %w", r.Seq, r.Polygon, ErrInvalid)
		}
		polygon = b
	}
	confidence := pgtype.Float8{Float64: min(max(r.Confidence, 0), 1), Valid: !math.IsNaN(r.Confidence)}
	out = append(out, polygon, confidence, r.Source)
	for _, c := range columns {
		v, err := columnValue(c, r.Values[c.Name])
		if err != nil {
			return nil, fmt.Errorf("row %d, column %s: %w", r.Seq, c.Name, err)
		}
		out = append(out, v)
	}
	return out, nil
}

// columnValue converts what a task gave, which may have passed through JSON or protobuf, to the column's type.
func columnValue(c Column, v any) (any, error) {
	if v == nil {
		return nil, nil
	}
	switch c.Type {
	case "text":
		if s, ok := v.(string); ok {
			return cleanText(s), nil
		}
	case "boolean":
		if b, ok := v.(bool); ok {
			return b, nil
		}
	case "integer":
		if n, ok := integer(v); ok {
			return n, nil
		}
	case "number":
		if f, ok := number(v); ok {
			if math.IsNaN(f) || math.IsInf(f, 0) {
				return nil, nil // has no JSON form; null says as much
			}
			return f, nil
		}
	case "json":
		return cleanJSON(v)
	}
	return nil, fmt.Errorf("%T is not %s: %w", v, c.Type, ErrInvalid)
}

func integer(v any) (int64, bool) {
	switch n := v.(type) {
	case int:
		return int64(n), true
	case int32:
		return int64(n), true
	case int64:
		return n, true
	case json.Number:
		i, err := n.Int64()
		return i, err == nil
	case float64:
		// Every whole number below 2^53 is exact in float64.
		return int64(n), n == math.Trunc(n) && math.Abs(n) < 1<<53
	}
	return 0, false
}

func number(v any) (float64, bool) {
	switch n := v.(type) {
	case float64:
		return n, true
	case float32:
		return float64(n), true
	case json.Number:
		f, err := n.Float64()
		return f, err == nil
	}
	i, ok := integer(v)
	return float64(i), ok
}

// ResultRow is a current row as read back.
type ResultRow struct {
	Page  int
	Run   int64
	Model string
	Row
}

// Cursor is a place in results: everything up to and including this row has been seen.
type Cursor struct{ Page, Seq int }

// Next is the cursor behind the last of the rows.
func Next(rows []ResultRow) Cursor {
	if len(rows) == 0 {
		return Cursor{}
	}
	last := rows[len(rows)-1]
	return Cursor{Page: last.Page, Seq: last.Seq}
}

// maxResults bounds one call of Results.
const maxResults = 10_000

// Results reads current rows of a task's relation in order of page and seq: of one page, or of all for page 0,
// behind the cursor, at most limit of them (0 or more than 10 000 means 10 000). Values hold string, int64, float64,
// bool or decoded JSON, and lack what is null; Confidence is NaN where there is none.
func (s *Store) Results(ctx context.Context, id DocumentID, task, relation string, page int, after Cursor, limit int) ([]ResultRow, error) {
	return s.rows(ctx, task, relation, "pr.current and p.document = $1", string(id), page, after, limit)
}

// RunResults is Results of one run, whether its rows are current or not.
func (s *Store) RunResults(ctx context.Context, run RunStatus, relation string, page int, after Cursor, limit int) ([]ResultRow, error) {
	return s.rows(ctx, run.Task, relation, "pr.run = $1", run.ID, page, after, limit)
}

// rows reads rows of page runs for which the condition holds; $1 in it is of.
func (s *Store) rows(ctx context.Context, task, relation, condition string, of any, page int, after Cursor, limit int) ([]ResultRow, error) {
	rel, err := s.relation(ctx, s.pool, task, relation, nil)
	if err != nil {
		return nil, err
	}
	if limit <= 0 || limit > maxResults {
		limit = maxResults
	}
	query := "select r.page, pr.run, pr.model, r.seq, r.x0, r.y0, r.x1, r.y1, r.polygon, r.confidence, r.source"
	for _, c := range rel.Columns {
		query += ", r." + pgx.Identifier{c.Name}.Sanitize()
	}
	// By the page's number and not the row's own, so that only the pages behind the cursor are visited, in order.
	query += " from " + relationTable(task, relation) + ` r
		join palimpsest.page_run pr on pr.id = r.page_run
		join palimpsest.page p on p.id = pr.page
		where ` + condition + ` and r.seq >= 0 and ($2::integer = 0 or p.number = $2) and p.number >= $3 and (p.number, r.seq) > ($3, $4)
		order by p.number, r.seq limit $5`
	rows, err := s.pool.Query(ctx, query, of, page, after.Page, after.seq(), limit)
	if err != nil {
		return nil, found(err, "rows %s.%s of %v", task, relation, of)
	}
	out, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (ResultRow, error) {
		return scanResult(row, relation, rel.Columns)
	})
	if err != nil {
		return nil, found(err, "rows %s.%s of %v", task, relation, of)
	}
	return out, nil
}

// seq lets the zero cursor stand before rows numbered from 0.
func (c Cursor) seq() int {
	if c == (Cursor{}) {
		return -1
	}
	return c.Seq
}

func scanResult(row pgx.CollectableRow, relation string, columns []Column) (ResultRow, error) {
	r := ResultRow{Row: Row{Relation: relation}}
	var polygon []byte
	var confidence pgtype.Float8
	values := make([]any, len(columns))
	dest := []any{&r.Page, &r.Run, &r.Model, &r.Seq, &r.Box[0], &r.Box[1], &r.Box[2], &r.Box[3], &polygon, &confidence, &r.Source}
	for i := range values {
		dest = append(dest, &values[i])
	}
	if err := row.Scan(dest...); err != nil {
		return r, err
	}
	if r.Confidence = math.NaN(); confidence.Valid {
		r.Confidence = confidence.Float64
	}
	if len(polygon) > 0 {
		if err := json.Unmarshal(polygon, &r.Polygon); err != nil {
			return r, err
		}
	}
	r.Values = make(map[string]any, len(columns))
	for i, c := range columns {
		if values[i] != nil {
			r.Values[c.Name] = values[i]
		}
	}
	return r, nil
}
