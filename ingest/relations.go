package ingest

import (
	"math"

	"palimpsest.dev/store"
	"palimpsest.dev/task"
)

// placeColumn is a record's place within page and relation, which the store
// gives every row. A task may declare it, to say what its own rows refer to;
// it is the order in which the task gives its records, from 0.
const placeColumn = "seq"

// Schema gives the store's form of the relations a task declares.
func Schema(info task.Info) store.TaskSchema {
	schema := store.TaskSchema{Task: info.Name, Version: info.Version}
	for _, r := range info.Relations {
		rel := store.Relation{Name: r.Name, Summary: r.Summary}
		for _, c := range r.Columns {
			if c.Name != placeColumn {
				rel.Columns = append(rel.Columns, store.Column{Name: c.Name, Type: string(c.Type), Summary: c.Summary})
			}
		}
		schema.Relations = append(schema.Relations, rel)
	}
	return schema
}

// rowsOf gives the store's form of records, numbered within their relation.
func rowsOf(records []task.Record) []store.Row {
	rows := make([]store.Row, len(records))
	place := map[string]int{}
	for i, r := range records {
		rows[i] = store.Row{Relation: r.Relation, Seq: place[r.Relation], Box: boxOf(r.Box), Confidence: r.Confidence,
			Source: r.Source, Values: make(map[string]any, len(r.Values))}
		if r.Source == task.SourceTextLayer {
			rows[i].Confidence = math.NaN() // the model was not asked: no confidence, not a perfect one
		}
		place[r.Relation]++
		for name, v := range r.Values {
			if name != placeColumn {
				rows[i].Values[name] = v
			}
		}
		for _, p := range r.Polygon {
			rows[i].Polygon = append(rows[i].Polygon, [2]float64{p.X, p.Y})
		}
	}
	return rows
}
