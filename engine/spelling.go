package engine

import (
	"strings"
	"unicode/utf8"

	"palimpsest.dev/engine/tokenizer"
)

// spelling gives each token of an answer its part of the text, so that the parts of all tokens joined are
// the text. The bytes of a character that the vocabulary does not know come as one token each; the character
// belongs to the last of them.
type spelling struct {
	tokens  *tokenizer.Tokenizer
	pending []int32 // byte tokens whose character is not complete
}

// next is the text of the next token.
func (s *spelling) next(id int32) string {
	text := s.tokens.Decode([]int32{id})
	if !strings.ContainsRune(text, utf8.RuneError) {
		return s.flush() + text
	}
	s.pending = append(s.pending, id)
	text = s.tokens.Decode(s.pending)
	if strings.ContainsRune(text, utf8.RuneError) && len(s.pending) < utf8.UTFMax {
		return ""
	}
	s.pending = s.pending[:0]
	return text
}

// flush is the text of what never became a character.
func (s *spelling) flush() string {
	if len(s.pending) == 0 {
		return ""
	}
	text := s.tokens.Decode(s.pending)
	s.pending = s.pending[:0]
	return text
}
