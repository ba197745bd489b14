package eval

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// maxObjects bounds the tables, molecules or boxes of one item.
const maxObjects = 10_000

// tableMeasure compares tables by TEDS, its structure-only form, and GriTS of shapes and
// texts; GriTS of places where truth and answer have boxes is not taken, because the
// boxes of cells are not part of an answer's HTML. Tables are paired in reading order,
// a missing or surplus one counts as 0, and an item's figure is the mean over its pairs;
// a subset's is the mean over all pairs. The truth is {"html"} or {"tables": [{"html"}]},
// or a file of HTML.
func tableMeasure() Measure {
	return measure[[]Found]{
		task:    "table",
		leading: []string{"teds"},
		parse: func(item Item) ([]Found, error) {
			var t struct {
				HTML   *string `json:"html"`
				Tables []struct {
					HTML string `json:"html"`
				} `json:"tables"`
			}
			plain, err := truthText(item, &t)
			if err != nil {
				return nil, err
			}
			var out []Found
			switch {
			case plain != "":
				out = []Found{{Text: plain}}
			case t.HTML != nil:
				out = []Found{{Text: *t.HTML}}
			case t.Tables != nil:
				for _, one := range t.Tables {
					out = append(out, Found{Text: one.HTML, Page: 1})
				}
			default:
				return nil, noTruth(item, `{"html"} or {"tables": [{"html"}]}`)
			}
			return out, checkCount(item, len(out))
		},
		show: showFound,
		score: func(_ Item, truth []Found, a Answer) (Score, error) {
			sums := [4]float64{}
			n := max(len(truth), len(a.Found))
			for i := range min(len(truth), len(a.Found), maxObjects) {
				s, err := ScoreTable(a.Found[i].Text, truth[i].Text)
				if err != nil {
					return Score{}, err
				}
				for k, v := range []float64{s.TEDS, s.Structure, s.Top, s.Con} {
					sums[k] += v
				}
			}
			terms := map[string]term{}
			for k, name := range []string{"teds", "teds_structure", "grits_top", "grits_con"} {
				terms[name] = shareTerm(sums[k], float64(n))
			}
			return Score{terms: terms}, nil
		},
	}
}

func checkCount(item Item, n int) error {
	if n > maxObjects {
		return fmt.Errorf("eval: item %s: %d objects in the truth are more than the limit of %d", item.ID, n, maxObjects)
	}
	return nil
}

func showFound(found []Found) Answer { return Answer{Found: found} }

// moleculeMeasure compares molecules. Each true one takes, of those read, the one that
// is most like it and not taken; a missing or surplus one counts as 0. "exact" is the
// share of molecules that are the same, stereo and isotopes included, "graph" without
// both, "tetrahedra" without the sides of double bonds, "chiral" that over true ones with
// a stereo centre, "valid" the share of texts read that are molecules. The truth is
// {"smiles"} or {"molecules": [{"smiles"}]}, or a file with the SMILES.
func moleculeMeasure() Measure {
	return measure[[]Found]{
		task:    "molecule",
		leading: []string{"graph", "exact"},
		parse: func(item Item) ([]Found, error) {
			var t struct {
				SMILES    *string `json:"smiles"`
				Molecules []struct {
					SMILES string `json:"smiles"`
				} `json:"molecules"`
			}
			plain, err := truthText(item, &t)
			if err != nil {
				return nil, err
			}
			var out []Found
			switch {
			case plain != "":
				out = []Found{{Text: firstField(plain)}}
			case t.SMILES != nil:
				out = []Found{{Text: *t.SMILES}}
			case t.Molecules != nil:
				for _, m := range t.Molecules {
					out = append(out, Found{Text: m.SMILES, Page: 1})
				}
			default:
				return nil, noTruth(item, `{"smiles"} or {"molecules": [{"smiles"}]}`)
			}
			return out, checkCount(item, len(out))
		},
		show:  showFound,
		score: func(_ Item, truth []Found, a Answer) (Score, error) { return scoreMolecules(truth, a.Found), nil },
	}
}

