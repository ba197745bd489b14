package engine

import (
	"context"
	"image"
	"sync"
	"time"

	"palimpsest.dev/engine/gemma"
	"palimpsest.dev/engine/grammar"
)

// sequence is one request on its way through the batch. The scheduler's goroutine (or one of the lanes it
// starts) writes it; the goroutine in Submit reads tokens while it is being written, under mu.
type sequence struct {
	ctx      context.Context
	images   []*image.RGBA
	prompt   []int32 // BOS, prompt, newline
	prefix   int     // positions of images and prompt
	max      int     // most tokens of the answer
	cache    *gemma.Cache
	last     int32 // token to be fed next
	repeats  repeats
	spelling spelling
	matcher  *grammar.Matcher // nil without a grammar
	closing  Stop             // why the grammar brings the answer to its end, "" while it does not
	scoring  *scoring         // not nil: texts are given, nothing is written

	stop                Stop  // "" while it is being decoded
	err                 error // why it cannot go on
	added, began, first time.Time
	ended               time.Time

	mu     sync.Mutex
	tokens []Token
	news   chan struct{} // has room for one sign that tokens have grown
}

// done says whether no further step is needed.
func (s *sequence) done() bool { return s.stop != "" || s.err != nil }

// write adds the token that was chosen to the answer and says whether that ends it. Under a grammar an answer
// that is to end is closed first.
func (s *sequence) write(id int32, logProb float32) {
	s.last = id
	loop := s.repeats.add(id)
	s.append(Token{ID: id, Text: s.spelling.next(id), LogProb: logProb})
	if s.matcher == nil {
		switch {
		case loop:
			s.stop = StopLoop
		case len(s.repeats.ids) >= s.max:
			s.stop = StopLength
		}
		return
	}
	if s.closing == "" {
		switch {
		case s.matcher.Closing():
			s.closing = StopLength
		case loop:
			s.closing = StopLoop
			s.matcher.Close()
		case len(s.repeats.ids) >= s.max:
			s.closing = StopLength // nothing is open: room for closing was kept
		}
	}
	if s.closing != "" && s.matcher.CanEnd() {
		s.stop = s.closing
	}
}

// append adds a token to the answer and wakes Submit.
func (s *sequence) append(t Token) {
	s.mu.Lock()
	s.tokens = append(s.tokens, t)
	s.mu.Unlock()
	select {
	case s.news <- struct{}{}:
	default:
	}
}

// since returns the tokens from number n on.
func (s *sequence) since(n int) []Token {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.tokens[n:len(s.tokens):len(s.tokens)]
}

// timing says where the time went.
func (s *sequence) timing() Timing {
	return Timing{Wait: s.began.Sub(s.added), Prefill: s.first.Sub(s.began), Decode: s.ended.Sub(s.first)}
}
