package engine

// How often the end of an answer must repeat itself, token by token, before decoding stops. The numbers are
// far above what a page can hold, because a table may well say the same word a hundred times:
const (
	// maxPeriod is the longest repeated piece that is looked for, in tokens.
	maxPeriod = 64
	// placedRepeats: a repeated piece that holds a whole box (four location tokens) is the same word at the
	// same place. Repeated words of a table stand at different places, so a few repeats are proof.
	placedRepeats = 4
	// A repeated piece without a box proves nothing by itself: rows of zeros, empty cells and dot leaders
	// repeat. It must fill looseTokens and come looseRepeats times: no printed table has that many equal rows.
	looseTokens  = 1024
	looseRepeats = 64
	// In an answer that gives words their boxes, a run without any box is inside one word; none has 128 tokens.
	wordTokens = 128
	wordPeriod = 8
)

// boxTokens is the number of location tokens that make one box.
const boxTokens = 4

// repeats watches an answer for a repetition loop. It keeps, for every period, how many tokens at the end
// equal the one that many places before them, so that adding a token costs one comparison per period.
type repeats struct {
	isLocation func(id int32) bool
	ids        []int32
	locations  []int32              // how many of ids up to and with each are locations
	run        [maxPeriod + 1]int32 // by period
}

// Repeats is the rule by which an answer ends with StopLoop. The end of the answer is a loop when the same
// piece of up to 64 tokens follows itself without any change
//
//	 4 times, if the piece contains a box, because no two words stand at the same place;
//	16 times or more over 128 tokens, if the piece has at most 8 tokens, none of them a location, in an answer
//	   that gives boxes: such a run is inside one word;
//	64 times or more over 1,024 tokens otherwise.
//
// The rule needs ids and nothing else, so it does not depend on batch or threads.
func Repeats(ids []int32, isLocation func(id int32) bool) bool {
	r := repeats{isLocation: isLocation}
	loop := false
	for _, id := range ids {
		loop = r.add(id)
	}
	return loop
}

// add takes the next token over and says whether the answer now ends in a loop.
func (r *repeats) add(id int32) bool {
	n := len(r.ids)
	count := int32(0)
	if n > 0 {
		count = r.locations[n-1]
	}
	if r.isLocation(id) {
		count++
	}
	r.ids, r.locations = append(r.ids, id), append(r.locations, count)
	found := false
	for period := 1; period <= maxPeriod && period <= n; period++ {
		if r.ids[n-period] != id {
			r.run[period] = 0
			continue
		}
		r.run[period]++
		found = found || r.looped(period)
	}
	return found
}

// looped judges the repetition of that period at the end of the answer.
func (r *repeats) looped(period int) bool {
	length := int(r.run[period]) + period // tokens in all repeats, the first included
	n := len(r.ids)
	before := int32(0)
	if n > period {
		before = r.locations[n-period-1]
	}
	locations := r.locations[n-1] - before // in one period
	switch {
	case locations >= boxTokens:
		return length >= placedRepeats*period
	case locations == 0 && r.locations[n-1] >= boxTokens && period <= wordPeriod:
		return length >= wordTokens
	}
	return length >= looseTokens && length >= looseRepeats*period
}
