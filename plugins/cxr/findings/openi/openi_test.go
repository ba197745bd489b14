package openi

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"palimpsest.dev/plugins/cxr/findings"
)

func TestReference(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		majors string
		want   []findings.Class
	}{
		{"normal", []findings.Class{findings.NoFinding}},
		{"Opacity/lung/base/left ; Cardiac Shadow/enlarged/mild", []findings.Class{findings.Cardiomegaly, findings.LungOpacity}},
		{"Cardiac Shadow/borderline", []findings.Class{findings.NoFinding}},
		{"Calcified Granuloma/lung/base/right ; Spondylosis/thoracic vertebrae", []findings.Class{findings.NoFinding}},
		{"Catheters, Indwelling/left", []findings.Class{findings.NoFinding, findings.SupportDevices}},
		{"Thickening/pleura/apex ; Thickening/bronchovascular", []findings.Class{findings.PleuralOther}},
		{"Cicatrix/pleura/apex ; Cicatrix/lung/apex", []findings.Class{findings.LungOpacity, findings.PleuralOther}},
		{"Hydropneumothorax/left", []findings.Class{findings.Pneumothorax, findings.PleuralEffusion}},
		{"Markings/bronchovascular", []findings.Class{findings.NoFinding}},
		{"Mass/mediastinum", []findings.Class{findings.EnlargedCardiomediastinum}},
		{"No Indexing", nil},
	} {
		got, unknown, indexed, err := Reference(strings.Split(c.majors, " ; "))
		if err != nil || len(unknown) > 0 || indexed != (c.want != nil) || !slices.Equal(list(got), c.want) {
			t.Errorf("%s: %v, unknown %v, indexed %v, %v; want %v", c.majors, list(got), unknown, indexed, err, c.want)
		}
	}
	if _, unknown, _, _ := Reference([]string{"Gadget/lung"}); !slices.Equal(unknown, []string{"Gadget/lung"}) {
		t.Errorf("unknown %v", unknown)
	}
}

func list(found map[findings.Class]bool) (out []findings.Class) {
	for _, c := range findings.Classes() {
		if found[c] {
			out = append(out, c)
		}
	}
	return out
}

// TestReports reads the collection's own files and finds every heading in the map.
func TestReports(t *testing.T) {
	t.Parallel()
	shared := os.Getenv("PALIMPSEST_SHARED")
	if shared == "" {
		shared = filepath.Join("..", "..", "..", "..", "..", "shared")
	}
	files, err := filepath.Glob(filepath.Join(shared, "data", "cxr", "iu_reports_text", "*.xml"))
	if err != nil || len(files) == 0 {
		t.Skip("the reports of Open-i are not here; PALIMPSEST_SHARED names the folder of reference data")
	}
	for _, file := range files {
		f, err := os.Open(file)
		if err != nil {
			t.Fatal(err)
		}
		r, err := Parse(f)
		f.Close()
		if err != nil || r.ID == "" || r.Findings+r.Impression == "" || len(r.Majors) == 0 {
			t.Errorf("%s: %+v, %v", file, r, err)
		}
		if _, unknown, _, err := Reference(r.Majors); err != nil || len(unknown) > 0 {
			t.Errorf("%s: headings that the map does not have: %v, %v", file, unknown, err)
		}
	}
}
