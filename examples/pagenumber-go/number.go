package main

import (
	"strconv"
	"strings"
)

// number is what can be read as a page number.
type number struct {
	value int64
	style string // arabic or roman
	text  string // without what is drawn around it
}

// The styles of a number.
const (
	arabic = "arabic"
	roman  = "roman"
)

// around is what people draw around page numbers.
const around = " \t\r\n-–—.,·•*~|()[]"

// Bounds on numbers. Roman ones count the pages of prefaces; beyond, words
// such as "mix" are numbers.
const (
	maxDigits = 5
	maxRoman  = 399
)

// parse reads a text as a page number: digits, or a Roman numeral in its usual
// form and in one case, perhaps with dashes, brackets or points around it.
func parse(s string) (number, bool) {
	text := strings.Trim(s, around)
	if v, ok := digits(text); ok {
		return number{v, arabic, text}, true
	}
	if text == strings.ToLower(text) || text == strings.ToUpper(text) {
		for v := int64(1); v <= maxRoman; v++ {
			if strings.EqualFold(numeral(v), text) {
				return number{v, roman, text}, true
			}
		}
	}
	return number{}, false
}

func digits(s string) (int64, bool) {
	if len(s) == 0 || len(s) > maxDigits || strings.Trim(s, "0123456789") != "" {
		return 0, false
	}
	v, err := strconv.ParseInt(s, 10, 64)
	return v, err == nil && v > 0
}

// numeral writes a number below 400 in Roman letters.
func numeral(v int64) string {
	var b strings.Builder
	for _, d := range []struct {
		worth int64
		text  string
	}{{100, "c"}, {90, "xc"}, {50, "l"}, {40, "xl"}, {10, "x"}, {9, "ix"}, {5, "v"}, {4, "iv"}, {1, "i"}} {
		for ; v >= d.worth; v -= d.worth {
			b.WriteString(d.text)
		}
	}
	return b.String()
}
