package engine

import (
	"palimpsest.dev/engine/kernel"
)

// impossible is the logit of ids that may not be written: far below any other, yet finite, so that the
// arithmetic of the kernels needs no special case.
const impossible = -1e30

// sampler picks the next token of a sequence, greedily.
type sampler struct {
	vocab  int     // ids below this may be written; those behind are rows that only pad the table
	banned []int32 // ids below vocab that may not: the mark of the image's place
}

// pick returns the most probable id by the logits [W] and the logarithm of its probability among the ids
// that may be written. logits are overwritten where they are masked; scratch is as long as logits.
func (s *sampler) pick(logits, scratch []float32) (id int32, logProb float32) {
	logits = logits[:s.vocab]
	for _, b := range s.banned {
		logits[b] = impossible
	}
	best := kernel.ArgMax(logits)
	return int32(best), logits[best] - kernel.LogSumExp(logits, scratch[:s.vocab])
}
