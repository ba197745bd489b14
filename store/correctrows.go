package store

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"palimpsest.dev/store/internal/db"
)

// How corrections become rows. A page run that corrections are in force over holds two sets of rows: those it read, under
// the numbers -1 - seq, and those that stand, from 0. The second set is made anew from the first and all corrections in their
// order, whenever one is added or undone, and when a later run has read the page. So it never depends on what was
// corrected when, and undoing is exact.

// samePlace is the share of their union that two boxes have in common when they are one row's.
const samePlace = 1.0 / 3

// standing is the row that covers a place best; -1 where none does.
func standing(rows []Row, place [4]float64) int {
	best, most := -1, samePlace
	for i, r := range rows {
		both := shared(r.Box, place)
		if union := area(r.Box) + area(place) - both; union > 0 && both/union >= most {
			best, most = i, both/union
		}
	}
	return best
}

// dependents names the relations whose rows belong to a row of another, by the column that holds its seq: they go with it.
var dependents = map[string]map[string]map[string]string{
	"table": {"table": {"cell": "table_seq"}},
	"omr":   {"score": {"note": "score"}},
	"cxr":   {"report": {"sentence": "report_seq", "finding": "report_seq"}},
}

// corrected applies corrections to the rows that a run has read of a page.
func corrected(task string, rows []Row, all []Correction) []Row {
	byRelation := map[string][]Row{}
	var order []string
	for _, r := range rows {
		if byRelation[r.Relation] == nil {
			order = append(order, r.Relation)
		}
		byRelation[r.Relation] = append(byRelation[r.Relation], r)
	}
	for _, name := range order {
		slices.SortStableFunc(byRelation[name], func(a, b Row) int { return cmp.Compare(a.Seq, b.Seq) })
	}
	touched := map[string]bool{}
	for _, c := range all {
		if c.Undone {
			continue
		}
		for _, r := range c.rows {
			if !slices.Contains(order, r.Relation) {
				order = append(order, r.Relation)
			}
		}
		touched[c.Relation] = true
		switch c.Kind {
		case CorrectChange, CorrectAdd:
			put(byRelation, c)
		case CorrectRemove:
			take(task, byRelation, c)
		case CorrectAnswer:
			answer(task, byRelation, c)
		}
	}
	if task == "ocr" && touched["word"] {
		byRelation["word"], byRelation["line"] = lines(byRelation["word"], byRelation["line"])
		if !slices.Contains(order, "line") && len(byRelation["line"]) > 0 {
			order = append(order, "line")
		}
	}
	var out []Row
	for _, name := range order {
		out = append(out, byRelation[name]...)
	}
	return out
}

// row is a kept row as it stands.
func (c correctedRow) row() Row {
	return Row{Relation: c.Relation, Box: c.Box, Polygon: c.Polygon, Confidence: 1, Source: sourcePerson, Values: clone(c.Values)}
}

func clone(values map[string]any) map[string]any {
	out := make(map[string]any, len(values))
	for k, v := range values {
		out[k] = v
	}
	return out
}

// next is a number that no row has yet.
func next(rows []Row) int {
	n := 0
	for _, r := range rows {
		n = max(n, r.Seq+1)
	}
	return n
}

// put lays a row over the one at its place, or adds it: what a person saw is there whether a run saw it or not.
func put(rows map[string][]Row, c Correction) {
	kept := c.rows[0]
	of := rows[c.Relation]
	i := standing(of, c.Place)
	if i < 0 {
		r := kept.row()
		r.Seq = next(of)
		rows[c.Relation] = append(of, r)
		return
	}
	r := of[i]
	r.Confidence, r.Source, r.Values = 1, sourcePerson, clone(r.Values)
	values := kept.Set
	if c.Kind == CorrectAdd {
		values = kept.Values
	}
	for k, v := range values {
		r.Values[k] = v
	}
	if c.Kind == CorrectAdd || kept.Moved {
		r.Box, r.Polygon = kept.Box, kept.Polygon
	}
	of[i] = r
}

// take removes the row at a place, with those that belong to it.
func take(task string, rows map[string][]Row, c Correction) {
	i := standing(rows[c.Relation], c.Place)
	if i < 0 {
		return
	}
	seq := rows[c.Relation][i].Seq
	rows[c.Relation] = slices.Delete(slices.Clone(rows[c.Relation]), i, i+1)
	for relation, column := range dependents[task][c.Relation] {
		rows[relation] = slices.DeleteFunc(slices.Clone(rows[relation]), func(r Row) bool {
			n, ok := integer(r.Values[column])
			return ok && int(n) == seq
		})
	}
}

