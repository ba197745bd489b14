package grammar

import (
	"unicode"
	"unicode/utf8"
)

// char is a character on its way in: byte pieces bring it byte by byte. The zero value is between characters.
type char struct {
	bytes   [utf8.UTFMax]byte
	n, want uint8 // bytes read and bytes it has; want is unknown where the context is
}

const unknown = 0xff

// blindChar is a character of which some bytes have been read, nobody knows which.
var blindChar = char{want: unknown}

// inside says that a character has begun and not ended.
func (c *char) inside() bool { return c.want != 0 }

// step reads a byte of a visible character: neither space nor control, nor U+FFFD, which stands for bytes that
// are none. done says that it is complete.
func (c *char) step(b byte) (done bool, v verdict) {
	switch {
	case c.want == unknown:
		if b&0xc0 == 0x80 {
			return false, lost
		}
		return false, no
	case c.want == 0 && b < utf8.RuneSelf:
		return true, visible(rune(b))
	case c.want == 0:
		switch {
		case b >= 0xc2 && b <= 0xdf:
			c.want = 2
		case b >= 0xe0 && b <= 0xef:
			c.want = 3
		case b >= 0xf0 && b <= 0xf4:
			c.want = 4
		default:
			return false, no
		}
		c.bytes[0], c.n = b, 1
		return false, yes
	}
	c.bytes[c.n] = b
	c.n++
	if c.n < c.want {
		return false, c.possible()
	}
	r, size := utf8.DecodeRune(c.bytes[:c.n])
	if r == utf8.RuneError || size != int(c.n) {
		return false, no
	}
	*c = char{}
	return true, visible(r)
}

// possible says whether some character begins with the bytes read.
func (c *char) possible() verdict {
	second := c.bytes[1]
	low, high := byte(0x80), byte(0xbf)
	switch c.bytes[0] { // the ranges of table 3-7 of the Unicode standard
	case 0xe0:
		low = 0xa0
	case 0xed:
		high = 0x9f
	case 0xf0:
		low = 0x90
	case 0xf4:
		high = 0x8f
	}
	if second < low || second > high || c.bytes[c.n-1]&0xc0 != 0x80 {
		return no
	}
	return yes
}

func visible(r rune) verdict {
	if r == utf8.RuneError || unicode.IsSpace(r) || unicode.IsControl(r) {
		return no
	}
	return yes
}

// close appends the first bytes in order that complete the character.
func (c char) close(text []byte) []byte {
	for c.inside() {
		for b := byte(0x80); b <= 0xbf; b++ {
			next := c
			if done, v := next.step(b); v == yes && (done || next.completes()) {
				c, text = next, append(text, b)
				break
			}
		}
	}
	return text
}

// completes says whether a visible character begins with the bytes read.
func (c char) completes() bool {
	for b := byte(0x80); b <= 0xbf; b++ {
		next := c
		if done, v := next.step(b); v == yes && (done || next.completes()) {
			return true
		}
	}
	return false
}
