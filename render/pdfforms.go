package render

import (
	"bytes"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu/types"
)

// A form of a PDF may draw other forms, and itself: a few hundred bytes ask for
// more drawings than there is time for. PDFium follows them while it loads the
// page, down to formLevels, so they are counted beforehand, by the second
// library, and those that draw too much are left out.

const (
	formLevels      = 40       // of forms within forms that PDFium follows
	maxFormContent  = 64 << 20 // bytes of forms' contents that are looked into, together
	maxFormsWithout = 1_000    // forms left out of one document
)

var formType = regexp.MustCompile(`/Subtype[\s\x00]*/(Form)\b`)

// form is what a form draws: others by their object numbers, and how often.
type form struct {
	draws  map[int]int
	paints bool // also something that is no form
}

// forms counts what the forms of a document draw. It returns the numbers of
// those that would draw more than MaxFormDraws, and whether anything is lost
// with them: forms that draw nothing but forms draw nothing.
func (s *actions) forms(numbers []int) (without []int, lost bool) {
	all := map[int]*form{}
	streams := map[int]types.StreamDict{}
	for _, n := range numbers {
		if d, ok := s.streamOf(n); ok && s.name(d.Dict["Subtype"]) == "Form" {
			streams[n], all[n] = d, &form{}
		}
	}
	left := int64(maxFormContent)
	for n, f := range all {
		if s.drawsForms(streams[n], all) {
			s.read(f, streams[n], all, &left)
		}
	}
	for n, count := range drawCounts(all) {
		if count > MaxFormDraws {
			without = append(without, n)
		}
	}
	slices.Sort(without)
	without = without[:min(len(without), maxFormsWithout)]
	return without, s.lost(without, all, streams, &left)
}

// streamOf is an object that is a stream.
func (s *actions) streamOf(n int) (types.StreamDict, bool) {
	e := s.doc.Table[n]
	if e == nil || e.Free {
		return types.StreamDict{}, false
	}
	switch v := e.Object.(type) {
	case types.StreamDict:
		return v, true
	case *types.StreamDict:
		if v != nil {
			return *v, true
		}
	}
	return types.StreamDict{}, false
}

// named lists what a form may draw by name: forms by their numbers, other
// things as 0.
func (s *actions) named(d types.StreamDict, all map[int]*form) map[string]int {
	resources, _ := s.follow(d.Dict["Resources"]).(types.Dict)
	objects, _ := s.follow(resources["XObject"]).(types.Dict)
	out := map[string]int{}
	for name, o := range objects {
		out[name] = 0
		if ref, ok := o.(types.IndirectRef); ok && all[int(ref.ObjectNumber)] != nil {
			out[name] = int(ref.ObjectNumber)
		}
	}
	return out
}

// drawsForms reports whether a form could draw another. Most cannot, and their
// contents need no reading.
func (s *actions) drawsForms(d types.StreamDict, all map[int]*form) bool {
	for _, n := range s.named(d, all) {
		if n != 0 {
			return true
		}
	}
	return false
}

// read looks into the content of a form.
func (s *actions) read(f *form, d types.StreamDict, all map[int]*form, left *int64) {
	f.draws = map[int]int{}
	if *left <= 0 || d.DecodeWithLimit(*left) != nil {
		f.paints = true // for all that is known
		return
	}
	*left -= int64(len(d.Content))
	f.scan(d.Content, s.named(d, all))
}

// scan counts the operators of a content that draw something. Words within
// strings are taken for operators too: whoever shows strings paints.
func (f *form) scan(content []byte, names map[string]int) {
	const between = "\x00\t\n\f\r ()<>[]{}/%"
	var name []byte // the operand before
	for at := 0; at < len(content); {
		if strings.IndexByte(between, content[at]) >= 0 {
			at++
			continue
		}
		end := at + 1
		for end < len(content) && strings.IndexByte(between, content[end]) < 0 {
			end++
		}
		word := content[at:end]
		if at > 0 && content[at-1] == '/' {
			name = word
		} else {
			switch string(word) {
			case "Do":
				if n := names[string(name)]; n != 0 {
					f.draws[n]++
				} else {
					f.paints = true
				}
			case "f", "F", "f*", "B", "B*", "b", "b*", "S", "s", "sh", "Tj", "TJ", "'", "\"", "BI":
				f.paints = true
			}
			name = nil
		}
		at = end
	}
}

// drawCounts says of each form that draws others how many are drawn when it is:
// itself, what it draws, and so on, formLevels deep. It counts no further than
// just beyond MaxFormDraws.
func drawCounts(all map[int]*form) map[int]int64 {
	drawing := map[int]*form{}
	for n, f := range all {
		if len(f.draws) > 0 {
			drawing[n] = f
		}
	}
	counts := map[int]int64{}
	for range formLevels {
		next := make(map[int]int64, len(drawing))
		for n, f := range drawing {
			sum := int64(1)
			for other, times := range f.draws {
				sum = min(sum+int64(times)*max(counts[other], 1), MaxFormDraws+1)
			}
			next[n] = sum
		}
		counts = next
	}
	return counts
}

// lost reports whether any of the forms, or of those that they draw, paints.
func (s *actions) lost(without []int, all map[int]*form, streams map[int]types.StreamDict, left *int64) bool {
	seen := map[int]bool{}
	for todo := slices.Clone(without); len(todo) > 0; {
		n := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if seen[n] {
			continue
		}
		seen[n] = true
		f := all[n]
		if f.draws == nil {
			s.read(f, streams[n], all, left)
		}
		if f.paints {
			return true
		}
		for other := range f.draws {
			todo = append(todo, other)
		}
	}
	return false
}

// withoutForms makes forms what no reader draws, in place: no offset changes.
// Streams are never packed into others, so all of them are in sight. It returns
// false where none of them is found.
func withoutForms(b blob, numbers []int) (blob, bool) {
	if b.size > rebuildBytes {
		return b, false
	}
	data, err := b.bytes()
	if err != nil {
		return b, false
	}
	at, _ := objectsOf(data)
	found := false
	for _, n := range numbers {
		o, ok := at[n]
		if !ok {
			continue
		}
		head := data[o.at : o.at+len(objectHead(data, o))]
		for _, m := range formType.FindAllSubmatchIndex(head, -1) {
			copy(head[m[2]:m[3]], "None")
			found = true
		}
	}
	return blob{bytes.NewReader(data), b.size}, found
}

// formsNote tells what was left out of a document.
func formsNote(without []int) Note {
	return Note{Kind: "forms", Text: "forms that draw each other more than " + strconv.Itoa(MaxFormDraws) + " times are left out: " + strconv.Itoa(len(without))}
}
