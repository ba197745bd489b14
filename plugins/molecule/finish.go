package main

import (
	"bytes"
	"context"
	"encoding/csv"
	"fmt"
	"strconv"

	"palimpsest.dev/plugins/molecule/molfile"
	"palimpsest.dev/plugins/molecule/smiles"
	"palimpsest.dev/task"
)

// maxFile bounds the structure-data file of one part of a document.
const maxFile = 24 << 20

// columns of molecules.csv.
var columns = []string{"page", "seq", "label", "valid", "smiles", "formula", "mass", "exact_mass", "charge", "text", "reason", "x0", "y0", "x1", "y1", "confidence"}

// Finish implements task.Finisher: all molecules of the document as a
// structure-data file with drawings, and everything that was read as a table.
// Both are made from the stored records.
func (molecule) Finish(ctx context.Context, doc task.Document) (task.Reading, error) {
	var notes []string
	var sdf []byte
	var table bytes.Buffer
	rows := csv.NewWriter(&table)
	if doc.First() {
		if err := rows.Write(columns); err != nil {
			return task.Reading{}, err
		}
	}
	left := 0
	for _, p := range doc.Pages {
		if err := ctx.Err(); err != nil {
			return task.Reading{}, err
		}
		for _, r := range p.Records {
			if r.Relation != "molecule" {
				continue
			}
			if err := rows.Write(row(p.Page.Number, r)); err != nil {
				return task.Reading{}, err
			}
			entry, err := structure(doc, p.Page.Number, r)
			switch {
			case err != nil:
				notes = append(notes, fmt.Sprintf("page %d: molecule %s is not in the structure-data file: %v", p.Page.Number, cell(r, "seq"), err))
			case len(sdf)+len(entry) > maxFile:
				left++
			default:
				sdf = append(sdf, entry...)
			}
		}
	}
	if rows.Flush(); rows.Error() != nil {
		return task.Reading{}, rows.Error()
	}
	if left > 0 {
		notes = append(notes, fmt.Sprintf("left out of the structure-data file, which holds at most %d MiB: %d molecules", maxFile>>20, left))
	}
	if len(notes) > 200 {
		notes = append(notes[:200], fmt.Sprintf("and %d more", len(notes)-200))
	}
	out := task.Reading{Notes: notes}
	if len(sdf) > 0 {
		out.Artifacts = append(out.Artifacts, task.Artifact{Name: "molecules.sdf", MediaType: molfile.MediaType, Content: sdf})
	}
	if table.Len() > 0 {
		out.Artifacts = append(out.Artifacts, task.Artifact{Name: "molecules.csv", MediaType: "text/csv; charset=utf-8; header=present", Content: table.Bytes()})
	}
	return out, nil
}

// row is a record's line of the table.
func row(page int, r task.Record) []string {
	number := func(f float64) string { return strconv.FormatFloat(f, 'f', 1, 64) }
	out := []string{strconv.Itoa(page)}
	for _, name := range columns[1:11] {
		out = append(out, cell(r, name))
	}
	return append(out, number(r.Box.X0), number(r.Box.Y0), number(r.Box.X1), number(r.Box.Y1), strconv.FormatFloat(r.Confidence, 'f', 3, 64))
}

// cell is a value as text, empty for null.
func cell(r task.Record, name string) string {
	switch v := r.Values[name].(type) {
	case string:
		return v
	case int64:
		return strconv.FormatInt(v, 10)
	case int:
		return strconv.Itoa(v)
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	case bool:
		return strconv.FormatBool(v)
	}
	return ""
}

// structure is a record's entry of the structure-data file, nothing for a text
// that is no molecule.
func structure(doc task.Document, page int, r task.Record) ([]byte, error) {
	text, ok := r.Values["smiles"].(string)
	if !ok {
		return nil, nil
	}
	m, err := smiles.Parse(text)
	if err != nil {
		return nil, err
	}
	label := cell(r, "label")
	mol, err := molfile.Write(m, label)
	if err != nil {
		return nil, err
	}
	return molfile.Entry(nil, mol, []molfile.Property{
		{Name: "LABEL", Value: label}, {Name: "SMILES", Value: text}, {Name: "FORMULA", Value: m.Formula()},
		{Name: "MASS", Value: cell(r, "mass")}, {Name: "EXACT_MASS", Value: cell(r, "exact_mass")},
		{Name: "DOCUMENT", Value: doc.Name}, {Name: "PAGE", Value: strconv.Itoa(page)}, {Name: "SEQ", Value: cell(r, "seq")},
		{Name: "BOX", Value: fmt.Sprintf("%.1f %.1f %.1f %.1f", r.Box.X0, r.Box.Y0, r.Box.X1, r.Box.Y1)},
		{Name: "CONFIDENCE", Value: strconv.FormatFloat(r.Confidence, 'f', 3, 64)},
	}), nil
}
