package engine

import "testing"

// In these tests ids from 1000 are locations.
func location(id int32) bool { return id >= 1000 }

// times repeats a piece.
func times(n int, piece ...int32) []int32 {
	var ids []int32
	for range n {
		ids = append(ids, piece...)
	}
	return ids
}

// table is a table of n words that are all the same, each at its own place.
func table(n int, word ...int32) []int32 {
	var ids []int32
	for i := range int32(n) {
		y, x := 1000+i/8*20, 1000+i%8*100
		ids = append(ids, y, x, y+10, x+80)
		ids = append(ids, word...)
	}
	return ids
}

func TestRepeats(t *testing.T) {
	t.Parallel()
	intro := []int32{1001, 1002, 1003, 1004, 7, 8}
	for _, c := range []struct {
		name string
		ids  []int32
		want bool
	}{
		{"nothing", nil, false},
		{"a table of the same word", table(400, 5, 6), false},
		{"a table of one-letter words", table(400, 5), false},
		{"the same word at the same place, three times", times(3, 1001, 1002, 1003, 1004, 7, 8), false},
		{"the same word at the same place, four times", times(4, 1001, 1002, 1003, 1004, 7, 8), true},
		{"four times after other words", append(table(30, 5), times(4, 1001, 1002, 1003, 1004, 7)...), true},
		{"two words in turn at their places", times(4, 1001, 1002, 1003, 1004, 7, 1005, 1006, 1007, 1008, 9), true},
		{"same place, different words", append(times(1, 1001, 1002, 1003, 1004, 7), times(2, 1001, 1002, 1003, 1004, 8)...), false},
		{"dot leader in an answer with boxes", append(intro, times(100, 9)...), false},
		{"a word without end", append(intro, times(140, 9)...), true},
		{"a row of zeros without boxes", times(300, 5, 3), false},
		{"plain table: fifty identical rows", times(50, 5, 3, 6, 3, 7, 4), false},
		{"plain table: a hundred empty cells", times(100, 5, 6), false},
		{"plain table: forty identical rows of zeros", times(40, append(times(15, 5, 3), 9)...), false},
		{"a thousand equal tokens", times(1100, 9), true},
		{"a sentence over and over", times(70, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16), true},
		{"a loop that ended", append(times(1100, 9), 1, 2, 3), false},
	} {
		if got := Repeats(c.ids, location); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

func BenchmarkRepeats(b *testing.B) {
	ids := table(40, 5, 6, 7)
	for b.Loop() {
		Repeats(ids, location)
	}
}