// answer replaces the row at a place, and what belongs to it, by the rows of a correction.
func answer(task string, rows map[string][]Row, c Correction) {
	seq := next(rows[c.Relation])
	if i := standing(rows[c.Relation], c.Place); i >= 0 {
		seq = rows[c.Relation][i].Seq
		take(task, rows, c)
	}
	owned := dependents[task][c.Relation]
	for _, kept := range c.rows {
		r := kept.row()
		if column := owned[kept.Relation]; column != "" {
			r.Values[column], r.Seq = int64(seq), next(rows[kept.Relation])
		} else {
			if slices.ContainsFunc(rows[kept.Relation], func(o Row) bool { return o.Seq == seq }) {
				seq = next(rows[kept.Relation]) // an answer that says two
			}
			r.Seq = seq
		}
		rows[kept.Relation] = append(rows[kept.Relation], r)
	}
	slices.SortStableFunc(rows[c.Relation], func(a, b Row) int { return cmp.Compare(a.Seq, b.Seq) })
}

// line is one of a page with its words.
type line struct {
	row   Row
	words []Row
}

// say makes the line's row of its words.
func (l *line) say(seq int) {
	var texts []string
	persons := 0
	box := l.words[0].Box
	for _, w := range l.words {
		text, _ := w.Values["text"].(string)
		texts = append(texts, text)
		if w.Source == sourcePerson {
			persons++
		}
		box = [4]float64{min(box[0], w.Box[0]), min(box[1], w.Box[1]), max(box[2], w.Box[2]), max(box[3], w.Box[3])}
	}
	was, _ := integer(l.row.Values["words"])
	edited := persons > 0 || int(was) != len(l.words)
	l.row.Seq = seq
	if !edited {
		return
	}
	l.row.Box, l.row.Polygon = box, nil
	l.row.Values["text"], l.row.Values["words"] = strings.Join(texts, " "), int64(len(texts))
	if persons == len(l.words) {
		l.row.Source, l.row.Confidence = sourcePerson, 1
	}
}

// lines puts words that came without a line into one, says of every line what its words say now, drops those that have none
// left, and numbers all in reading order.
func lines(words, old []Row) (newWords, newLines []Row) {
	var all []*line
	bySeq := map[int]*line{}
	for _, r := range old {
		l := &line{row: r}
		l.row.Values = clone(r.Values)
		all = append(all, l)
		bySeq[r.Seq] = l
	}
	nearest := func(w Row) *line {
		var best *line
		most := 0.5
		for _, l := range all {
			b := l.row.Box
			overlap := (min(b[3], w.Box[3]) - max(b[1], w.Box[1])) / max(1e-9, min(b[3]-b[1], w.Box[3]-w.Box[1]))
			gap := max(b[0]-w.Box[2], w.Box[0]-b[2])
			if overlap > most && gap < 3*(w.Box[3]-w.Box[1]) {
				best, most = l, overlap
			}
		}
		return best
	}
	for _, w := range words {
		n, told := integer(w.Values["line"])
		l := bySeq[int(n)]
		if !told || l == nil {
			if l = nearest(w); l == nil {
				l = &line{row: Row{Relation: "line", Box: w.Box, Confidence: 1, Source: sourcePerson, Values: map[string]any{}}}
				at := slices.IndexFunc(all, func(o *line) bool { return o.row.Box[1] > (w.Box[1]+w.Box[3])/2 })
				if at < 0 {
					at = len(all)
				}
				for _, near := range all[max(0, at-1):min(len(all), max(1, at))] {
					l.row.Values["block"], l.row.Values["paragraph"] = near.row.Values["block"], near.row.Values["paragraph"]
				}
				all = slices.Insert(all, at, l)
			}
			at := slices.IndexFunc(l.words, func(o Row) bool { return o.Box[0] > w.Box[0] })
			if at < 0 {
				at = len(l.words)
			}
			w.Values = clone(w.Values)
			if b, ok := l.row.Values["block"]; ok {
				w.Values["block"] = b
			}
			l.words = slices.Insert(l.words, at, w)
			continue
		}
		l.words = append(l.words, w)
	}
	for _, l := range all {
		if len(l.words) == 0 {
			continue
		}
		l.say(len(newLines))
		for _, w := range l.words {
			w.Seq, w.Values = len(newWords), clone(w.Values)
			w.Values["line"] = int64(len(newLines))
			newWords = append(newWords, w)
		}
		newLines = append(newLines, l.row)
	}
	return newWords, newLines
}

