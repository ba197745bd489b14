package report

import (
	"fmt"
	"strings"
	"testing"
)

func show(r Report) string {
	var b strings.Builder
	for n, s := range r.Sections {
		fmt.Fprintf(&b, "%s[%s]", s.Kind, s.Heading)
		for _, x := range r.Sentences {
			if x.Section == n {
				fmt.Fprintf(&b, " <%s>", x.Text)
				if x.Earlier != "" {
					fmt.Fprintf(&b, "{%s}", x.Earlier)
				}
			}
		}
		b.WriteString("\n")
	}
	if r.Together {
		b.WriteString("together\n")
	}
	for _, k := range r.Missing() {
		fmt.Fprintf(&b, "missing %s\n", k)
	}
	return b.String()
}

func TestParse(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ text, want string }{
		{"INDICATION: Cough. FINDINGS: Lungs are clear. No effusion. IMPRESSION: Normal chest.",
			"indication[INDICATION] <Cough.>\nfindings[FINDINGS] <Lungs are clear.> <No effusion.>\nimpression[IMPRESSION] <Normal chest.>\n"},
		{"INDICATIONS: Cough.\nFINDINGS:\nLungs are\nclear.\nIMPRESSIONS: 1. Normal heart. 2. No effusion.",
			"indication[INDICATIONS] <Cough.>\nfindings[FINDINGS] <Lungs are\nclear.>\nimpression[IMPRESSIONS] <Normal heart.> <No effusion.>\n"},
		{"The heart is normal. The lungs are clear.", "body[] <The heart is normal.> <The lungs are clear.>\nmissing findings\nmissing impression\n"},
		{"Frontal view.\n\nFindings\nNo effusion.\n\nConclusion\nNormal.", "body[] <Frontal view.>\nfindings[Findings] <No effusion.>\nimpression[Conclusion] <Normal.>\n"},
		{"**Findings:** Clear lungs\n**Impression:** - Normal\n- No change from the prior study",
			"findings[Findings] <Clear lungs>\nimpression[Impression] <Normal> <No change from the prior study>{No change}\n"},
		{"FINDINGS/IMPRESSION: No acute disease.", "findings[FINDINGS/IMPRESSION] <No acute disease.>\ntogether\nmissing impression\n"},
		{"IMPRESSION: FINDINGS: Effusion.", "impression[IMPRESSION]\nfindings[FINDINGS] <Effusion.>\nmissing impression\n"},
		{"FINDINGS: The impression: none. Effusion measures 3.5 cm vs. 2 cm at 4 p.m. yesterday. Dr. X agrees.",
			"findings[FINDINGS] <The impression: none.> <Effusion measures 3.5 cm vs. 2 cm at 4 p.m. yesterday.> <Dr. X agrees.>\nmissing impression\n"},
		{"", "missing findings\nmissing impression\n"},
		{" \n\t", "missing findings\nmissing impression\n"},
		{"IMPRESSION:", "impression[IMPRESSION]\nmissing findings\nmissing impression\n"},
		{"FINDINGS: A. FINDINGS: B. ADDENDUM: C.", "findings[FINDINGS] <A.>\nfindings[FINDINGS] <B.>\naddendum[ADDENDUM] <C.>\nmissing impression\n"},
	} {
		if got := show(Parse(c.text)); got != c.want {
			t.Errorf("%q\n got\n%swant\n%s", c.text, got, c.want)
		}
	}
}

func TestEarlier(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"Compared to prior, the effusion is larger.":         "Compared to",
		"The heart is unchanged.":                            "unchanged",
		"No interval change.":                                "No interval change",
		"Opacity has improved since the previous exam.":      "has improved",
		"Stable cardiomegaly.":                               "Stable",
		"New left effusion.":                                 "New",
		"The effusion is no longer seen.":                    "no longer",
		"Again seen is a nodule.":                            "Again seen",
		"This was not present on the previous study.":        "previous study",
		"Prior granulomatous disease.":                       "",
		"Changes of previous sternotomy.":                    "",
		"The lungs are clear.":                               "",
		"Increased interstitial markings.":                   "",
		"Degenerative changes of the spine.":                 "",
		"Followup chest film is advised to assure clearing.": "",
	} {
		if got := earlierIn(text); got != want {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
}

// FuzzParse: sections and sentences are parts of the text, in order, and nothing
// of it is told twice.
func FuzzParse(f *testing.F) {
	f.Add("INDICATION: Cough. FINDINGS: Lungs are clear. 1. No effusion. IMPRESSION:\n- Normal chest.\n\n- Nothing")
	f.Add("Findings\n\nimpression\nexam:\xff\xfe. \u2022 a.\u00a0b! c? FINDINGS AND IMPRESSION - x")
	f.Fuzz(func(t *testing.T, text string) {
		r := Parse(text)
		at := 0
		for _, s := range r.Sections {
			if s.Start < at || s.End < s.Start || s.End > len(text) || text[s.Start:s.End] != s.Text || strings.TrimFunc(s.Text, margin) != s.Text {
				t.Fatalf("section %+v after byte %d", s, at)
			}
			at = s.End
		}
		at = 0
		for _, s := range r.Sentences {
			if s.Start < at || s.End <= s.Start || text[s.Start:s.End] != s.Text || s.Start < r.Sections[s.Section].Start || s.End > r.Sections[s.Section].End {
				t.Fatalf("sentence %+v after byte %d", s, at)
			}
			at = s.End
		}
		if strings.TrimFunc(text, margin) != "" && len(r.Sections) == 0 {
			t.Fatal("text without a section")
		}
	})
}
