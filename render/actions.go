package render

import (
	"fmt"
	"sort"

	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu/model"
	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu/types"
)

// actionKinds maps PDF action types to kinds of notes. What moves within the
// document (GoTo, Named, Hide) is no concern.
var actionKinds = map[string]string{
	"JavaScript": "javascript", "Launch": "launch", "URI": "link", "GoToR": "remote", "GoToE": "remote", "Thread": "remote",
	"SubmitForm": "submit", "ImportData": "submit", "Rendition": "media", "Movie": "media", "Sound": "media",
	"RichMediaExecute": "media", "GoTo3DView": "media",
}

// annotationKinds maps types of annotations to kinds of notes.
var annotationKinds = map[string]string{
	"FileAttachment": "attachment", "Movie": "media", "Sound": "media", "Screen": "media", "RichMedia": "media", "3D": "media",
}

// actions counts actions by kind and keeps one example of each; attached files
// are listed by name.
type actions struct {
	doc      *model.Context
	count    map[string]int
	sample   map[string]string
	attached []string
}

// object walks one object's direct contents; references are other objects and
// come by themselves, so nothing is walked twice.
func (s *actions) object(o types.Object, depth int) {
	if depth > inspectDepth {
		return
	}
	switch v := o.(type) {
	case types.Dict:
		s.dict(v, depth)
	case types.StreamDict:
		s.stream(v, depth)
	case *types.StreamDict:
		if v != nil {
			s.stream(*v, depth)
		}
	case types.Array:
		for _, e := range v {
			s.object(e, depth+1)
		}
	}
}

// stream looks at a stream's dictionary: its bytes may be in another file, and
// a form may stand for a page of another document.
func (s *actions) stream(d types.StreamDict, depth int) {
	if _, ok := d.Dict["F"]; ok {
		s.note("external", s.target(d.Dict))
	}
	if ref, ok := s.follow(d.Dict["Ref"]).(types.Dict); ok {
		s.note("external", s.target(ref))
	}
	s.dict(d.Dict, depth)
}

// dict looks at one dictionary.
func (s *actions) dict(d types.Dict, depth int) {
	if kind := actionKinds[s.name(d["S"])]; kind != "" {
		s.note(kind, s.target(d))
	}
	if _, ok := d["JS"]; ok && d["S"] == nil {
		s.note("javascript", "")
	}
	if kind := annotationKinds[s.name(d["Subtype"])]; kind != "" && d["Rect"] != nil {
		s.note(kind, "")
	}
	if s.name(d["Type"]) == "EmbeddedFile" {
		s.note("attachment", "")
	}
	if _, ok := d["EF"]; ok && len(s.attached) < MaxNotes {
		s.attached = append(s.attached, s.target(d))
	}
	if _, ok := d["XFA"]; ok {
		s.note("xfa", "")
	}
	if a, ok := s.follow(d["OpenAction"]).(types.Dict); ok && s.name(a["S"]) != "GoTo" {
		s.note("trigger", "when the document is opened: "+clip(s.name(a["S"]), 40))
	}
	if a, ok := s.follow(d["AA"]).(types.Dict); ok && len(a) > 0 {
		s.note("trigger", "")
	}
	for _, v := range d {
		s.object(v, depth+1)
	}
}

// note counts one finding.
func (s *actions) note(kind, text string) {
	s.count[kind]++
	if s.sample[kind] == "" || text != "" && text < s.sample[kind] {
		s.sample[kind] = text
	}
}

// follow resolves a reference; what cannot be resolved is nil.
func (s *actions) follow(o types.Object) types.Object {
	if o == nil {
		return nil
	}
	v, err := s.doc.Dereference(o)
	if err != nil {
		return nil
	}
	return v
}

// name returns a name, or nothing.
func (s *actions) name(o types.Object) string {
	n, _ := s.follow(o).(types.Name)
	return string(n)
}

// target is where an action points.
func (s *actions) target(d types.Dict) string {
	for _, k := range []string{"URI", "UF", "F", "Win", "JS"} {
		switch v := s.follow(d[k]).(type) {
		case types.StringLiteral, types.HexLiteral:
			if t, err := types.StringOrHexLiteral(v); err == nil && t != nil {
				return clip(*t, 120)
			}
		case types.Dict:
			for _, k := range []string{"UF", "F"} {
				if t, err := types.StringOrHexLiteral(s.follow(v[k])); err == nil && t != nil {
					return clip(*t, 120)
				}
			}
		}
	}
	return ""
}

// notes writes one note per kind and one per attached file.
func (s *actions) notes() []Note {
	kinds := make([]string, 0, len(s.count))
	for k := range s.count {
		kinds = append(kinds, k)
	}
	sort.Strings(kinds)
	sort.Strings(s.attached)
	var out []Note
	for _, name := range s.attached {
		out = append(out, Note{Kind: "attachment", Text: name + ": attached file, left inert"})
	}
	for _, k := range kinds {
		if k == "attachment" && len(s.attached) > 0 {
			continue
		}
		text := fmt.Sprintf("%d found, left inert", s.count[k])
		if s.sample[k] != "" {
			text += ", for example: " + s.sample[k]
		}
		out = append(out, Note{Kind: k, Text: text})
	}
	return out
}
