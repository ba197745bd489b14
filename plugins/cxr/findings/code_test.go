package findings

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// sentences of our own with what they say: + present, - absent, ? uncertain.
var sentences = []struct{ text, want string }{
	{"No pleural effusion, pneumothorax, or focal airspace disease.", "-Pleural Effusion -Pneumothorax -Lung Opacity"},
	{"There is no pneumothorax.", "-Pneumothorax"},
	{"No pneumothorax is seen and there is a small left effusion.", "-Pneumothorax +Pleural Effusion"},
	{"No effusion, mild basilar atelectasis.", "-Pleural Effusion +Atelectasis"},
	{"No focal consolidation, mild effusion or pneumothorax.", "-Consolidation -Pleural Effusion -Pneumothorax"},
	{"No pneumothorax but a small effusion remains.", "-Pneumothorax +Pleural Effusion"},
	{"Without evidence of edema or consolidation; cardiomegaly is unchanged.", "-Edema -Consolidation +Cardiomegaly"},
	{"Lungs are clear of focal infiltrate.", "-Lung Opacity"},
	{"Negative for fracture.", "-Fracture"},
	{"Neither effusion nor pneumothorax.", "-Pleural Effusion -Pneumothorax"},
	{"A pneumothorax is not identified.", "-Pneumothorax"},
	{"The previously seen effusion has resolved.", "-Pleural Effusion"},
	{"The left effusion is no longer seen.", "-Pleural Effusion"},
	{"The effusion has nearly resolved.", "+Pleural Effusion"},
	{"Interval resolution of the edema.", "-Edema"},
	{"The right basilar opacity was not present on the previous study.", "+Lung Opacity"},
	{"No significant change in the left pleural effusion.", "+Pleural Effusion"},
	{"No interval increase in cardiomegaly.", "+Cardiomegaly"},
	{"The effusion has not significantly changed.", "+Pleural Effusion"},
	{"Pneumonia cannot be excluded.", "?Pneumonia"},
	{"Small effusion is not entirely excluded.", "?Pleural Effusion"},
	{"We cannot exclude a small pneumothorax.", "?Pneumothorax"},
	{"This may represent pneumonia.", "?Pneumonia"},
	{"Left base opacity, possibly atelectasis.", "+Lung Opacity ?Atelectasis"},
	{"Opacity at the base could be pneumonia.", "+Lung Opacity ?Pneumonia"},
	{"Atelectasis or infiltrate in the left base.", "?Atelectasis ?Lung Opacity"},
	{"Left basilar opacity, possible pneumonia.", "+Lung Opacity ?Pneumonia"},
	{"There is an opacity and pneumonia cannot be excluded.", "+Lung Opacity ?Pneumonia"},
	{"Effusion and pneumonia cannot be excluded.", "?Pleural Effusion ?Pneumonia"},
	{"An opacity is seen and a pneumothorax is not identified.", "+Lung Opacity -Pneumothorax"},
	{"Effusion, which is not seen on the frontal view.", "-Pleural Effusion"},
	{"Retrocardiac density may represent atelectasis or pneumonia.", "+Lung Opacity ?Atelectasis ?Pneumonia"},
	{"Lungs are otherwise clear.", "-Lung Opacity"},
	{"Calcified granuloma, no nodule or mass.", "-Lung Lesion"},
	{"Pneumonia versus atelectasis.", "?Pneumonia ?Atelectasis"},
	{"Possible small effusion, no pneumothorax.", "?Pleural Effusion -Pneumothorax"},
	{"Suspicious for metastases.", "?Lung Lesion"},
	{"No suspicious pulmonary nodules.", "-Lung Lesion"},
	{"Opacities most consistent with pneumonia.", "+Lung Opacity +Pneumonia"},
	{"Linear opacity, likely atelectasis.", "+Lung Opacity +Atelectasis"},
	{"Blunting of the left costophrenic angle.", "?Pleural Effusion"},
	{"No blunting of the costophrenic angles.", "-Pleural Effusion"},
	{"Small pericardial effusion.", ""},
	{"History of pneumonia.", ""},
	{"Healed fracture of the left sixth rib.", "+Fracture"},
	{"Mild compression deformity of T8.", "?Fracture"},
	{"Heart size is normal.", "-Cardiomegaly"},
	{"The heart is not enlarged.", "-Cardiomegaly"},
	{"Heart size and mediastinal contours are within normal limits.", "-Cardiomegaly -Enlarged Cardiomediastinum"},
	{"Normal heart size and mediastinal contours.", "-Cardiomegaly -Enlarged Cardiomediastinum"},
	{"The cardiomediastinal silhouette is unremarkable.", "-Cardiomegaly -Enlarged Cardiomediastinum"},
	{"The heart is mildly enlarged.", "+Cardiomegaly"},
	{"Heart size is mildly enlarged, pulmonary vascularity within normal limits.", "+Cardiomegaly"},
	{"Enlarged cardiac silhouette.", "+Cardiomegaly"},
	{"Heart size at the upper limits of normal.", "?Cardiomegaly"},
	{"Borderline heart size.", "?Cardiomegaly"},
	{"Widening of the superior mediastinum.", "+Enlarged Cardiomediastinum"},
	{"The mediastinum is widened.", "+Enlarged Cardiomediastinum"},
	{"No mediastinal widening.", "-Enlarged Cardiomediastinum"},
	{"Mediastinal shift to the left.", ""},
	{"The lungs are clear.", "-Lung Opacity"},
	{"Ground-glass opacities at both bases.", "+Lung Opacity"},
	{"Bone density is normal.", ""},
	{"Scarring at the right apex.", "+Lung Opacity"},
	{"Biapical pleural-parenchymal scarring.", "+Pleural Other"},
	{"Pleural thickening on the left without effusion.", "+Pleural Other -Pleural Effusion"},
	{"A nodule is seen in the right upper lobe.", "+Lung Lesion"},
	{"Calcified nodule compatible with an old granuloma.", ""},
	{"Mass effect on the trachea.", ""},
	{"Lytic lesions of the ribs.", ""},
	{"Pulmonary vascular congestion.", "+Edema"},
	{"No congestive heart failure.", "-Edema"},
	{"Soft tissue edema of the chest wall.", ""},
	{"Collapse of the left lower lobe.", "+Atelectasis"},
	{"Hydropneumothorax on the right.", "+Pneumothorax +Pleural Effusion"},
	{"Right PICC terminates in the SVC.", "+Support Devices"},
	{"The endotracheal tube has been removed.", "-Support Devices"},
	{"Dual lead pacemaker without pneumothorax.", "+Support Devices -Pneumothorax"},
	{"Sternotomy wires and surgical clips.", ""},
	{"Bilateral breast prostheses.", ""},
	{"This leads to further questions.", ""},
	{"Anterior cervical fusion hardware.", "+Support Devices"},
	{"Calcification of the aortic valve.", ""},
	{"Aside from mild cardiomegaly, no acute abnormality.", "+Cardiomegaly"},
	{"No acute abnormality other than small effusions.", "+Pleural Effusion"},
	{"The lungs are clear except for scarring at the left base.", "-Lung Opacity +Lung Opacity"},
	{"", ""},
}

