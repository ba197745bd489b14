package tokenizer

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"unicode/utf8"
	"unsafe"
)

// scanner walks over JSON without building values: a tokenizer.json has a million strings, and
// encoding/json takes seconds for them. Small objects found on the way go to encoding/json.
type scanner struct {
	data []byte
	at   int
}

var errJSON = errors.New("is no valid JSON")

// space moves to the next byte that is not white space and returns it, 0 at the end.
func (s *scanner) space() byte {
	for s.at < len(s.data) {
		switch c := s.data[s.at]; c {
		case ' ', '\t', '\n', '\r':
			s.at++
		default:
			return c
		}
	}
	return 0
}

// take moves past byte c, which must come next.
func (s *scanner) take(c byte) error {
	if s.space() != c {
		return fmt.Errorf("%w at byte %d: expected %q", errJSON, s.at, c)
	}
	s.at++
	return nil
}

// more reports whether another element follows in an array or object that ends with end, and moves
// past the comma or the end. first tells whether none has been read.
func (s *scanner) more(first bool, end byte) (bool, error) {
	c := s.space()
	if c == end {
		s.at++
		return false, nil
	}
	if !first {
		return true, s.take(',')
	}
	return true, nil
}

// text reads a string. Without escapes it is a view of the data, valid as long as that is.
func (s *scanner) text() (string, error) {
	if err := s.take('"'); err != nil {
		return "", err
	}
	start := s.at
	escaped := false
	for ; s.at < len(s.data); s.at++ {
		switch c := s.data[s.at]; {
		case c == '"':
			raw := s.data[start:s.at]
			s.at++
			if escaped {
				var text string
				if err := json.Unmarshal(s.data[start-1:s.at], &text); err != nil {
					return "", fmt.Errorf("%w at byte %d: %w", errJSON, start, err)
				}
				return text, nil
			}
			if !utf8.Valid(raw) {
				return "", fmt.Errorf("%w at byte %d: string is not UTF-8", errJSON, start)
			}
			return unsafe.String(unsafe.SliceData(raw), len(raw)), nil
		case c == '\\':
			escaped = true
			s.at++
		case c < ' ':
			return "", fmt.Errorf("%w at byte %d: control character in a string", errJSON, s.at)
		}
	}
	return "", fmt.Errorf("%w: a string does not end", errJSON)
}

// integer reads a whole number that fits 32 bits.
func (s *scanner) integer() (int32, error) {
	s.space()
	start := s.at
	for s.at < len(s.data) && (s.data[s.at] == '-' || '0' <= s.data[s.at] && s.data[s.at] <= '9') {
		s.at++
	}
	v, err := strconv.ParseInt(string(s.data[start:s.at]), 10, 32)
	if err != nil {
		return 0, fmt.Errorf("%w at byte %d: expected a whole number", errJSON, start)
	}
	return int32(v), nil
}

// skip moves past one value of any kind and returns its bytes. It pairs brackets but does not
// check what stands between them: whoever reads the bytes does.
func (s *scanner) skip() ([]byte, error) {
	s.space()
	start, depth := s.at, 0
	for s.at < len(s.data) {
		switch s.data[s.at] {
		case '"':
			if _, err := s.quoted(); err != nil {
				return nil, err
			}
		case '{', '[':
			depth++
			s.at++
		case '}', ']':
			if depth == 0 {
				return s.scalar(start)
			}
			depth--
			s.at++
		case ',':
			if depth == 0 {
				return s.scalar(start)
			}
			s.at++
			continue
		default:
			s.at++
			continue
		}
		if depth == 0 {
			return s.data[start:s.at], nil
		}
	}
	if depth > 0 {
		return nil, fmt.Errorf("%w: it ends inside an object or array", errJSON)
	}
	return s.scalar(start)
}

// scalar returns the value that ends where the scanner stands, which must not be empty.
func (s *scanner) scalar(start int) ([]byte, error) {
	v := bytes.TrimSpace(s.data[start:s.at])
	if len(v) == 0 {
		return nil, fmt.Errorf("%w at byte %d: a value is missing", errJSON, start)
	}
	return v, nil
}

// quoted moves past a string without reading it.
func (s *scanner) quoted() (end int, err error) {
	for s.at++; s.at < len(s.data); s.at++ {
		i := bytes.IndexByte(s.data[s.at:], '"')
		if i < 0 {
			break
		}
		s.at += i
		escapes := 0
		for s.data[s.at-1-escapes] == '\\' {
			escapes++
		}
		if escapes%2 == 0 {
			s.at++
			return s.at, nil
		}
	}
	return 0, fmt.Errorf("%w: a string does not end", errJSON)
}

// object calls f for every key of the object that comes next; f must read the value.
func (s *scanner) object(f func(key string) error) error {
	if err := s.take('{'); err != nil {
		return err
	}
	for first := true; ; first = false {
		more, err := s.more(first, '}')
		if err != nil || !more {
			return err
		}
		key, err := s.text()
		if err != nil {
			return err
		}
		if err := s.take(':'); err != nil {
			return err
		}
		if err := f(key); err != nil {
			return err
		}
	}
}

// array calls f for every element of the array that comes next; f must read it.
func (s *scanner) array(f func(i int) error) error {
	if err := s.take('['); err != nil {
		return err
	}
	for i := 0; ; i++ {
		more, err := s.more(i == 0, ']')
		if err != nil || !more {
			return err
		}
		if err := f(i); err != nil {
			return err
		}
	}
}

// fields splits an object into the bytes of its values.
func fields(data []byte) (map[string][]byte, error) {
	s := scanner{data: data}
	all := map[string][]byte{}
	err := s.object(func(key string) error {
		if len(all) == 1024 {
			return fmt.Errorf("%w: more than 1024 keys in one object", errJSON)
		}
		value, err := s.skip()
		all[key] = value
		return err
	})
	if err == nil && s.space() != 0 {
		err = fmt.Errorf("%w: something follows at byte %d", errJSON, s.at)
	}
	return all, err
}

// arena keeps copies of many small strings in few large blocks.
type arena struct{ free []byte }

func (a *arena) keep(s string) string {
	const block = 256 << 10
	if len(s) > block/4 {
		return string(append([]byte(nil), s...))
	}
	if len(s) > len(a.free) {
		a.free = make([]byte, block)
	}
	n := copy(a.free, s)
	kept := unsafe.String(unsafe.SliceData(a.free), n)
	a.free = a.free[n:]
	return kept
}
