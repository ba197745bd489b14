package kern

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Why a text cannot be joined to another.
var (
	ErrNotWhole = errors.New("a part of it could not be read")
	ErrSpines   = errors.New("it has other spines")
	ErrEarlyEnd = errors.New("its spines do not all end on the last line, in their first order")
)

// Follows reports whether next can go on where s ends: nil, or why not. Both are
// systems, read with Options.Fragment.
func (s *Score) Follows(next *Score) error {
	switch {
	case !s.Whole() || !next.Whole():
		return ErrNotWhole
	case !slices.Equal(s.Exclusive, next.Exclusive):
		return ErrSpines
	case !inOrder(s.tail, len(s.Exclusive)) || !inOrder(next.tail, len(next.Exclusive)):
		return ErrEarlyEnd
	}
	return nil
}

// inOrder reports whether spines is 0 to n-1, each at least once.
func inOrder(spines []int, n int) bool {
	at := -1
	for _, s := range spines {
		if s != at && s != at+1 {
			return false
		}
		at = s
	}
	return at == n-1
}

// Ends reports whether the text closes with a final bar line.
func (s *Score) Ends() bool {
	n := len(s.Measures)
	return n > 0 && strings.HasPrefix(s.Measures[n-1].Close, "==")
}

// Join writes the systems of a movement as one text. A system that follows does
// not repeat its ** words, nor the clef, key, metre and other interpretations at
// its beginning that hold anyway; what it does not say, such as the metre, goes on
// from before. Of two bar lines at a seam the plainer is dropped, and where there
// is none and the bar is full by its metre, one is written. It returns an error
// when one text cannot follow the one before it, see Score.Follows.
func Join(texts []string) (string, error) {
	if len(texts) == 0 {
		return "", errors.New("kern: nothing to join")
	}
	var j joiner
	for i, t := range texts {
		s := Read(t, Options{Fragment: true})
		before := j.last
		if before == nil {
			before = s
		}
		if err := before.Follows(s); err != nil {
			return "", fmt.Errorf("kern: system %d of %d cannot be joined: %w", i+1, len(texts), err)
		}
		j.add(t, s)
	}
	n := len(j.last.Exclusive)
	j.collapse()
	return strings.Join(j.lines, "\n") + "\n" + strings.Repeat("*-\t", n-1) + "*-\n", nil
}

// held names an interpretation that holds until another of its kind comes.
type held struct {
	spine int
	kind  string
}

// joiner is a movement while it grows.
type joiner struct {
	lines []string
	last  *Score
	holds map[held]string
	metre Frac // length of a bar, 0 when free or unknown
}

// add appends a system.
func (j *joiner) add(text string, s *Score) {
	lines := strings.Split(strings.ReplaceAll(strings.TrimPrefix(text, "\ufeff"), "\r", ""), "\n")
	lines = slices.DeleteFunc(lines, func(l string) bool { return l == "" })
	start := slices.IndexFunc(lines, func(l string) bool { return strings.HasPrefix(l, "**") })
	end := len(lines) - 1
	for ; end > start && !strings.HasPrefix(lines[end], "*-"); end-- {
	}
	body := lines[start+1 : end]
	if j.last == nil {
		j.holds = map[held]string{}
		j.lines = append(j.lines, lines[:start+1]...)
	} else {
		j.collapse()
		body = j.seam(j.news(body))
	}
	j.lines = append(j.lines, body...)
	for k, v := range s.holds {
		j.holds[k] = v
	}
	for _, c := range s.Changes {
		if c.Kind == Metre {
			j.metre = c.Length
		}
	}
	j.last = s
}

// collapse joins the voices that a system leaves open at its end.
func (j *joiner) collapse() {
	tail := j.last.tail
	for spine := range j.last.Exclusive {
		fields := make([]string, len(tail))
		count := 0
		for i, s := range tail {
			if fields[i] = "*"; s == spine {
				fields[i] = "*v"
				count++
			}
		}
		if count > 1 {
			j.lines = append(j.lines, strings.Join(fields, "\t"))
			first := slices.Index(tail, spine)
			tail = slices.Delete(slices.Clone(tail), first+1, first+count)
		}
	}
}

// news leaves out of a system's beginning what holds anyway.
func (j *joiner) news(body []string) []string {
	var out []string
	for i, line := range body {
		fields := strings.Split(line, "\t")
		if line[0] == '=' || sort(line) == '.' || slices.ContainsFunc(fields, isPath) {
			return append(out, body[i:]...)
		}
		if line[0] == '*' {
			for spine, f := range fields {
				if kind := kindOf(f); kind != "" && f == j.holds[held{spine, kind}] {
					fields[spine] = "*"
				}
			}
			if !slices.ContainsFunc(fields, func(f string) bool { return f != "*" }) {
				continue
			}
		}
		out = append(out, strings.Join(fields, "\t"))
	}
	return out
}

var plainBar = regexp.MustCompile(`^=\d*(\t=\d*)*$`)

// seam sees to the bar line between what is there and what comes.
func (j *joiner) seam(body []string) []string {
	silent := func(l string) bool { return l[0] == '*' || l[0] == '!' }
	before := len(j.lines) - 1
	for before > 0 && silent(j.lines[before]) {
		before--
	}
	after := 0
	for after < len(body) && silent(body[after]) {
		after++
	}
	ends := before > 0 && j.lines[before][0] == '='
	begins := after < len(body) && body[after][0] == '='
	switch {
	case ends && begins && strings.Trim(body[after], "=\t") == "" && !strings.Contains(body[after], "=="):
		return slices.Delete(slices.Clone(body), after, after+1)
	case ends && begins && plainBar.MatchString(j.lines[before]):
		j.lines = slices.Delete(j.lines, before, before+1)
	case !ends && !begins && j.full():
		j.lines = append(j.lines, strings.Repeat("=\t", len(j.last.Exclusive)-1)+"=")
	}
	return body
}

// full reports whether the last bar lasts as long as its metre wants.
func (j *joiner) full() bool {
	n := len(j.last.Measures)
	if n == 0 {
		return false
	}
	m := j.last.Measures[n-1]
	want := m.Length
	if want.Zero() {
		want = j.metre
	}
	return !want.Zero() && m.Duration.Equal(want)
}

// kindOf says which interpretations take one another's place: clefs, keys,
// metres and so on; it is empty for what does not hold in this way.
func kindOf(token string) string {
	for _, prefix := range []string{"*clef", "*k[", "*met(", "*staff", "*part", `*I"`, "*MM"} {
		if strings.HasPrefix(token, prefix) {
			return prefix
		}
	}
	if metreToken.MatchString(token) || freeToken.MatchString(token) {
		return "*M"
	}
	return ""
}
