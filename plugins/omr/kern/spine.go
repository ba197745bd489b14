package kern

import (
	"fmt"
	"strings"
)

// column is one of the columns that a line has.
type column struct {
	spine int
	kern  bool
	staff int
	until Frac // when its last note ends
	fresh bool // made by *+, its ** word comes next
}

// paths are the interpretations that change what columns there are.
func isPath(token string) bool {
	switch token {
	case "*^", "*v", "*x", "*+", "*-":
		return true
	}
	return false
}

// follow applies a line of path interpretations. It reports false when the
// columns that come after are anybody's guess.
func (r *reader) follow(fields []string) bool {
	var next []column
	before := r.columns
	for i := 0; i < len(fields); i++ {
		c := r.columns[i]
		switch fields[i] {
		case "*^":
			next = append(next, c, c)
		case "*+":
			r.exclusive = append(r.exclusive, "")
			next = append(next, c, column{spine: len(r.exclusive) - 1, until: r.now, fresh: true})
		case "*-":
			r.end = latest(r.end, c.until)
			if c.kern {
				r.closed = append(r.closed, c.until)
			}
		case "*x":
			if i+1 == len(fields) || fields[i+1] != "*x" {
				r.fail(i, BadExchange, "*x wants a second *x beside it")
				return false
			}
			next = append(next, r.columns[i+1], c)
			i++
		case "*v":
			last := i
			for last+1 < len(fields) && fields[last+1] == "*v" && r.columns[last+1].spine == c.spine {
				last++
			}
			if last == i {
				r.fail(i, BadJoin, "*v wants a second *v beside it in the same spine")
				return false
			}
			next = append(next, r.join(i, last))
			i = last
		default:
			next = append(next, c)
		}
		if len(next) > MaxColumns {
			r.fail(-1, TooLarge, fmt.Sprintf("more than %d columns", MaxColumns))
			return false
		}
	}
	r.columns = next
	if len(next) == 0 {
		r.ended = true
		r.checkClosed()
		for _, c := range before {
			r.score.tail = append(r.score.tail, c.spine)
		}
	}
	return true
}

// join makes one column of several of the same spine.
func (r *reader) join(first, last int) column {
	c := r.columns[first]
	for i := first + 1; i <= last; i++ {
		if o := r.columns[i]; c.kern && !o.until.Equal(c.until) && !r.torn {
			r.fail(i, VoicesOutOfTime, fmt.Sprintf("voices join at %s and %s quarter notes", c.until, o.until))
			c.until = latest(c.until, o.until)
		}
	}
	return c
}

// checkClosed says so when the columns that ended on the last line did not end at
// the same time. No bar line and no note follows that it could put out of place.
func (r *reader) checkClosed() {
	for _, t := range r.closed {
		if !r.torn && !t.Equal(r.closed[0]) {
			r.fail(-1, MeasureDuration, fmt.Sprintf("the last bar ends at %s quarter notes in one voice and at %s in another", r.closed[0], t))
			return
		}
	}
}

// begin reads the line of ** words.
func (r *reader) begin(fields []string) bool {
	if len(fields) > MaxColumns {
		r.fail(-1, TooLarge, fmt.Sprintf("%d columns: at most %d", len(fields), MaxColumns))
		return false
	}
	staves := 0
	for i, f := range fields {
		if !strings.HasPrefix(f, "**") || len(f) < 3 {
			r.fail(i, NoExclusive, fmt.Sprintf("%s where every column should begin with **kern or another ** word", short(f)))
			return false
		}
		if f == exclusiveKern {
			staves++
		}
	}
	r.exclusive = append(r.exclusive, fields...)
	r.staves = staves
	for i, f := range fields {
		c := column{spine: i, kern: f == exclusiveKern}
		if c.kern {
			c.staff = staves
			staves--
		}
		r.columns = append(r.columns, c)
	}
	return true
}

// name reads the ** word of columns that *+ made; other columns have a *.
func (r *reader) name(fields []string) bool {
	for i, f := range fields {
		c := &r.columns[i]
		if !c.fresh {
			continue
		}
		if !strings.HasPrefix(f, "**") || len(f) < 3 {
			r.fail(i, NoExclusive, fmt.Sprintf("%s where a column made by *+ should say what it holds", short(f)))
			return false
		}
		c.fresh, c.kern = false, f == exclusiveKern
		r.exclusive[c.spine] = f
		if c.kern {
			r.staves++
			c.staff = r.staves
			c.until = r.now
		}
	}
	return true
}

func latest(a, b Frac) Frac {
	if a.Cmp(b) < 0 {
		return b
	}
	return a
}

// short is a token as it is shown in a reason.
func short(s string) string {
	if len(s) > 40 {
		s = strings.ToValidUTF8(s[:40], "") + "..."
	}
	return fmt.Sprintf("%q", s)
}
