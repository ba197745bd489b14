// Package cron reads the five fields of a crontab line and says when the next time comes. Times are UTC, always: a
// schedule that followed a place's clock would run twice or not at all on two nights a year.
package cron

import (
	"fmt"
	"math/bits"
	"strconv"
	"strings"
	"time"
)

// maxBytes bounds an expression; every minute written out by itself is shorter.
const maxBytes = 256

// horizon is how many years ahead Next looks: a Sunday that is a 29 February may be forty years away, where a century
// does not leap.
const horizon = 41

// Schedule is a parsed expression. The zero value matches nothing. It is a river.PeriodicSchedule.
type Schedule struct {
	minute, hour, day, month, weekday uint64 // bit n: value n
	everyDay, everyWeekday            bool   // the field began with *
	text                              string
}

// Error says which field of an expression is wrong, and how.
type Error struct {
	Expression, Field, Reason string
}

// Error tells what a field may be.
func (e *Error) Error() string {
	where := ""
	if e.Field != "" {
		where = e.Field + ": "
	}
	return fmt.Sprintf("cron expression %.80q: %s%s; write five fields in UTC: minute (0-59) hour (0-23) day of month (1-31) month (1-12) day of week (0-6, Sunday 0), such as \"0 2 * * *\" for every night at two",
		e.Expression, where, e.Reason)
}

// field says what values a field takes.
type field struct {
	name     string
	min, max int
	names    []string // of the values from min on
}

var fields = [5]field{
	{"minute", 0, 59, nil},
	{"hour", 0, 23, nil},
	{"day of month", 1, 31, nil},
	{"month", 1, 12, []string{"jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"}},
	{"day of week", 0, 7, []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}}, // 7 is Sunday too
}

var macros = map[string]string{
	"@hourly": "0 * * * *", "@daily": "0 0 * * *", "@midnight": "0 0 * * *", "@weekly": "0 0 * * 0",
	"@monthly": "0 0 1 * *", "@yearly": "0 0 1 1 *", "@annually": "0 0 1 1 *",
}

// Parse reads an expression as crontab(5) has it: numbers, names of months and weekdays, ranges (1-5), steps (*/15,
// 8-18/2), lists of these, and @hourly, @daily, @weekly, @monthly, @yearly. Where day of month and day of week are
// both given, a day that fits either counts. An expression that no day ever fits is an *Error, like every other.
func Parse(expression string) (Schedule, error) {
	fail := func(name, format string, args ...any) (Schedule, error) {
		return Schedule{}, &Error{expression, name, fmt.Sprintf(format, args...)}
	}
	if len(expression) > maxBytes {
		return fail("", "it is longer than %d bytes", maxBytes)
	}
	line := strings.ToLower(strings.TrimSpace(expression))
	if full, ok := macros[line]; ok {
		line = full
	}
	parts := strings.Fields(line)
	if len(parts) != len(fields) {
		return fail("", "it has %d fields, not five", len(parts))
	}
	var sets [5]uint64
	for i, f := range fields {
		set, err := f.parse(parts[i])
		if err != nil {
			return fail(f.name, "%v", err)
		}
		sets[i] = set
	}
	weekday := sets[4]
	if weekday&(1<<7) != 0 {
		weekday = weekday&^(1<<7) | 1
	}
	s := Schedule{minute: sets[0], hour: sets[1], day: sets[2], month: sets[3], weekday: weekday,
		everyDay: parts[2][0] == '*', everyWeekday: parts[4][0] == '*', text: strings.Join(strings.Fields(expression), " ")}
	if s.Next(time.Unix(0, 0)).IsZero() {
		return fail("", "no such day ever comes")
	}
	return s, nil
}

// parse reads one field.
func (f field) parse(text string) (set uint64, err error) {
	for part := range strings.SplitSeq(text, ",") {
		span, stepText, stepped := strings.Cut(part, "/")
		step := 1
		if stepped {
			if step, err = strconv.Atoi(stepText); err != nil || step < 1 || step > f.max {
				return 0, fmt.Errorf("step %.20q is not a number from 1 to %d", stepText, f.max)
			}
		}
		first, last := f.min, f.max
		if span != "*" {
			from, to, ranged := strings.Cut(span, "-")
			if first, err = f.value(from); err != nil {
				return 0, err
			}
			if last = first; ranged {
				if last, err = f.value(to); err != nil {
					return 0, err
				}
			} else if stepped {
				last = f.max // 5/15 means 5-59/15
			}
		} else if f.names != nil && f.min == 0 {
			last = f.min + len(f.names) - 1 // * is each weekday once
		}
		if last < first {
			return 0, fmt.Errorf("%.20q ends before it begins", span)
		}
		for v := first; v <= last; v += step {
			set |= 1 << v
		}
	}
	return set, nil
}

func (f field) value(text string) (int, error) {
	for i, name := range f.names {
		if text == name {
			return f.min + i, nil
		}
	}
	v, err := strconv.Atoi(text)
	if err != nil || v < f.min || v > f.max || text[0] == '+' || text[0] == '-' {
		return 0, fmt.Errorf("%.20q is not one of %d to %d", text, f.min, f.max)
	}
	return v, nil
}

// String is the expression as it was written.
func (s Schedule) String() string { return s.text }

// Next is the first minute after t that fits, in UTC; the zero time where none ever does.
func (s Schedule) Next(t time.Time) time.Time {
	t = t.UTC().Truncate(time.Minute).Add(time.Minute)
	for limit := t.AddDate(horizon, 0, 0); t.Before(limit); {
		switch y, m, d := t.Date(); {
		case s.month&(1<<m) == 0:
			t = time.Date(y, m+1, 1, 0, 0, 0, 0, time.UTC)
		case !s.fits(t):
			t = time.Date(y, m, d+1, 0, 0, 0, 0, time.UTC)
		case s.hour&(1<<t.Hour()) == 0:
			t = time.Date(y, m, d, t.Hour()+1, 0, 0, 0, time.UTC)
		default:
			// The minute, or none in this hour any more.
			if left := s.minute >> t.Minute(); left != 0 {
				return t.Add(time.Duration(bits.TrailingZeros64(left)) * time.Minute)
			}
			t = time.Date(y, m, d, t.Hour()+1, 0, 0, 0, time.UTC)
		}
	}
	return time.Time{}
}

// fits is the rule of crontab(5) for the two fields that choose days.
func (s Schedule) fits(t time.Time) bool {
	day, weekday := s.day&(1<<t.Day()) != 0, s.weekday&(1<<t.Weekday()) != 0
	if s.everyDay || s.everyWeekday {
		return day && weekday
	}
	return day || weekday
}