func firstField(s string) string {
	if f := strings.Fields(s); len(f) > 0 {
		return f[0]
	}
	return ""
}

func scoreMolecules(truth, found []Found) Score {
	read := make([]spelling, min(len(found), maxObjects))
	valid := 0
	for i := range read {
		if read[i] = newSpelling(found[i].Text); read[i].valid {
			valid++
		}
	}
	var exact, graph, tetrahedra, chiral, chirals float64
	taken := make([]bool, len(read))
	for _, f := range truth {
		t := newSpelling(f.Text)
		best, match, likeness := -1, SMILESMatch{}, -1.0
		for i, r := range read {
			if taken[i] {
				continue
			}
			m := t.match(r)
			if like := 4*count(m.Exact) + 2*count(m.Tetrahedra) + count(m.Graph); like > likeness {
				best, match, likeness = i, m, like
			}
		}
		if best >= 0 {
			taken[best] = true
		}
		exact += count(match.Exact)
		graph += count(match.Graph)
		tetrahedra += count(match.Tetrahedra)
		if strings.Contains(t.tetrahedra, "@") {
			chirals++
			chiral += count(match.Tetrahedra)
		}
	}
	n := float64(max(len(truth), len(read)))
	s := Score{terms: map[string]term{"exact": shareTerm(exact, n), "graph": shareTerm(graph, n), "tetrahedra": shareTerm(tetrahedra, n)}}
	if chirals > 0 {
		s.terms["chiral"] = shareTerm(chiral, chirals)
	}
	if len(read) > 0 {
		s.terms["valid"] = shareTerm(valid, len(read))
	}
	return s
}

// kernMeasure compares music by the error rates of **kern, in percent of the truth's
// length: cer, ser, ler and cer_2023, see KernErrors. Both sides are brought into
// PrepareKern's form, the systems of an answer joined by line feeds. The truth is a file
// of **kern or {"kern"}, for a picture of one system or of nothing but music, or
// {"systems": [{"kern"}]} for a page.
func kernMeasure() Measure {
	return measure[[]Found]{
		task:    "omr",
		leading: []string{"ser"},
		parse: func(item Item) ([]Found, error) {
			var t struct {
				Kern    *string `json:"kern"`
				Systems []struct {
					Kern string `json:"kern"`
				} `json:"systems"`
			}
			plain, err := truthText(item, &t)
			switch {
			case err != nil:
				return nil, err
			case t.Kern != nil:
				return []Found{{Text: *t.Kern}}, nil
			case t.Systems != nil:
				var out []Found
				for _, s := range t.Systems {
					out = append(out, Found{Text: s.Kern, Page: 1})
				}
				return out, checkCount(item, len(out))
			case strings.TrimSpace(plain) == "":
				return nil, noTruth(item, `a file of **kern, {"kern"} or {"systems": [{"kern"}]}`)
			}
			return []Found{{Text: plain}}, nil
		},
		show: showFound,
		score: func(_ Item, truth []Found, a Answer) (Score, error) {
			e := CompareKern(PrepareKern(joinedSystems(a.Found)), PrepareKern(joinedSystems(truth)))
			pct := func(edits, length int) term { return term{percent, []float64{float64(edits), float64(length)}} }
			return Score{terms: map[string]term{"cer": pct(e.CharacterEdits, e.Characters), "ser": pct(e.SymbolEdits, e.Symbols),
				"ler": pct(e.LineEdits, e.Lines), "cer_2023": pct(e.CharacterEdits2023, e.Characters2023)}}, nil
		},
	}
}

// joinedSystems is the text of systems below one another.
func joinedSystems(systems []Found) string {
	var out []string
	for _, f := range systems {
		out = append(out, strings.Trim(f.Text, "\n "))
	}
	return strings.Join(out, "\n")
}

