package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"palimpsest.dev/plugins/molecule/drawing"
	"palimpsest.dev/plugins/molecule/smiles"
	"palimpsest.dev/task"
	"palimpsest.dev/task/loc"
)

// maxMolecules bounds what is kept of one page.
const maxMolecules = 2000

// drawn is one molecule of a page.
type drawn struct {
	text, label string
	box         task.Box
	confidence  float64
	cut         string // why the text is not whole, "" when it is
	bins        int    // of the places in front of its atoms; 0 where the text is SMILES
	molecule    *smiles.Molecule
	canonical   string
	fault       *smiles.Error
}

// sighting is what the answers of a page come to.
type sighting struct {
	molecules  []drawn
	notes      []string
	unreadable string
}

func stateOf(a task.Answer) state {
	usual := state{Box: task.BoxYXYXBefore, Bins: loc.Bins}
	s := usual
	if err := json.Unmarshal(a.Ask.State, &s); err != nil {
		return usual // an ask of another program: the usual form
	}
	return s
}

func unit(b [4]float64) task.Box { return task.Box{X0: b[0], Y0: b[1], X1: b[2], Y1: b[3]} }

func downThenRight(a, b task.Box) int {
	return cmp.Or(cmp.Compare(a.Y0, b.Y0), cmp.Compare(a.X0, b.X0))
}

// tally counts what went wrong, for the page's notes.
type tally struct {
	asked, loops, cuts, unsure, twice, many int
	problems                                loc.Problems
}

// sight parses all answers and maps their molecules to the page. What several
// views saw counts once.
func sight(ctx context.Context, page task.Page, answers []task.Answer) (sighting, error) {
	var s sighting
	var c tally
	for _, a := range answers {
		if err := ctx.Err(); err != nil {
			return sighting{}, err
		}
		if a.Stop == task.StopBlank {
			continue
		}
		c.asked++
		c.loops += b2i(a.Stop == task.StopLoop)
		c.cuts += b2i(a.Stop == task.StopLength)
		for _, d := range molecules(page, a, &c) {
			switch {
			case d.confidence < stateOf(a).Sure:
				c.unsure++
			case slices.ContainsFunc(s.molecules, func(o drawn) bool { return o.text == d.text && o.box.IoU(d.box) >= task.SameRegion }):
				c.twice++
			case len(s.molecules) >= maxMolecules:
				c.many++
			default:
				s.molecules = append(s.molecules, d)
			}
		}
	}
	if s.notes, s.unreadable = c.say(); s.unreadable != "" {
		s.molecules = nil // what is left of them is not to be trusted
	}
	slices.SortStableFunc(s.molecules, func(a, b drawn) int { return downThenRight(a.box, b.box) })
	unkept := 0
	for i := range s.molecules {
		if err := ctx.Err(); err != nil {
			return sighting{}, err
		}
		d := &s.molecules[i]
		if d.judge(); d.molecule != nil && len(d.molecule.Unkept()) > 0 {
			unkept++
		}
	}
	if unkept > 0 {
		s.notes = append(s.notes, fmt.Sprintf("%d molecules with marks of allenes, square planes, bipyramids or octahedra, which are not kept", unkept))
	}
	return s, nil
}

// molecules parses one answer. A text without places fills its view.
func molecules(page task.Page, a task.Answer, c *tally) []drawn {
	how := stateOf(a)
	if how.Box == task.BoxAtoms {
		return sketched(page, a, how)
	}
	var items []loc.Item
	var problems loc.Problems
	if how.Box == task.BoxNone {
		all := loc.NewCertainty(a.Text, a.Tokens)
		items = []loc.Item{{Text: a.Text, Box: [4]float64{0, 0, 1, 1}, Confidence: all.Between(0, len(a.Text)), Last: true}}
	} else {
		items, problems = loc.Parse(a.Text, a.Tokens, how.Bins)
	}
	c.problems.Add(problems)
	if a.Stop == task.StopLoop {
		items = loc.Unloop(items)
	}
	var out []drawn
	for _, it := range items {
		box := a.ToPage.ApplyBox(unit(it.Box))
		if how.Box == task.BoxNone {
			box = a.Ask.Region
		}
		box = box.Intersect(page.Bounds())
		text, label, _ := strings.Cut(strings.Join(strings.Fields(printable(it.Text)), " "), " ")
		if text == "" || len(text) > smiles.MaxBytes || !box.Finite() || box.Empty() {
			continue
		}
		d := drawn{text: text, label: label, box: box, confidence: probability(it.Confidence)}
		if it.Last {
			d.cut = interrupted(a.Stop)
		}
		out = append(out, d)
	}
	return out
}

