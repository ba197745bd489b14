package render

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"sort"
	"strconv"
	"strings"
)

// Bounds of the search for a broken PDF's objects.
const (
	rebuildBytes   = 128 << 20 // of a file that is searched
	rebuildObjects = 200_000
	rebuildHead    = 4 << 10 // bytes of an object that are looked at
)

var (
	objectStart = regexp.MustCompile(`(\d{1,7})[ \t\r\n\f\x00]+(\d{1,5})[ \t\r\n\f\x00]+obj`)
	objectEnd   = regexp.MustCompile(`endobj|stream|[ \t\r\n\f\x00]\d{1,7}[ \t\r\n\f\x00]+\d{1,5}[ \t\r\n\f\x00]+obj`)
	encryption  = regexp.MustCompile(`/Encrypt[ \t\r\n\f\x00]*(\d|<<)`)
	pageType    = regexp.MustCompile(`/Type[ \t\r\n\f\x00]*/Page[^s0-9A-Za-z]`)
)

// rebuilt writes a PDF whose table of objects or tree of pages is beyond use
// anew: the objects found in it stay where they are, and behind them come a flat
// tree of all page objects, in the order of the file, and a table. It returns
// false where no page is in sight or the document is encrypted.
func rebuilt(b blob, most int) (blob, bool) {
	if b.size > rebuildBytes {
		return blob{}, false
	}
	data, err := b.bytes()
	if err != nil || encryption.Match(data) {
		return blob{}, false
	}
	at, numbers := objectsOf(data)
	var pages []int
	for _, n := range numbers {
		if pageType.Match(objectHead(data, at[n])) {
			pages = append(pages, n)
		}
	}
	if len(pages) == 0 || len(pages) > most {
		return blob{}, false
	}
	sort.Slice(pages, func(i, j int) bool { return at[pages[i]].at < at[pages[j]].at })
	var kids strings.Builder
	for _, n := range pages {
		fmt.Fprintf(&kids, "%d %d R ", n, at[n].generation)
	}
	out := bytes.NewBuffer(data)
	add := func(format string, args ...any) int {
		n := numbers[len(numbers)-1] + 1
		numbers = append(numbers, n)
		out.WriteString("\n")
		at[n] = object{at: out.Len()}
		fmt.Fprintf(out, "%d 0 obj\n"+format+"\nendobj\n", append([]any{n}, args...)...)
		return n
	}
	tree := add("<</Type/Pages/Count %d/Kids[%s]>>", len(pages), kids.String())
	root := add("<</Type/Catalog/Pages %d 0 R>>", tree)
	table := out.Len()
	out.WriteString("xref\n0 1\n0000000000 65535 f \n")
	for _, n := range numbers {
		fmt.Fprintf(out, "%d 1\n%010d %05d n \n", n, at[n].at, at[n].generation)
	}
	fmt.Fprintf(out, "trailer\n<</Size %d/Root %d 0 R>>\nstartxref\n%d\n%%%%EOF\n", root+1, root, table)
	return blob{bytes.NewReader(out.Bytes()), int64(out.Len())}, true
}

// object is where an object of a PDF begins.
type object struct{ at, generation int }

// objectsOf finds the last definition of each object, and the numbers in
// order.
func objectsOf(data []byte) (map[int]object, []int) {
	at := map[int]object{}
	for _, m := range objectStart.FindAllSubmatchIndex(data, rebuildObjects) {
		n, err := strconv.Atoi(string(data[m[2]:m[3]]))
		if err != nil || n == 0 {
			continue
		}
		g, err := strconv.Atoi(string(data[m[4]:m[5]]))
		if err == nil && g <= 65535 {
			at[n] = object{m[0], g}
		}
	}
	numbers := make([]int, 0, len(at)+2)
	for n := range at {
		numbers = append(numbers, n)
	}
	slices.Sort(numbers)
	return at, numbers
}

// objectHead is the beginning of an object's dictionary, up to its end, its
// stream or the next object.
func objectHead(data []byte, o object) []byte {
	head := data[o.at:min(o.at+rebuildHead, len(data))]
	const past = len("1 0 obj") // or the object's own start would end it
	if len(head) <= past {
		return nil
	}
	if m := objectEnd.FindIndex(head[past:]); m != nil {
		return head[:past+m[0]]
	}
	return head
}
