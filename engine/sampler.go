package engine

import (
	"palimpsest.dev/engine/grammar"
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

// pick returns the most probable id by the logits [W], of those that the grammar allows if there is one, and the
// logarithm of its probability among all ids that may be written. logits are overwritten where they are masked;
// scratch is as long as logits. The id is -1 when the grammar ends the answer and no id of the model does.
func (s *sampler) pick(logits, scratch []float32, m *grammar.Matcher) (id int32, logProb float32) {
	logits, sum := s.normalise(logits, scratch)
	id = int32(kernel.ArgMax(logits))
	if m != nil && sum == sum {
		id = m.Next(id, func(bits []uint64) int32 { return among(logits, bits, scratch) })
	}
	if id < 0 {
		return id, 0
	}
	return id, logits[id] - sum
}

// normalise masks what may not be written and returns the logits of what may with the logarithm of the sum of
// their exponentials, which is not a number where one of them is none.
func (s *sampler) normalise(logits, scratch []float32) ([]float32, float32) {
	logits = logits[:s.vocab]
	for _, b := range s.banned {
		logits[b] = impossible
	}
	return logits, kernel.LogSumExp(logits, scratch[:s.vocab])
}

// among returns the most probable id of a set.
func among(logits []float32, bits []uint64, scratch []float32) int32 {
	scratch = scratch[:len(logits)]
	for i := 0; i < len(logits); i += 64 {
		from, to := logits[i:min(i+64, len(logits))], scratch[i:min(i+64, len(logits))]
		switch word := bits[i/64]; word {
		case 0:
			for k := range to {
				to[k] = impossible
			}
		case ^uint64(0):
			copy(to, from)
		default:
			for k := range to {
				to[k] = impossible
				if word>>k&1 == 1 {
					to[k] = from[k]
				}
			}
		}
	}
	return int32(kernel.ArgMax(scratch))
}