var sign = map[Status]string{Present: "+", Absent: "-", Uncertain: "?"}

// TestCode counts, beside each sentence, how well denials are found: a denial
// right, made up, or missed.
func TestCode(t *testing.T) {
	t.Parallel()
	for _, c := range sentences {
		var got []string
		for _, f := range Code([]string{c.text}) {
			got = append(got, sign[f.Status]+string(f.Class))
			if f.Start >= f.End || f.End > len(c.text) || f.Sentence != 0 {
				t.Errorf("%s: %+v names no words", c.text, f)
			}
		}
		want := strings.FieldsFunc(strings.NewReplacer(" +", "\n+", " -", "\n-", " ?", "\n?").Replace(c.want), func(r rune) bool { return r == '\n' })
		a, b := slices.Compact(slices.Sorted(slices.Values(got))), slices.Sorted(slices.Values(want))
		if !slices.Equal(a, b) {
			t.Errorf("%s\n got %q\nwant %q", c.text, got, want)
		}
	}
}

func TestSummary(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ report, want string }{
		{"FINDINGS: The heart is normal. No effusion. IMPRESSION: No acute disease.", "+No Finding -Cardiomegaly -Pleural Effusion"},
		{"FINDINGS: No effusion. IMPRESSION: Small left effusion.", "-No Finding +Pleural Effusion"},
		{"FINDINGS: No pneumothorax. IMPRESSION: Pneumothorax cannot be excluded.", "?No Finding ?Pneumothorax"},
		{"A pacemaker is present. No acute disease.", "+No Finding +Support Devices"},
		{"INDICATION: Pneumonia. FINDINGS: Lungs are clear.", "+No Finding -Lung Opacity"}, // what was asked is not coded
		{"Lorem ipsum dolor sit amet.", ""}, // silence is no finding
		{"", ""},
	} {
		got := OfReport(c.report)
		var out []string
		for _, k := range Classes() {
			if s, ok := got[k]; ok {
				out = append(out, sign[s]+string(k))
			}
		}
		if strings.Join(out, " ") != c.want {
			t.Errorf("%s\n got %s\nwant %s", c.report, strings.Join(out, " "), c.want)
		}
	}
}

// FuzzCode: whatever the text, findings name words of it, and coding it twice
// gives the same.
func FuzzCode(f *testing.F) {
	for _, c := range sentences {
		f.Add(c.text)
	}
	f.Add("FINDINGS: no no not no without, , or nor ;;: effusion ~ * | \xff\x00 not")
	f.Fuzz(func(t *testing.T, text string) {
		first := Code([]string{text})
		if !slices.Equal(first, Code([]string{text})) {
			t.Error("coded twice, it says something else")
		}
		for _, x := range first {
			if x.Start < 0 || x.Start >= x.End || x.End > len(text) || !slices.Contains(Classes(), x.Class) || sign[x.Status] == "" {
				t.Fatalf("%+v", x)
			}
			if utf8.ValidString(text) && !utf8.ValidString(text[x.Start:x.End]) {
				t.Fatalf("%+v cuts a character", x)
			}
		}
		if a, b := OfReport(text), OfReport(text); !maps.Equal(a, b) {
			t.Error(fmt.Sprint(a, b))
		}
	})
}
