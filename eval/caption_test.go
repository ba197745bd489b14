package eval

import (
	"fmt"
	"slices"
	"strconv"
	"testing"
)

func TestCaptionVectors(t *testing.T) {
	t.Parallel()
	var ref struct {
		Cases []struct {
			Name     string
			Refs     map[string][]string
			Hyps     map[string][]string
			Expected struct {
				Bleu             []float64
				Bleu_per_item    [][]float64
				Cider            float64
				Cider_per_item   []float64
				Rouge_l          float64
				Rouge_l_per_item []float64
			}
		}
	}
	readJSON(t, sharedFile(t, "metric_vectors/coco_bleu_cider_rouge.json"), &ref)
	var count tally
	for _, c := range ref.Cases {
		var keys []int
		for k := range c.Refs {
			n, err := strconv.Atoi(k)
			if err != nil {
				t.Fatal(err)
			}
			keys = append(keys, n)
		}
		slices.Sort(keys)
		var captions []Caption
		for _, k := range keys {
			captions = append(captions, Caption{Written: c.Hyps[strconv.Itoa(k)][0], References: c.Refs[strconv.Itoa(k)]})
		}
		bleu, bleus := BLEU(captions)
		for n := range maxGram {
			count.check(t, fmt.Sprintf("%s BLEU-%d", c.Name, n+1), bleu[n], c.Expected.Bleu[n])
			for i := range captions {
				count.check(t, fmt.Sprintf("%s BLEU-%d of %d", c.Name, n+1, i), bleus[i][n], c.Expected.Bleu_per_item[n][i])
			}
		}
		cider, ciders := CIDEr(captions)
		rouge, rouges := ROUGEL(captions)
		count.check(t, c.Name+" CIDEr", cider, c.Expected.Cider)
		count.check(t, c.Name+" ROUGE-L", rouge, c.Expected.Rouge_l)
		for i := range captions {
			count.check(t, fmt.Sprintf("%s CIDEr of %d", c.Name, i), ciders[i], c.Expected.Cider_per_item[i])
			count.check(t, fmt.Sprintf("%s ROUGE-L of %d", c.Name, i), rouges[i], c.Expected.Rouge_l_per_item[i])
		}
	}
	count.report(t, "BLEU, CIDEr, ROUGE-L")
}