// detectionMeasure compares boxes by the COCO average precision (ap, ap50, ap75) and by
// mean_iou, the mean over true objects of the overlap with what was found for them: of
// each label as many of the answer's boxes are looked at as there are objects, in the
// answer's order, and pairs are made by overlap, the best first. Labels are compared
// without case. Where all boxes are looked at, "recall" is the share of objects, and
// "precision" that of boxes, which have a partner they overlap with by foundOverlap or
// more. The truth is {"objects": [{"label", "box": [x0, y0, x1, y1], "crowd"}]}.
func detectionMeasure(task string) Measure {
	return measure[[]Found]{
		task:    task,
		leading: []string{"mean_iou", "ap"},
		parse: func(item Item) ([]Found, error) {
			var t struct {
				Objects []struct {
					Label string     `json:"label"`
					Box   [4]float64 `json:"box"`
					Crowd bool       `json:"crowd"`
				} `json:"objects"`
			}
			if err := decodeTruth(item, &t); err != nil {
				return nil, err
			}
			if t.Objects == nil {
				return nil, noTruth(item, `{"objects": [{"label", "box"}]}`)
			}
			var out []Found
			for _, o := range t.Objects {
				out = append(out, Found{Text: o.Label, Box: o.Box, Crowd: o.Crowd})
			}
			return out, checkCount(item, len(out))
		},
		show: showFound,
		score: func(item Item, truth []Found, a Answer) (Score, error) {
			s := Score{terms: map[string]term{}, found: []Detection{}, objects: []Object{}}
			for _, f := range a.Found[:min(len(a.Found), maxObjects)] {
				s.found = append(s.found, Detection{Image: item.ID, Class: label(f.Text), Box: f.Box, Score: f.Confidence})
			}
			for _, f := range truth {
				s.objects = append(s.objects, Object{Image: item.ID, Class: label(f.Text), Box: f.Box, Crowd: f.Crowd})
			}
			if overlaps, n := pairedOverlaps(s.found, s.objects, false); n > 0 {
				sum := 0.0
				for _, v := range overlaps {
					sum += v
				}
				s.terms["mean_iou"] = shareTerm(sum, float64(n))
			}
			overlaps, n := pairedOverlaps(s.found, s.objects, true)
			hits := 0
			for _, v := range overlaps {
				if v >= foundOverlap {
					hits++
				}
			}
			if n > 0 {
				s.terms["recall"] = shareTerm(hits, n)
			}
			if len(s.found) > 0 && n == len(s.objects) { // what was found of a crowd is neither right nor wrong
				s.terms["precision"] = shareTerm(hits, len(s.found))
			}
			return s, nil
		},
	}
}

func label(s string) string { return strings.ToLower(Normalise(s)) }

// foundOverlap is the overlap from which an object counts as found.
const foundOverlap = 0.5

// pairedOverlaps are the overlaps of true objects with what was found for them, and how
// many objects there are, crowds left out. Of each label all boxes are looked at, or as
// many as there are objects, in the answer's order.
func pairedOverlaps(found []Detection, objects []Object, all bool) (overlaps []float64, n int) {
	byLabel := map[string][][4]float64{}
	for _, o := range objects {
		if !o.Crowd {
			byLabel[o.Class] = append(byLabel[o.Class], o.Box)
			n++
		}
	}
	type pair struct {
		i, j int
		iou  float64
	}
	for _, class := range slices.Sorted(maps.Keys(byLabel)) {
		boxes := byLabel[class]
		var pairs []pair
		looked := 0
		for _, d := range found {
			if d.Class != class || (!all && looked == len(boxes)) {
				continue
			}
			for j, b := range boxes {
				if v := MeanIoU([][4]float64{d.Box}, [][4]float64{b}); v > 0 {
					pairs = append(pairs, pair{looked, j, v})
				}
			}
			looked++
		}
		slices.SortStableFunc(pairs, func(a, b pair) int { return cmp.Compare(b.iou, a.iou) })
		usedI, usedJ := map[int]bool{}, map[int]bool{}
		for _, p := range pairs {
			if !usedI[p.i] && !usedJ[p.j] {
				usedI[p.i], usedJ[p.j] = true, true
				overlaps = append(overlaps, p.iou)
			}
		}
	}
	return overlaps, n
}
