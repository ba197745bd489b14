package tokenizer

import (
	"unicode"
	"unicode/utf8"
)

// addedToken is a token matched in the text before byte-pair encoding sees it.
type addedToken struct {
	id                         int32
	content                    string
	singleWord, lstrip, rstrip bool
}

// addedSet finds added tokens in a text: the leftmost, and of those the longest.
type addedSet struct {
	tokens    []addedToken
	byContent map[string]int32
	nodes     []trieNode // nodes[0] is the root
	first     [256]bool  // bytes that some token begins with
}

// trieNode is one byte of some token; children are linked by sibling.
type trieNode struct {
	b              byte
	child, sibling int32 // 0 for none
	token          int32 // index into tokens, -1 for none
}

// add enters a token; a later one replaces an earlier one of equal content.
func (s *addedSet) add(tok addedToken) {
	if tok.content == "" {
		return
	}
	if s.byContent == nil {
		s.byContent = map[string]int32{}
		s.nodes = []trieNode{{token: -1}}
	}
	at := int32(0)
	for i := range len(tok.content) {
		at = s.step(at, tok.content[i])
	}
	s.first[tok.content[0]] = true
	s.byContent[tok.content] = tok.id
	s.nodes[at].token = int32(len(s.tokens))
	s.tokens = append(s.tokens, tok)
}

// step goes to the child of node at for byte b, which it makes if need be.
func (s *addedSet) step(at int32, b byte) int32 {
	if c := s.child(at, b); c != 0 {
		return c
	}
	c := int32(len(s.nodes))
	s.nodes = append(s.nodes, trieNode{b: b, sibling: s.nodes[at].child, token: -1})
	s.nodes[at].child = c
	return c
}

func (s *addedSet) child(at int32, b byte) int32 {
	c := s.nodes[at].child
	for c != 0 && s.nodes[c].b != b {
		c = s.nodes[c].sibling
	}
	return c
}

// longest finds the longest token that text begins with.
func (s *addedSet) longest(text string) (token int32) {
	token = -1
	at := int32(0)
	for i := range len(text) {
		if at = s.child(at, text[i]); at == 0 {
			break
		}
		if s.nodes[at].token >= 0 {
			token = s.nodes[at].token
		}
	}
	return token
}

// each calls f for every stretch of text in order: with an id for an added token, with -1 for what
// lies between.
func (s *addedSet) each(text string, f func(part string, id int32)) {
	done := 0 // text before this has been handed out
	for i := 0; len(s.tokens) > 0 && i < len(text); i++ {
		if !s.first[text[i]] || i < done {
			continue
		}
		found := s.longest(text[i:])
		if found < 0 {
			continue
		}
		tok := &s.tokens[found]
		start, end := i, i+len(tok.content)
		if tok.singleWord && (wordBefore(text[:start]) || wordAfter(text[end:])) {
			i = end - 1
			continue
		}
		if tok.lstrip {
			start = trimRight(text, done, start)
		}
		if tok.rstrip {
			end = trimLeft(text, end)
		}
		if start > done {
			f(text[done:start], -1)
		}
		f(text[start:end], tok.id)
		done, i = end, end-1
	}
	if done < len(text) {
		f(text[done:], -1)
	}
}

func wordBefore(s string) bool {
	r, n := utf8.DecodeLastRuneInString(s)
	return n > 0 && wordRune(r)
}

func wordAfter(s string) bool {
	r, n := utf8.DecodeRuneInString(s)
	return n > 0 && wordRune(r)
}

func wordRune(r rune) bool {
	return r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r)
}

// trimRight moves start left over white space, not past low.
func trimRight(text string, low, start int) int {
	for start > low {
		r, n := utf8.DecodeLastRuneInString(text[low:start])
		if !unicode.IsSpace(r) {
			break
		}
		start -= n
	}
	return start
}

// trimLeft moves end right over white space.
func trimLeft(text string, end int) int {
	for end < len(text) {
		r, n := utf8.DecodeRuneInString(text[end:])
		if !unicode.IsSpace(r) {
			break
		}
		end += n
	}
	return end
}
