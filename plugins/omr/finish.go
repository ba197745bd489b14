package main

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"fmt"
	"strconv"

	"palimpsest.dev/plugins/omr/kern"
	"palimpsest.dev/plugins/omr/midi"
	"palimpsest.dev/plugins/omr/musicxml"
	"palimpsest.dev/task"
)

// Bounds on what Finish hands back.
const (
	maxMovements   = 20       // with files of their own; more of them share a zip
	maxOutputBytes = 48 << 20 // of all files
	maxRemarks     = 128      // notes
	zipMediaType   = "application/zip"
	kernMediaType  = "text/x-humdrum; charset=utf-8"
)

// movement is a run of systems that follow one another.
type movement struct {
	page, system int // where it begins, from 1
	texts        []string
	last         *kern.Score
}

// Finish implements task.Finisher: the document's systems are joined into
// movements, each written as **kern, MusicXML and MIDI. A movement ends with a
// final bar line, where the staves change, where bars are counted from 1 again,
// and where a page or a system could not be read: nothing is joined over a gap.
// Every part of a long document is finished by itself, so a movement also ends
// with its part.
func (omr) Finish(ctx context.Context, doc task.Document) (task.Reading, error) {
	var out task.Reading
	movements, notes, err := movementsOf(ctx, doc)
	if err != nil {
		return task.Reading{}, err
	}
	out.Notes = notes
	if n := len(movements); n > 0 && !doc.Last() && !movements[n-1].last.Ends() {
		out.Notes = append(out.Notes, fmt.Sprintf("a movement may go on behind page %d, where a part of the document ends; it goes on in a file of its own", doc.Pages[len(doc.Pages)-1].Page.Number))
	}
	var files []task.Artifact
	total := 0
	for _, m := range movements {
		if err := ctx.Err(); err != nil {
			return task.Reading{}, err
		}
		made, remarks := m.files(doc.Name)
		out.Notes = append(out.Notes, remarks...)
		for _, f := range made {
			if total+len(f.Content) > maxOutputBytes {
				out.Notes = append(out.Notes, fmt.Sprintf("left out: %s, as the files would pass %d bytes", f.Name, maxOutputBytes))
				continue
			}
			total += len(f.Content)
			files = append(files, f)
		}
	}
	if len(movements) > maxMovements {
		packed, err := pack(files, fmt.Sprintf("movements-p%04d.zip", movements[0].page))
		if err != nil {
			return task.Reading{}, err
		}
		files = []task.Artifact{packed}
	}
	out.Artifacts = files
	if len(out.Notes) > maxRemarks {
		more := len(out.Notes) - maxRemarks
		out.Notes = append(out.Notes[:maxRemarks], fmt.Sprintf("and %d more remarks", more))
	}
	return out, nil
}

// movementsOf groups the systems of a document.
func movementsOf(ctx context.Context, doc task.Document) (all []*movement, notes []string, err error) {
	var open *movement
	for _, p := range doc.Pages {
		if err := ctx.Err(); err != nil {
			return nil, nil, err
		}
		if p.State != "done" && p.State != "blank" {
			open = nil
			continue
		}
		n := 0
		for _, rec := range p.Records {
			if rec.Relation != scoreRelation {
				continue
			}
			n++
			text, _ := rec.Values["kern"].(string)
			s := kern.Read(text, kern.Options{Fragment: true})
			if !s.Whole() {
				open = nil
				notes = append(notes, fmt.Sprintf("page %d, system %d is in no movement: %s", p.Page.Number, n, s.Problems[0].Error()))
				continue
			}
			if open == nil || begins(open.last, s) {
				open = &movement{page: p.Page.Number, system: n}
				all = append(all, open)
			}
			open.texts, open.last = append(open.texts, text), s
		}
	}
	return all, notes, nil
}

// begins reports whether a system begins a movement and does not go on with the
// one before it.
func begins(before, s *kern.Score) bool {
	if before.Ends() || before.Follows(s) != nil {
		return true
	}
	first, last := number(s.Measures, true), number(before.Measures, false)
	return first >= 0 && last > 0 && first <= 1 && first <= last
}

// number is that of the first or last bar that has one, -1 when none has.
func number(measures []kern.Measure, first bool) int {
	found := -1
	for _, m := range measures {
		if n, err := strconv.Atoi(m.Number); err == nil {
			if found = n; first {
				return found
			}
		}
	}
	return found
}

// files writes a movement, with remarks on what is not as it should be.
func (m *movement) files(document string) (out []task.Artifact, notes []string) {
	name := fmt.Sprintf("movement-p%04d-s%02d", m.page, m.system)
	text, err := kern.Join(m.texts)
	if err != nil { // a single system whose spines end one by one stays as it is
		text = m.texts[0]
	}
	s := kern.Read(text, kern.Options{})
	for i, p := range s.Problems {
		if i == 8 {
			notes = append(notes, fmt.Sprintf("%s.krn has %d faults", name, len(s.Problems)))
			break
		}
		notes = append(notes, fmt.Sprintf("%s.krn: %s", name, p.Error()))
	}
	out = append(out, task.Artifact{Name: name + ".krn", MediaType: kernMediaType, Content: []byte(text)})
	title := fmt.Sprintf("%s, page %d, system %d", document, m.page, m.system)
	add := func(ending, media string, content []byte, err error, empty error) {
		switch {
		case errors.Is(err, empty): // nothing but clefs
		case err != nil:
			notes = append(notes, fmt.Sprintf("%s%s was not written: %v", name, ending, err))
		default:
			out = append(out, task.Artifact{Name: name + ending, MediaType: media, Content: content})
		}
	}
	score, err := musicxml.Write(s, musicxml.Source{Title: title, Software: software})
	add(".musicxml", musicxml.MediaType, score, err, musicxml.ErrNoMusic)
	sound, err := midi.Write(s, title)
	add(".mid", midi.MediaType, sound, err, midi.ErrNoMusic)
	return out, notes
}

// pack puts files into a zip, which says nothing of when it was made.
func pack(files []task.Artifact, name string) (task.Artifact, error) {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, f := range files {
		w, err := z.Create(f.Name)
		if err == nil {
			_, err = w.Write(f.Content)
		}
		if err != nil {
			return task.Artifact{}, fmt.Errorf("packing %s: %w", f.Name, err)
		}
	}
	if err := z.Close(); err != nil {
		return task.Artifact{}, fmt.Errorf("packing %s: %w", name, err)
	}
	return task.Artifact{Name: name, MediaType: zipMediaType, Content: b.Bytes()}, nil
}