// sketched parses an answer that is one molecule with a place in front of every
// atom. Its box is that of the atoms, or the view where none could be read.
func sketched(page task.Page, a task.Answer, how state) []drawn {
	text := strings.Join(strings.Fields(printable(a.Text)), " ")
	if text == "" || len(text) > smiles.MaxBytes {
		return nil
	}
	all := loc.NewCertainty(a.Text, a.Tokens)
	d := drawn{box: a.Ask.Region, confidence: probability(all.Between(0, len(a.Text))), cut: interrupted(a.Stop), bins: how.Bins}
	read, err := drawing.Parse(text, how.Bins) // judge asks again what is wrong
	if d.text, _, _ = strings.Cut(text, " "); err == nil {
		x0, y0, x1, y1 := read.Box()
		n := float64(how.Bins)
		d.box = a.ToPage.ApplyBox(unit([4]float64{max(0, x0/n), max(0, y0/n), min(1, x1/n), min(1, y1/n)}))
	}
	d.label, d.box = read.Name, d.box.Intersect(page.Bounds())
	if !d.box.Finite() || d.box.Empty() {
		return nil
	}
	return []drawn{d}
}

// interrupted says why the end of an answer is not to be trusted, "" where it is.
func interrupted(stop task.Stop) string {
	switch stop {
	case task.StopLength:
		return "the answer was cut off by the token limit"
	case task.StopLoop:
		return "the model repeated itself and was stopped"
	}
	return ""
}

// printable leaves out what a row cannot hold.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t' || r == '\r':
			return ' '
		case r < ' ' || r == 0x7f:
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, ""))
}

func probability(p float64) float64 {
	if math.IsNaN(p) {
		return 0
	}
	return max(0, min(1, p))
}

// judge finds out whether the text is a molecule. A text that is not whole is
// none, even where what there is of it could be read.
func (d *drawn) judge() {
	if d.cut != "" {
		d.fault = &smiles.Error{Offset: len(d.text), Reason: d.cut}
		return
	}
	m, err := d.parse()
	if err != nil {
		if !errors.As(err, &d.fault) {
			d.fault = &smiles.Error{Reason: err.Error()}
		}
		d.fault.Offset = min(d.fault.Offset, len(d.text))
		return
	}
	d.molecule, d.canonical = m, m.Canonical()
}

// parse reads the text in the form that it has.
func (d *drawn) parse() (*smiles.Molecule, error) {
	if d.bins == 0 {
		return smiles.Parse(smiles.Groups(d.text, false))
	}
	read, err := drawing.Parse(d.text, d.bins)
	if err != nil {
		return nil, err
	}
	return read.Molecule()
}

// records are the rows of the page.
func (s sighting) records() []task.Record {
	var out []task.Record
	for i, d := range s.molecules {
		v := map[string]any{"seq": int64(i), "text": d.text, "valid": d.molecule != nil}
		if d.label != "" {
			v["label"] = d.label
		}
		if m := d.molecule; m != nil {
			centres, twists := m.Stereo()
			groups := 0
			for _, a := range m.Atoms {
				groups += b2i(a.Element == 0)
			}
			v["smiles"], v["formula"] = d.canonical, m.Formula()
			v["mass"], v["exact_mass"] = round(m.AverageMass(), 3), round(m.ExactMass(), 6)
			for name, n := range map[string]int{"charge": m.Charge(), "atoms": m.HeavyAtoms(), "rings": m.RingCount(), "parts": m.Fragments(),
				"centres": len(centres), "double_bonds": len(twists), "groups": groups} {
				v[name] = int64(n)
			}
		} else {
			v["reason"], v["position"] = d.fault.Reason, int64(d.fault.Offset)
		}
		out = append(out, task.Record{Relation: "molecule", Box: d.box, Confidence: d.confidence, Source: task.SourceModel, Values: v})
	}
	return out
}

func round(v float64, digits int) float64 {
	f := math.Pow10(digits)
	return math.Round(v*f) / f
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

// say turns the counts into notes. A page of which the model mostly repeated
// itself is unreadable.
func (c *tally) say() (notes []string, unreadable string) {
	note := func(n int, format string, args ...any) {
		if n > 0 {
			notes = append(notes, fmt.Sprintf(format, args...))
		}
	}
	if 2*c.loops > c.asked {
		unreadable = fmt.Sprintf("the model repeated itself in %d of %d views", c.loops, c.asked)
	} else {
		note(c.loops, "the model repeated itself in %d of %d views", c.loops, c.asked)
	}
	note(c.cuts, "%d of %d answers reached the token limit", c.cuts, c.asked)
	note(b2i(c.problems.Any()), "left out of the answers: %s", c.problems)
	note(c.unsure, "left out: %d molecules the model was too unsure of", c.unsure)
	note(c.twice, "left out: %d molecules seen twice", c.twice)
	note(c.many, "left out: %d molecules beyond the %dth", c.many, maxMolecules)
	return notes, unreadable
}
