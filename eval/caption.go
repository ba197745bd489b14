package eval

import (
	"math"
	"strings"
)

// maxGram is the longest run of words that BLEU and CIDEr look at.
const maxGram = 4

// Caption is a text that was written and the texts that people wrote of the
// same picture. All are tokenised already: lower case, words parted by single
// spaces, see PTB.
type Caption struct {
	Written    string
	References []string
}

// grams counts the runs of 1 to 4 words of a text, each under its words joined
// by spaces.
type grams struct {
	counts [maxGram]map[string]int
	order  [maxGram][]string // the runs in order of appearance, so that sums do not depend on chance
	words  int
}

func newGrams(text string) grams {
	words := strings.Fields(text)
	g := grams{words: len(words)}
	for n := range maxGram {
		g.counts[n] = map[string]int{}
		for i := 0; i+n < len(words); i++ {
			gram := strings.Join(words[i:i+n+1], " ")
			if g.counts[n][gram]++; g.counts[n][gram] == 1 {
				g.order[n] = append(g.order[n], gram)
			}
		}
	}
	return g
}

// bleuSums are what BLEU is computed from; sums of texts may be added.
type bleuSums struct {
	correct, guessed [maxGram]int
	written, closest int // words; of the reference nearest in length
}

func newBLEUSums(c Caption) bleuSums {
	hyp := newGrams(c.Written)
	s := bleuSums{written: hyp.words}
	refs := make([]grams, len(c.References))
	for i, r := range c.References {
		refs[i] = newGrams(r)
		d, best := refs[i].words-hyp.words, s.closest-hyp.words
		if d < 0 {
			d = -d
		}
		if best < 0 {
			best = -best
		}
		if i == 0 || d < best || d == best && refs[i].words < s.closest {
			s.closest = refs[i].words
		}
	}
	for n := range maxGram {
		s.guessed[n] = max(0, hyp.words-n)
		for gram, count := range hyp.counts[n] {
			most := 0
			for _, r := range refs {
				most = max(most, r.counts[n][gram])
			}
			s.correct[n] += min(count, most)
		}
	}
	return s
}

// score is BLEU-1 to BLEU-4 with the tiny numbers that the COCO evaluation
// adds so as never to divide by nothing.
func (s bleuSums) score() (out [maxGram]float64) {
	const tiny, small = 1e-15, 1e-9
	product := 1.0
	for n := range maxGram {
		product *= (float64(s.correct[n]) + tiny) / (float64(s.guessed[n]) + small)
		out[n] = math.Pow(product, 1/float64(n+1))
	}
	if ratio := (float64(s.written) + tiny) / (float64(s.closest) + small); ratio < 1 {
		for n := range out {
			out[n] *= math.Exp(1 - 1/ratio)
		}
	}
	return out
}

// BLEU is BLEU-1 to BLEU-4 of a corpus (Papineni and others 2002) as the COCO
// caption evaluation computes it, with those of each text: counts clipped by
// the reference that has most, summed over the corpus, and the brevity penalty
// of the references nearest in length, the shorter of equally near ones.
func BLEU(captions []Caption) (corpus [maxGram]float64, each [][maxGram]float64) {
	var sum bleuSums
	for _, c := range captions {
		s := newBLEUSums(c)
		each = append(each, s.score())
		for n := range maxGram {
			sum.correct[n] += s.correct[n]
			sum.guessed[n] += s.guessed[n]
		}
		sum.written += s.written
		sum.closest += s.closest
	}
	return sum.score(), each
}

// gramWeights are the tf-idf weights of a text for one length of run.
type gramWeights struct {
	of   map[string]float64
	norm float64
}

// frequencies says how many pictures' references hold each run of words.
type frequencies struct {
	of       map[string]float64
	pictures int
}

// add counts the references of one picture.
func (f *frequencies) add(references []string) {
	seen := map[string]bool{}
	for _, r := range references {
		g := newGrams(r)
		for n := range maxGram {
			for _, gram := range g.order[n] {
				if !seen[gram] {
					seen[gram] = true
					f.of[gram]++
				}
			}
		}
	}
	f.pictures++
}

func (f *frequencies) weigh(g grams) (out [maxGram]gramWeights) {
	pictures := math.Log(float64(f.pictures))
	for n := range maxGram {
		out[n].of = make(map[string]float64, len(g.counts[n]))
		for _, gram := range g.order[n] {
			w := float64(g.counts[n][gram]) * (pictures - math.Log(max(1, f.of[gram])))
			out[n].of[gram] = w
			out[n].norm += w * w
		}
		out[n].norm = math.Sqrt(out[n].norm)
	}
	return out
}

// cider is the CIDEr of one text.
func (f *frequencies) cider(c Caption) float64 {
	const sigma = 6.0
	g := newGrams(c.Written)
	hyp := f.weigh(g)
	score := 0.0
	for _, text := range c.References {
		r := newGrams(text)
		ref := f.weigh(r)
		// The reference takes the number of word pairs for the length.
		delta := float64(max(0, g.words-1) - max(0, r.words-1))
		for n := range maxGram {
			v := 0.0
			for _, gram := range g.order[n] {
				v += min(hyp[n].of[gram], ref[n].of[gram]) * ref[n].of[gram]
			}
			if hyp[n].norm != 0 && ref[n].norm != 0 {
				v /= hyp[n].norm * ref[n].norm
			}
			score += v * math.Exp(-delta*delta/(2*sigma*sigma))
		}
	}
	return 10 * score / maxGram / float64(max(1, len(c.References)))
}

// CIDEr is CIDEr-D (Vedantam, Zitnick and Parikh 2015) as the COCO caption
// evaluation computes it: 0 to 10 for the corpus and for each text. Document
// frequencies are those of the references given, so that a corpus of one
// picture scores 0.
func CIDEr(captions []Caption) (corpus float64, each []float64) {
	f := &frequencies{of: map[string]float64{}}
	for _, c := range captions {
		f.add(c.References)
	}
	for i, c := range captions {
		each = append(each, f.cider(c))
		corpus += each[i]
	}
	return corpus / float64(max(1, len(captions))), each
}

// ROUGEL is ROUGE-L (Lin 2004) as the COCO caption evaluation computes it: the
// best precision and the best recall over the references, each by its longest
// common subsequence, weighed with beta 1.2; the corpus's is the mean. Words
// are what stands between single spaces, so that two spaces make an empty one.
func ROUGEL(captions []Caption) (corpus float64, each []float64) {
	const beta2 = 1.2 * 1.2
	for _, c := range captions {
		hyp := strings.Split(c.Written, " ")
		var precision, recall float64
		for _, r := range c.References {
			ref := strings.Split(r, " ")
			common := float64(commonSubsequence(ref, hyp))
			precision = max(precision, common/float64(len(hyp)))
			recall = max(recall, common/float64(len(ref)))
		}
		score := 0.0
		if precision != 0 && recall != 0 {
			score = (1 + beta2) * precision * recall / (recall + beta2*precision)
		}
		each = append(each, score)
		corpus += score
	}
	return corpus / float64(max(1, len(captions))), each
}

// commonSubsequence is the length of the longest common subsequence.
func commonSubsequence(a, b []string) int {
	row := make([]int, len(b)+1)
	for _, x := range a {
		diagonal := 0
		for j, y := range b {
			above := row[j+1]
			if x == y {
				row[j+1] = diagonal + 1
			} else {
				row[j+1] = max(above, row[j])
			}
			diagonal = above
		}
	}
	return row[len(b)]
}
