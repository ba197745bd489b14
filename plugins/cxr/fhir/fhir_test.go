package fhir

import (
	"encoding/base64"
	"encoding/json"
	"encoding/xml"
	"io"
	"strings"
	"testing"
)

// decode reads the resource back as anybody would, and its narrative as XML.
func decode(t *testing.T, in Input) map[string]any {
	t.Helper()
	raw, err := DiagnosticReport(in)
	if err != nil {
		t.Fatal(err)
	}
	var r map[string]any
	if err := json.Unmarshal(raw, &r); err != nil {
		t.Fatalf("%v: %s", err, raw)
	}
	d := xml.NewDecoder(strings.NewReader(r["text"].(map[string]any)["div"].(string)))
	for {
		if _, err := d.Token(); err == io.EOF {
			break
		} else if err != nil {
			t.Fatalf("narrative: %v", err)
		}
	}
	return r
}

func TestDiagnosticReport(t *testing.T) {
	t.Parallel()
	bare := decode(t, Input{Notice: "A draft.", Words: "a < b & \"c\"\n\x01\u2028]]>"})
	if bare["resourceType"] != "DiagnosticReport" || bare["status"] != "preliminary" {
		t.Errorf("%v", bare)
	}
	for _, k := range []string{"subject", "imagingStudy", "conclusion", "conclusionCode", "media"} {
		if _, ok := bare[k]; ok {
			t.Errorf("%s is written though nobody told it", k)
		}
	}
	full := decode(t, Input{Notice: "A draft.", Words: "words", Conclusion: "Effusion.", Codes: []string{"Pleural Effusion"}, Study: "1.2", Patient: "Patient/1",
		Images: []Image{{Title: "page 1", UID: "1.2.3"}, {Title: "page 2"}}})
	form := full["presentedForm"].([]any)[0].(map[string]any)
	if text, err := base64.StdEncoding.DecodeString(form["data"].(string)); err != nil || string(text) != "words" || form["title"] != "A draft." {
		t.Errorf("attached: %v, %v", form, err)
	}
	if c := full["conclusion"].(string); !strings.HasPrefix(c, "[A draft.] Effusion.") {
		t.Errorf("conclusion %q", c)
	}
	raw, err := json.Marshal(full)
	if err != nil || !strings.Contains(string(raw), `"urn:oid:1.2"`) || !strings.Contains(string(raw), `"urn:oid:1.2.3"`) || len(full["media"].([]any)) != 2 {
		t.Errorf("%s, %v", raw, err)
	}
}