// correctRows makes the rows of a page run that stand. all are the corrections of its page and task.
func (s *Store) correctRows(ctx context.Context, tx pgx.Tx, pr db.PageRun, page int, all []Correction) error {
	force := 0
	for _, c := range all {
		if !c.Undone && c.Kind != CorrectUndo {
			force++
		}
	}
	if force == 0 && pr.Corrections == 0 {
		return nil
	}
	relations, err := s.loadRelations(ctx, tx, pr.Task)
	if err != nil {
		return err
	}
	var read []Row
	for _, name := range keys(present(relations)) {
		table := relationTable(pr.Task, name)
		if pr.Corrections > 0 { // what stands is made anew
			if _, err := tx.Exec(ctx, "delete from "+table+" where page_run = $1 and seq >= 0", pr.ID); err != nil {
				return fmt.Errorf("store: corrected rows of %s: %w", table, err)
			}
		}
		if pr.Corrections > 0 != (force > 0) {
			if _, err := tx.Exec(ctx, "update "+table+" set seq = -1 - seq where page_run = $1", pr.ID); err != nil {
				return fmt.Errorf("store: rows of %s: %w", table, err)
			}
		}
		rows, err := s.pageRows(ctx, tx, pr.Task, pr.ID, name, force > 0)
		if err != nil {
			return err
		}
		read = append(read, rows...)
	}
	stand := read
	if force > 0 {
		stand = corrected(pr.Task, read, all)
		if err := s.insertRows(ctx, tx, pr, page, stand); err != nil {
			return err
		}
	}
	err = s.q.CorrectPageRun(ctx, tx, db.CorrectPageRunParams{ID: pr.ID, Corrections: int32(force), Records: pgtype.Int4{Int32: int32(len(stand)), Valid: true},
		Confidence: meanConfidence(stand)})
	if err != nil {
		return fmt.Errorf("store: page run %d: %w", pr.ID, err)
	}
	return nil
}

func present(relations map[string]*Relation) map[string]bool {
	out := map[string]bool{}
	for name := range relations {
		out[name] = true
	}
	return out
}

// pageRows reads the rows of a page run in order: those that stand, or those that it read itself where corrections are in
// force over it.
func (s *Store) pageRows(ctx context.Context, tx pgx.Tx, task string, pageRun int64, relation string, read bool) ([]Row, error) {
	rel, err := s.relation(ctx, tx, task, relation, nil)
	if err != nil {
		return nil, err
	}
	seq, which := "r.seq", "r.seq >= 0"
	if read {
		seq, which = "-1 - r.seq", "r.seq < 0"
	}
	query := "select r.page, 0::bigint, '', " + seq + ", r.x0, r.y0, r.x1, r.y1, r.polygon, r.confidence, r.source"
	for _, c := range rel.Columns {
		query += ", r." + pgx.Identifier{c.Name}.Sanitize()
	}
	rows, err := tx.Query(ctx, query+" from "+relationTable(task, relation)+" r where r.page_run = $1 and "+which+" order by 4", pageRun)
	if err != nil {
		return nil, found(err, "rows of page run %d", pageRun)
	}
	out, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (Row, error) {
		r, err := scanResult(row, relation, rel.Columns)
		return r.Row, err
	})
	if err != nil {
		return nil, found(err, "rows of page run %d", pageRun)
	}
	return out, nil
}

// correctRead applies the corrections of a page to what a run has just read of it.
func (s *Store) correctRead(ctx context.Context, tx pgx.Tx, pageRun int64) error {
	row, err := s.q.PageRunByID(ctx, tx, pageRun)
	if err != nil {
		return found(err, "page run %d", pageRun)
	}
	switch PageState(row.PageRun.State) {
	case PageDone, PageBlank, PageUnreadable:
	default:
		return nil // nothing was read
	}
	all, err := s.correctionsOf(ctx, tx, row.PageRun.Document, row.Number, row.PageRun.Task)
	if err != nil || len(all) == 0 {
		return err
	}
	return s.correctRows(ctx, tx, row.PageRun, int(row.Number), all)
}
