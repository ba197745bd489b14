// Package openi reads the chest reports of the Open-i collection (Indiana
// University) and says which of the fourteen classes their indexing stands for:
// the reference that the coder of package findings is measured against.
//
// The map from index terms to classes is the file classes.tsv. It was fixed
// before the coder was written and is not changed to suit it.
//
// The collection's indexers gave each report headings with qualifiers, such as
// Opacity/lung/base/left, by hand; these major terms are used, those marked
// automatic, which a program gave, are not. What a report denies is not indexed.
//
// Rules of the map:
//
//   - A row of classes.tsv has a heading, a condition and a class. The condition
//     is * for any qualifiers, a|b when one of them must be there, !a|b when none
//     of them may be. The class is - where a heading stands for none of the
//     fourteen on purpose. All rows that apply count.
//   - A class stands for its own finding alone: edema, consolidation or
//     atelectasis do not imply Lung Opacity, an enlarged heart no Enlarged
//     Cardiomediastinum.
//   - Lung Opacity covers opacities, densities, infiltrates, airspace and
//     interstitial disease and scars of the lung; a marking counts only where it
//     is called interstitial or reticular. Edema covers congestion and heart
//     failure, as in the CheXpert data. Blood and pus in the pleural space are
//     Pleural Effusion; thickening, calcification, scars and plaques of the pleura
//     are Pleural Other.
//   - Lung Lesion is a nodule, mass, cavity or tumour. Granulomas are not: healed
//     residues that the CheXpert data does not label. Nor are calcified nodes.
//   - Support Devices are what is put into a patient to do something: lines,
//     tubes, pacemakers, valves, stents, hardware of bones. Clips, sutures, wires
//     of the sternum, implants of the breast and foreign bodies are not.
//   - A deformity or a wedged vertebra is not a Fracture unless it is indexed so.
//   - No Finding holds exactly if no other class but Support Devices does, also
//     for reports that are indexed with findings outside the fourteen.
//   - A report marked No Indexing has no reference and is left out.
package openi

import (
	_ "embed" // for classes.tsv
	"encoding/xml"
	"fmt"
	"io"
	"slices"
	"strings"

	"palimpsest.dev/plugins/cxr/findings"
)

//go:embed classes.tsv
var table string

// maxReport bounds one report's file.
const maxReport = 4 << 20

// Report is one report of the collection.
type Report struct {
	ID                                           string // such as CXR1130
	Comparison, Indication, Findings, Impression string
	Majors                                       []string // index terms given by hand
}

// Parse reads one report's XML.
func Parse(r io.Reader) (Report, error) {
	var x struct {
		ID struct {
			Value string `xml:"id,attr"`
		} `xml:"uId"`
		Sections []struct {
			Label string `xml:"Label,attr"`
			Text  string `xml:",chardata"`
		} `xml:"MedlineCitation>Article>Abstract>AbstractText"`
		Majors []string `xml:"MeSH>major"`
	}
	if err := xml.NewDecoder(io.LimitReader(r, maxReport)).Decode(&x); err != nil {
		return Report{}, fmt.Errorf("report of Open-i: %w", err)
	}
	out := Report{ID: x.ID.Value}
	for _, s := range x.Sections {
		text := strings.TrimSpace(s.Text)
		switch s.Label {
		case "COMPARISON":
			out.Comparison = text
		case "INDICATION":
			out.Indication = text
		case "FINDINGS":
			out.Findings = text
		case "IMPRESSION":
			out.Impression = text
		}
	}
	for _, m := range x.Majors {
		if m = strings.TrimSpace(m); m != "" {
			out.Majors = append(out.Majors, m)
		}
	}
	return out, nil
}

// row is one line of classes.tsv.
type row struct {
	heading    string
	any        bool
	not        bool
	qualifiers []string
	class      findings.Class // "" for none
}

// rows reads the table; a fault in it is found by the package's test.
func rows() ([]row, error) {
	var out []row
	n := 0
	for line := range strings.Lines(table) {
		n++
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		f := strings.Split(line, "\t")
		if len(f) != 3 {
			return nil, fmt.Errorf("classes.tsv line %d: %d columns, want 3", n, len(f))
		}
		r := row{heading: strings.ToLower(f[0]), any: f[1] == "*"}
		if q, ok := strings.CutPrefix(f[1], "!"); ok {
			r.not, f[1] = true, q
		}
		r.qualifiers = strings.Split(f[1], "|")
		if f[2] != "-" {
			r.class = findings.Class(f[2])
			if !slices.Contains(findings.Classes(), r.class) {
				return nil, fmt.Errorf("classes.tsv line %d: class %q is none of the fourteen", n, f[2])
			}
		}
		out = append(out, r)
	}
	return out, nil
}

// Reference says which classes a report's index terms stand for. Unknown lists
// headings that the map does not have; they stand for none. It is false for a
// report that was not indexed.
func Reference(majors []string) (found map[findings.Class]bool, unknown []string, indexed bool, err error) {
	all, err := rows()
	if err != nil {
		return nil, nil, false, err
	}
	found = map[findings.Class]bool{}
	for _, m := range majors {
		parts := strings.Split(strings.ToLower(m), "/")
		for i := range parts {
			parts[i] = strings.TrimSpace(parts[i])
		}
		switch parts[0] {
		case "no indexing":
			continue
		case "normal":
			indexed = true
			continue
		}
		indexed = true
		known := false
		for _, r := range all {
			if r.heading != parts[0] {
				continue
			}
			known = true
			has := slices.ContainsFunc(parts[1:], func(q string) bool { return slices.Contains(r.qualifiers, q) })
			if r.class != "" && (r.any || has != r.not) {
				found[r.class] = true
			}
		}
		if !known {
			unknown = append(unknown, m)
		}
	}
	if !indexed {
		return nil, unknown, false, nil
	}
	others := len(found)
	if found[findings.SupportDevices] {
		others--
	}
	if others == 0 {
		found[findings.NoFinding] = true
	}
	return found, unknown, true, nil
}
