package eval

import "math"

// Outline is a word and the polygon around it, in any direction of turning.
type Outline struct {
	Text    string
	Polygon [][2]float64
	Ignore  bool // of a true word: nobody is asked to read it
}

// HierText are the sums of HierText's word evaluation (Long and others 2022),
// which is the one PaliGemma 2 reports text detection and recognition with.
// Sums of pages may be added.
type HierText struct {
	Read, All        float64 // words read and true words, without those to be ignored
	Found            float64 // pairs whose polygons overlap enough
	FoundTightness   float64 // sum of their overlaps
	Spotted          float64 // those of equal text
	SpottedTightness float64
}

// Scores are figures of HierText for one notion of a hit.
type Scores struct {
	Precision, Recall, F float64
	Tightness            float64 // mean overlap of the hits
	PQ                   float64 // F times Tightness
}

// maxOutlinePairs bounds the work of one page.
const maxOutlinePairs = 50_000_000

// HierTextWords compares the words read on one page with the true ones. A word
// read that lies by half on one that is to be ignored is left out; two words
// match when each is the other's best overlap, the first among equals, and
// their intersection over union is at least one half. Texts must be equal to
// the letter. The second result is false when there are too many words.
func HierTextWords(read, truth []Outline) (HierText, bool) {
	if len(read)*len(truth) > maxOutlinePairs {
		return HierText{}, false
	}
	var asked, ignored []shape
	var texts []string
	for _, w := range truth {
		if w.Ignore {
			ignored = append(ignored, newShape(w.Polygon))
		} else {
			asked = append(asked, newShape(w.Polygon))
			texts = append(texts, w.Text)
		}
	}
	var kept []shape
	var said []string
	for _, w := range read {
		s := newShape(w.Polygon)
		on := false
		for _, g := range ignored {
			on = on || s.shared(g)/(s.area+epsilon) >= 0.5
		}
		if !on {
			kept = append(kept, s)
			said = append(said, w.Text)
		}
	}
	sums := HierText{Read: float64(len(kept)), All: float64(len(asked))}
	bestOf := make([]int, len(asked)) // the word read that overlaps a true one most
	best := make([]float64, len(asked))
	for j := range bestOf {
		best[j] = -1
	}
	favourite := make([]int, len(kept))
	overlap := make([]float64, len(kept))
	for i, s := range kept {
		overlap[i] = -1
		for j, g := range asked {
			shared := s.shared(g)
			v := shared / (s.area + g.area - shared + epsilon)
			if v > overlap[i] {
				overlap[i], favourite[i] = v, j
			}
			if v > best[j] {
				best[j], bestOf[j] = v, i
			}
		}
	}
	for i := range kept {
		if j := favourite[i]; overlap[i] >= minIoU && bestOf[j] == i {
			sums.Found++
			sums.FoundTightness += overlap[i]
			if said[i] == texts[j] {
				sums.Spotted++
				sums.SpottedTightness += overlap[i]
			}
		}
	}
	return sums, true
}

// Plus adds sums.
func (h HierText) Plus(o HierText) HierText {
	return HierText{h.Read + o.Read, h.All + o.All, h.Found + o.Found, h.FoundTightness + o.FoundTightness,
		h.Spotted + o.Spotted, h.SpottedTightness + o.SpottedTightness}
}

// Detection are the figures of finding words, whatever they say.
func (h HierText) Detection() Scores { return h.scores(h.Found, h.FoundTightness) }

// Spotting are the figures of finding words and reading them.
func (h HierText) Spotting() Scores { return h.scores(h.Spotted, h.SpottedTightness) }

func (h HierText) scores(hits, tightness float64) Scores {
	s := Scores{Tightness: 1}
	s.F, s.Precision, s.Recall = shares(hits, h.Read, h.All)
	if hits > 0 {
		s.Tightness = tightness / hits
	}
	s.PQ = s.F * s.Tightness
	return s
}

// shape is a polygon made ready for being cut with others.
type shape struct {
	points [][2]float64
	bounds [4]float64
	area   float64
	sign   float64 // of the direction it turns in
}

func newShape(polygon [][2]float64) shape {
	s := shape{bounds: [4]float64{math.Inf(1), math.Inf(1), math.Inf(-1), math.Inf(-1)}, sign: 1, points: polygon}
	for i, p := range polygon {
		s.bounds = [4]float64{math.Min(s.bounds[0], p[0]), math.Min(s.bounds[1], p[1]), math.Max(s.bounds[2], p[0]), math.Max(s.bounds[3], p[1])}
		if i > 1 {
			s.area += turn(polygon[0], polygon[i-1], p) / 2
		}
	}
	if s.area < 0 {
		s.area, s.sign = -s.area, -1
	}
	return s
}

// turn is twice the area of a triangle, negative when it turns clockwise.
func turn(a, b, c [2]float64) float64 {
	return (b[0]-a[0])*(c[1]-a[1]) - (b[1]-a[1])*(c[0]-a[0])
}

// shared is the area that two polygons share. Each polygon is the sum of the
// triangles from its first corner to its edges, some of them negative where it
// is not convex, so the shared area is the sum over pairs of triangles.
func (s shape) shared(o shape) float64 {
	if intersection(s.bounds, o.bounds) <= 0 {
		return 0
	}
	sum := 0.0
	for i := 2; i < len(s.points); i++ {
		a := [3][2]float64{s.points[0], s.points[i-1], s.points[i]}
		ta := turn(a[0], a[1], a[2])
		if ta == 0 {
			continue
		}
		for j := 2; j < len(o.points); j++ {
			b := [3][2]float64{o.points[0], o.points[j-1], o.points[j]}
			if tb := turn(b[0], b[1], b[2]); tb != 0 {
				sum += math.Copysign(1, ta) * math.Copysign(1, tb) * trianglesShare(a, b, tb)
			}
		}
	}
	return math.Max(0, sum*s.sign*o.sign)
}

// trianglesShare is the area two triangles share: the first one cut along the
// edges of the second (Sutherland and Hodgman 1974).
func trianglesShare(a, b [3][2]float64, turnB float64) float64 {
	if turnB < 0 {
		b[1], b[2] = b[2], b[1]
	}
	rest := append(make([][2]float64, 0, 8), a[:]...)
	for i := range b {
		from, to := b[i], b[(i+1)%3]
		var cut [][2]float64
		for k, p := range rest {
			q := rest[(k+1)%len(rest)]
			tp, tq := turn(from, to, p), turn(from, to, q)
			if tp >= 0 {
				cut = append(cut, p)
			}
			if (tp > 0 && tq < 0) || (tp < 0 && tq > 0) {
				f := tp / (tp - tq)
				cut = append(cut, [2]float64{p[0] + f*(q[0]-p[0]), p[1] + f*(q[1]-p[1])})
			}
		}
		if rest = cut; len(rest) < 3 {
			return 0
		}
	}
	sum := 0.0
	for i := 2; i < len(rest); i++ {
		sum += turn(rest[0], rest[i-1], rest[i]) / 2
	}
	return math.Abs(sum)
}
