package eval

import (
	"strings"

	"palimpsest.dev/plugins/molecule/smiles"
)

// SMILES says how well molecules were read, as the evaluation of MolScribe
// (Qian and others 2023) counts: a text that is no molecule matches nothing
// but itself, and an empty truth matches nothing. Brackets that are no atoms
// count as wildcards, [R1] as R-group 1. All are shares of 0 to 1.
type SMILES struct {
	TruthValid float64 // true texts that are molecules
	ReadValid  float64 // texts read that are molecules
	Exact      float64 // the same molecule, stereo and isotopes included
	Graph      float64 // the same without stereo and isotopes
	Tetrahedra float64 // the same without the sides of double bonds
	// Chiral is Tetrahedra over the true molecules with a stereo centre, -1
	// without any; ChiralShare is how many those are.
	Chiral, ChiralShare float64
}

// SMILESMatch is which of the three comparisons of two texts hold.
type SMILESMatch struct{ Exact, Graph, Tetrahedra bool }

// CompareSMILES compares what was read with the truth, see SMILES.
func CompareSMILES(read, truth string) SMILESMatch {
	r, t := newSpelling(read), newSpelling(truth)
	return t.match(r)
}

// ScoreSMILES scores texts read against the truths of the same places.
func ScoreSMILES(read, truth []string) SMILES {
	var s SMILES
	n := min(len(read), len(truth))
	if n == 0 {
		return s
	}
	chiral := 0.0
	for i := range n {
		r, t := newSpelling(read[i]), newSpelling(truth[i])
		m := t.match(r)
		s.TruthValid += count(t.valid)
		s.ReadValid += count(r.valid)
		s.Exact += count(m.Exact)
		s.Graph += count(m.Graph)
		s.Tetrahedra += count(m.Tetrahedra)
		if strings.Contains(t.tetrahedra, "@") {
			chiral++
			s.Chiral += count(m.Tetrahedra)
		}
	}
	if chiral > 0 {
		s.Chiral /= chiral
	} else {
		s.Chiral = -1
	}
	for _, v := range []*float64{&s.TruthValid, &s.ReadValid, &s.Exact, &s.Graph, &s.Tetrahedra} {
		*v /= float64(n)
	}
	s.ChiralShare = chiral / float64(n)
	return s
}

func count(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// spelling holds the three forms in which a text is compared; of a text that
// is no molecule the text.
type spelling struct {
	valid                    bool
	exact, graph, tetrahedra string
}

func newSpelling(text string) spelling {
	full := smiles.Groups(text, true)
	flat := strings.NewReplacer("/", "", `\`, "").Replace(full)
	s := spelling{exact: full, graph: full, tetrahedra: flat}
	if m, err := smiles.Parse(full); err == nil {
		s.valid, s.exact, s.graph = true, m.Canonical(), m.Flat()
	}
	if m, err := smiles.Parse(flat); err == nil {
		s.tetrahedra = m.Canonical()
	}
	return s
}

// match compares a truth with what was read.
func (t spelling) match(r spelling) SMILESMatch {
	same := func(a, b string) bool { return a != "" && a == b }
	return SMILESMatch{Exact: same(t.exact, r.exact), Graph: same(t.graph, r.graph), Tetrahedra: same(t.tetrahedra, r.tetrahedra)}
}
