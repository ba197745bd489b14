package render

import (
	"fmt"
	"testing"

	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu/model"
	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu/types"
)

// FuzzActions walks trees of objects as a parser hands them over. The bytes say
// how the tree is built and not how it is written: the library that parses PDFs
// may run for ever on damaged ones, which is why it does so in a process with a
// deadline; the walk is ours.
func FuzzActions(f *testing.F) {
	f.Add([]byte{5, 2, 0, 0, 1, 5, 1, 1, 0, 2})          // an action
	f.Add([]byte{5, 1, 6, 3, 1, 5, 1, 0, 0, 0})          // behind a reference
	f.Add([]byte{3, 0, 3, 1, 3, 0})                      // references in a circle
	f.Add([]byte{4, 3, 4, 3, 4, 3, 4, 3, 4, 3, 4, 3, 4}) // arrays in arrays
	f.Add([]byte{6, 3, 2, 1, 9, 3, 3, 1, 5, 8, 1, 7, 7}) // a stream
	f.Fuzz(func(t *testing.T, b []byte) {
		tree := &treeBuilder{bytes: b}
		doc := &model.Context{XRefTable: &model.XRefTable{Table: map[int]*model.XRefTableEntry{}}}
		for n := 1; n <= treeObjects && len(tree.bytes) > 0; n++ {
			doc.Table[n] = &model.XRefTableEntry{Object: tree.object(0), Generation: new(int)}
		}
		s := actions{doc: doc, count: map[string]int{}, sample: map[string]string{}}
		for n := 1; n <= len(doc.Table); n++ {
			s.object(doc.Table[n].Object, 0)
		}
		for _, n := range trimNotes(s.notes()) {
			if n.Kind == "" || n.Text == "" || len(n.Text) > MaxNoteBytes || n.Text != clip(n.Text, MaxNoteBytes) {
				t.Fatalf("note %q", fmt.Sprint(n))
			}
		}
	})
}

// Bounds of a tree that is built.
const (
	treeObjects = 16
	treeDepth   = 2 * inspectDepth
)

// treeBuilder makes objects of bytes.
type treeBuilder struct{ bytes []byte }

// treeWords are the keys and names that mean something to the walk.
var treeWords = []string{"S", "JS", "Subtype", "Rect", "Type", "EF", "XFA", "OpenAction", "AA", "F", "UF", "URI", "Win", "Ref",
	"JavaScript", "Launch", "GoToR", "GoTo", "SubmitForm", "Sound", "EmbeddedFile", "FileAttachment", "Screen", "Other"}

func (b *treeBuilder) next() int {
	if len(b.bytes) == 0 {
		return 0
	}
	v := b.bytes[0]
	b.bytes = b.bytes[1:]
	return int(v)
}

func (b *treeBuilder) word() string { return treeWords[b.next()%len(treeWords)] }

// text is a string of the bytes themselves, sound or not.
func (b *treeBuilder) text() string {
	n := min(b.next(), len(b.bytes))
	s := string(b.bytes[:n])
	b.bytes = b.bytes[n:]
	return s
}

// object makes one object.
func (b *treeBuilder) object(depth int) types.Object {
	kind := b.next() % 8
	if depth >= treeDepth && kind > 3 {
		return nil
	}
	switch kind {
	case 0:
		return types.Name(b.word())
	case 1:
		return types.StringLiteral(b.text())
	case 2:
		return types.HexLiteral(b.text())
	case 3:
		return *types.NewIndirectRef(1+b.next()%(treeObjects+1), 0) // the last is nowhere
	case 4:
		var a types.Array
		for range b.next() % 8 {
			a = append(a, b.object(depth+1))
		}
		return a
	case 5, 6:
		d := types.Dict{}
		for range b.next() % 8 {
			d[b.word()] = b.object(depth + 1)
		}
		if kind == 6 {
			return types.StreamDict{Dict: d}
		}
		return d
	}
	return nil
}
