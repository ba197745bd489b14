package findings_test

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"palimpsest.dev/plugins/cxr/findings"
	"palimpsest.dev/plugins/cxr/findings/openi"
)

// counts are right and wrong answers.
type counts struct{ hit, extra, missed int }

func (c *counts) add(got, want bool) {
	switch {
	case got && want:
		c.hit++
	case got:
		c.extra++
	case want:
		c.missed++
	}
}

func (c counts) precision() float64 { return ratio(c.hit, c.hit+c.extra) }
func (c counts) recall() float64    { return ratio(c.hit, c.hit+c.missed) }
func (c counts) f1() float64        { return ratio(2*c.hit, 2*c.hit+c.extra+c.missed) }

func ratio(a, b int) float64 {
	if b == 0 {
		return 1
	}
	return float64(a) / float64(b)
}

func (c counts) String() string {
	return fmt.Sprintf("%3d %3d %3d   %.3f  %.3f  %.3f", c.hit, c.extra, c.missed, c.precision(), c.recall(), c.f1())
}

// measured is how the coder did on a set of reports.
type measured struct {
	reports     int
	class       map[findings.Class]*counts // present against indexed
	all         counts                     // over the fourteen classes
	twelve      counts                     // without No Finding and Support Devices
	generous    counts                     // uncertain counted as found, fourteen classes
	denial      counts                     // of pairs of report and class that the coder saw words for: absent against not indexed
	wrong       []string
	unspokenFor int // indexed classes for which the coder saw no word
}

func measure(reports []openi.Report) (m measured, err error) {
	m.class = map[findings.Class]*counts{}
	for _, c := range findings.Classes() {
		m.class[c] = &counts{}
	}
	for _, r := range reports {
		want, _, indexed, err := openi.Reference(r.Majors)
		if err != nil {
			return m, err
		}
		if !indexed {
			continue
		}
		m.reports++
		got := findings.OfReport("FINDINGS: " + r.Findings + "\n\nIMPRESSION: " + r.Impression)
		for _, c := range findings.Classes() {
			status := got[c]
			m.class[c].add(status == findings.Present, want[c])
			m.all.add(status == findings.Present, want[c])
			m.generous.add(status == findings.Present || status == findings.Uncertain, want[c])
			if c == findings.NoFinding {
				continue
			}
			if c != findings.SupportDevices {
				m.twelve.add(status == findings.Present, want[c])
			}
			if status != "" {
				m.denial.add(status == findings.Absent, !want[c])
			} else if want[c] {
				m.unspokenFor++
			}
			if (status == findings.Present) != want[c] {
				m.wrong = append(m.wrong, fmt.Sprintf("%s: %s is coded %q, index %s", r.ID, c, status, strings.Join(r.Majors, "; ")))
			}
		}
	}
	return m, nil
}

func (m measured) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d indexed reports\n%-28s%s\n", m.reports, "", "hit ext mis   prec   rec    F1")
	for _, c := range findings.Classes() {
		fmt.Fprintf(&b, "%-28s%v\n", c, m.class[c])
	}
	fmt.Fprintf(&b, "%-28s%v\n%-28s%v\n%-28s%v\n%-28s%v\n%-28s%3d\n", "micro, fourteen classes", m.all, "micro, without No F. and S.D.", m.twelve, "micro, uncertain as found", m.generous,
		"denials", m.denial, "indexed and not spoken of", m.unspokenFor)
	return b.String()
}

// TestOpenI measures the coder on the reports of the Open-i collection, against
// the map of their index terms that package openi fixes. The coder was written
// looking at one half of them, chosen by a hash of the report's id.
func TestOpenI(t *testing.T) {
	t.Parallel()
	half := [2][]openi.Report{}
	for _, r := range openReports(t) {
		h := sha256.Sum256([]byte(r.ID))
		half[h[0]&1] = append(half[h[0]&1], r)
	}
	for _, s := range []struct {
		name    string
		reports []openi.Report
		floor   float64
	}{{"developed on", half[0], 0.9}, {"not looked at", half[1], 0.8}, {"both", slices.Concat(half[0], half[1]), 0.8}} {
		m, err := measure(s.reports)
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("reports %s: %v", s.name, m)
		if os.Getenv("PALIMPSEST_WRONG") != "" && s.name == "developed on" || os.Getenv("PALIMPSEST_WRONG") == "all" {
			t.Log(strings.Join(m.wrong, "\n"))
		}
		if m.all.f1() < s.floor || m.twelve.f1() < 0.8 {
			t.Errorf("reports %s: micro F1 %.3f, of findings %.3f: want at least %.2f and 0.80", s.name, m.all.f1(), m.twelve.f1(), s.floor)
		}
	}
}

func openReports(t *testing.T) []openi.Report {
	t.Helper()
	shared := os.Getenv("PALIMPSEST_SHARED")
	if shared == "" {
		shared = filepath.Join("..", "..", "..", "..", "shared")
	}
	files, err := filepath.Glob(filepath.Join(shared, "data", "cxr", "iu_reports_text", "*.xml"))
	if err != nil || len(files) == 0 {
		t.Skip("the reports of Open-i are not here; PALIMPSEST_SHARED names the folder of reference data")
	}
	var out []openi.Report
	for _, file := range files {
		f, err := os.Open(file)
		if err != nil {
			t.Fatal(err)
		}
		r, err := openi.Parse(f)
		f.Close()
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, r)
	}
	return out
}
