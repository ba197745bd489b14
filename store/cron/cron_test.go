package cron

import (
	"errors"
	"strings"
	"testing"
	"time"
)

func at(t *testing.T, s string) time.Time {
	t.Helper()
	v, err := time.Parse("Mon 2006-01-02 15:04", s)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestNext(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ expression, after, want string }{
		{"0 2 * * *", "Mon 2026-11-23 01:59", "Mon 2026-11-23 02:00"},
		{"0 2 * * *", "Mon 2026-11-23 02:00", "Tue 2026-11-24 02:00"}, // never the same minute again
		{"*/15 * * * *", "Mon 2026-11-23 10:07", "Mon 2026-11-23 10:15"},
		{"*/15 * * * *", "Mon 2026-11-23 10:45", "Mon 2026-11-23 11:00"},
		{"5/20 * * * *", "Mon 2026-11-23 10:26", "Mon 2026-11-23 10:45"},
		{"0 8-18/2 * * mon-fri", "Fri 2026-11-27 18:00", "Mon 2026-11-30 08:00"},
		{"30 4 1,15 * *", "Mon 2026-11-23 00:00", "Tue 2026-12-01 04:30"},
		{"30 4 1,15 * fri", "Mon 2026-11-23 00:00", "Fri 2026-11-27 04:30"}, // either fits
		{"30 4 */2 * fri", "Mon 2026-11-23 00:00", "Fri 2026-11-27 04:30"},  // * first: both must
		{"0 0 * * 7", "Mon 2026-11-23 00:00", "Sun 2026-11-29 00:00"},
		{"0 0 * * 5-7", "Sat 2026-11-28 00:00", "Sun 2026-11-29 00:00"},
		{"0 0 31 * *", "Mon 2026-11-23 00:00", "Thu 2026-12-31 00:00"},
		{"0 0 29 2 *", "Mon 2096-12-31 00:00", "Fri 2104-02-29 00:00"}, // 2100 does not leap
		{"59 23 31 dec *", "Thu 2026-12-31 23:59", "Fri 2027-12-31 23:59"},
		{"@daily", "Mon 2026-11-23 10:00", "Tue 2026-11-24 00:00"},
		{" @Hourly ", "Mon 2026-11-23 10:00", "Mon 2026-11-23 11:00"},
		{"* * * * *", "Mon 2026-11-23 10:00", "Mon 2026-11-23 10:01"},
	} {
		s, err := Parse(c.expression)
		if err != nil {
			t.Error(err)
			continue
		}
		// The zone of the question does not matter: schedules are UTC.
		after := at(t, c.after).In(time.FixedZone("far", 9*3600))
		if got := s.Next(after); !got.Equal(at(t, c.want)) {
			t.Errorf("%q after %s is %s, want %s", c.expression, c.after, got.Format("Mon 2006-01-02 15:04"), c.want)
		}
	}
}

func TestWrongExpressions(t *testing.T) {
	t.Parallel()
	for expression, want := range map[string]string{
		"":                        "0 fields",
		"0 2 * *":                 "4 fields",
		"0 0 2 * * *":             "6 fields",
		"60 * * * *":              `minute: "60"`,
		"-1 * * * *":              "minute",
		"+1 * * * *":              "minute",
		"* 24 * * *":              `hour: "24"`,
		"* * 0 * *":               "day of month",
		"* * * 13 *":              "month",
		"* * * * 8":               "day of week",
		"* * * * moonday":         `"moonday"`,
		"*/0 * * * *":             `step "0"`,
		"*/x * * * *":             `step "x"`,
		"30-10 * * * *":           "ends before it begins",
		"1,,2 * * * *":            `""`,
		"0 0 30 2 *":              "no such day",
		"@reboot":                 "1 fields",
		"every night":             "2 fields",
		strings.Repeat("1,", 200): "longer than 256",
	} {
		_, err := Parse(expression)
		var wrong *Error
		if !errors.As(err, &wrong) || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "five fields") {
			t.Errorf("%q: %v, want %q and what to write", expression, err, want)
		}
	}
}

func TestZeroScheduleNeverComes(t *testing.T) {
	t.Parallel()
	if next := (Schedule{}).Next(time.Unix(0, 0)); !next.IsZero() {
		t.Error(next)
	}
}

// Whatever parses comes, later than asked for, on a whole minute, and with nothing that fits in between.
// Every day that the calendar has comes within the horizon, on every weekday: the calendar repeats after 400 years.
func TestRareDaysCome(t *testing.T) {
	t.Parallel()
	last := map[[3]int]time.Time{}
	for day := time.Date(1970, 1, 1, 0, 0, 0, 0, time.UTC); day.Year() < 2420; day = day.AddDate(0, 0, 1) {
		key := [3]int{int(day.Month()), day.Day(), int(day.Weekday())}
		if before, ok := last[key]; ok && !day.Before(before.AddDate(horizon, 0, 0)) {
			t.Fatalf("%v comes again on %v, beyond %d years", before, day, horizon)
		}
		last[key] = day
	}
	s, err := Parse("0 0 29 2 */7")
	if err != nil {
		t.Fatal(err)
	}
	if got, want := s.Next(time.Date(2088, 3, 1, 0, 0, 0, 0, time.UTC)), time.Date(2128, 2, 29, 0, 0, 0, 0, time.UTC); !got.Equal(want) {
		t.Errorf("the Sunday after 2088 is %v, want %v", got, want)
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"0 2 * * *", "*/15 8-18 * * mon-fri", "0 0 29 2 *", "1,2,3-9/2 * 1 jan 7", "@weekly", "0 0 30 2 *", "*/7 */5 */3 */2 */2"} {
		f.Add(s, int64(1795435200))
	}
	f.Fuzz(func(t *testing.T, expression string, unix int64) {
		s, err := Parse(expression)
		if err != nil {
			return
		}
		after := time.Unix(unix%(1<<33), 0).UTC()
		next := s.Next(after)
		if !next.After(after) || next.Second() != 0 {
			t.Fatalf("%q after %v is %v", expression, after, next)
		}
		if again := s.Next(next.Add(-time.Second)); !again.Equal(next) {
			t.Fatalf("%q after %v is %v, but a second before that %v", expression, after, next, again)
		}
		if reread, err := Parse(s.String()); err != nil || !reread.Next(after).Equal(next) {
			t.Fatalf("%q is written %q: %v", expression, s, err)
		}
	})
}
