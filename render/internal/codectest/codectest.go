// Package codectest holds the picture that the tests of the image decoders
// share. It is computed; the files in their testdata are what other programs
// made of it, and their names say how.
package codectest

import (
	"os"
	"path/filepath"
	"testing"
)

// Wide and High are the picture's size in pixels.
const Wide, High = 19, 13

// Sharp computes a value of the picture, of component c at x and y: edges and
// noise, and rows of one value.
func Sharp(bits, x, y, c int) uint16 {
	if y >= 3 && y < 6 {
		return 40
	}
	v := (x*x*3+y*17*(c+1)+(x*7+y*13)%5*9)<<(bits-8) | (x ^ y)
	return uint16(v & (1<<bits - 1))
}

// Vectors reads the files of testdata that match a pattern, by path. There
// must be some.
func Vectors(t testing.TB, pattern string) map[string][]byte {
	t.Helper()
	names, err := filepath.Glob(filepath.Join("testdata", pattern))
	if err != nil || len(names) == 0 {
		t.Fatalf("no vectors: %v", err)
	}
	out := map[string][]byte{}
	for _, n := range names {
		if out[n], err = os.ReadFile(n); err != nil {
			t.Fatal(err)
		}
	}
	return out
}
