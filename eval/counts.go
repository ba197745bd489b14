package eval

// Counts are the raw sums from which every metric is computed. Sums of items may be
// added, which is what pooling means. The Has fields tell "measured, and zero" from
// "this truth cannot say".
type Counts struct {
	HasWords                    bool
	WordHits, WordRead, WordAll int // matches of equal text; words read; true words
	HasBoxes                    bool
	BoxHits, BoxRead, BoxAll    int // matches whatever the text
	HasText                     bool
	BagHits, BagRead, BagAll    int // multiset intersection; tokens read; true tokens
	Edits, Chars                int // Levenshtein distance; runes of the true text
	WordEdits, Words            int // the same over words
	HierText                    HierText
	HasFacts                    bool
	FactsHeld, FactsAll         int
}

func (c *Counts) add(d Counts) {
	c.HasWords = c.HasWords || d.HasWords
	c.WordHits += d.WordHits
	c.WordRead += d.WordRead
	c.WordAll += d.WordAll
	c.HasBoxes = c.HasBoxes || d.HasBoxes
	c.BoxHits += d.BoxHits
	c.BoxRead += d.BoxRead
	c.BoxAll += d.BoxAll
	c.HasText = c.HasText || d.HasText
	c.BagHits += d.BagHits
	c.BagRead += d.BagRead
	c.BagAll += d.BagAll
	c.Edits += d.Edits
	c.Chars += d.Chars
	c.WordEdits += d.WordEdits
	c.Words += d.Words
	c.HierText = c.HierText.Plus(d.HierText)
	c.HasFacts = c.HasFacts || d.HasFacts
	c.FactsHeld += d.FactsHeld
	c.FactsAll += d.FactsAll
}

// terms gives every metric that the counts allow. Two empty sides agree: their F1,
// precision and recall are 1 and their error rate is 0.
func (c Counts) terms() map[string]term {
	m := map[string]term{}
	if c.HasWords {
		m["word_f1"] = f1Term(c.WordHits, c.WordRead, c.WordAll)
		m["word_precision"] = shareTerm(c.WordHits, c.WordRead)
		m["word_recall"] = shareTerm(c.WordHits, c.WordAll)
		h := c.HierText
		m["hiertext_f1"] = f1Term(h.Spotted, h.Read, h.All)
		m["hiertext_precision"] = shareTerm(h.Spotted, h.Read)
		m["hiertext_recall"] = shareTerm(h.Spotted, h.All)
		m["hiertext_detection_f1"] = f1Term(h.Found, h.Read, h.All)
	}
	if c.HasBoxes {
		m["box_f1"] = f1Term(c.BoxHits, c.BoxRead, c.BoxAll)
	}
	if c.HasText {
		m["bag_of_words_f1"] = f1Term(c.BagHits, c.BagRead, c.BagAll)
		m["bag_of_words_precision"] = shareTerm(c.BagHits, c.BagRead)
		m["bag_of_words_recall"] = shareTerm(c.BagHits, c.BagAll)
		m["cer"] = rateTerm(c.Edits, c.Chars)
		m["wer"] = rateTerm(c.WordEdits, c.Words)
	}
	if c.HasFacts {
		m["facts"] = shareTerm(c.FactsHeld, c.FactsAll)
	}
	return m
}

// errorRate is edits over length; an empty truth gives 0 when nothing was read, else 1.
func errorRate(edits, length int) float64 { return rate([]float64{float64(edits), float64(length)}) }
