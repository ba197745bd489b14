package pdfa

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// validator finds veraPDF, which `make verapdf` fetches.
func validator(t *testing.T) (java, jar string) {
	t.Helper()
	java, err := exec.LookPath("java")
	if err != nil {
		t.Skip("no Java on this machine: veraPDF cannot run")
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Skip("no cache folder: ", err)
	}
	found, err := filepath.Glob(filepath.Join(cache, "palimpsest", "verapdf", "greenfield-apps-*.jar"))
	if err != nil || len(found) == 0 {
		t.Skip("veraPDF is not on this machine; `make verapdf` fetches it")
	}
	return java, found[len(found)-1]
}

// languages are words in many scripts, in the order of reading.
var languages = []string{
	"Straße", "naïve", "ﬁsh", "Ελληνικά", "Кириллица", "Հայերեն", "ქართული", "हिन्दी", "ไทย", "漢字かな", "한국어",
	"שלום", "עולם", "السلام", "عليكم", "𝔉𝔯𝔞𝔨𝔱𝔲𝔯", "𐌰𐌱", "😀", "e\u0301", "100%", "(a\\b)",
}

// odd are pages that have little in common with a scan.
func odd(t *testing.T) []Page {
	white := func(int, int) byte { return 255 }
	var scripts Page
	scripts.PNG, scripts.Width, scripts.Height = picturePNG(t, 1000, 1200, white), 480, 576
	for i, w := range languages {
		y := float64(20 + 50*i)
		scripts.Lines = append(scripts.Lines, Line{{Text: w, Box: [4]float64{100, y, 100 + 20*float64(len([]rune(w))), y + 30}}})
	}
	turned := Page{PNG: picturePNG(t, 400, 400, white), Width: 288, Height: 288, Lines: []Line{
		{{Text: "upward", Polygon: [][2]float64{{50, 300}, {50, 100}, {80, 100}, {80, 300}}},
			{Text: "text", Polygon: [][2]float64{{50, 90}, {50, 10}, {80, 10}, {80, 90}}}},
		{{Text: "slanted", Polygon: [][2]float64{{150, 100}, {350, 110}, {349, 130}, {149, 120}}}},
		{{Text: "no", Box: [4]float64{5, 5, 5, 5}}, {Text: "place", Box: [4]float64{9, 3, 1, 2}}, {Text: "", Box: [4]float64{1, 1, 9, 9}}},
		{{Text: "all", Box: [4]float64{200, 200, 390, 260}}, {Text: "here", Box: [4]float64{200, 200, 390, 260}}},
	}}
	return []Page{scripts, turned, {Missing: "page 3 could not be drawn: it is damaged"}, {},
		{PNG: picturePNG(t, 1, 1, white), Width: 0.1, Height: 0.1}, {PNG: picturePNG(t, 100, 1, white), Width: 1e6, Height: 1e4}}
}

// TestVeraPDF has the validator of the PDF/A consortium judge what is written.
func TestVeraPDF(t *testing.T) {
	t.Parallel()
	java, jar := validator(t)
	dir := t.TempDir()
	var scans, many []Page
	for _, name := range append(samples, "ledger.tif") {
		scans = append(scans, samplePage(t, name))
	}
	for range 2*pagesPerNode + 3 {
		many = append(many, Page{PNG: picturePNG(t, 60, 80, stripes), Width: 60, Height: 80, Lines: []Line{{{Text: "x", Box: [4]float64{1, 1, 20, 20}}}}})
	}
	args := []string{"-cp", jar, "org.verapdf.apps.GreenfieldCliWrapper", "--format", "text", "-v", "--flavour", "2b"}
	for name, content := range map[string][]byte{
		"scans.pdf": write(t, Info{Title: "Sämples & <others>", Source: "sha256:00", Producer: "palimpsest 1"}, scans...),
		"odd.pdf":   write(t, Info{Title: "\x00" + strings.Repeat("long ", 10000)}, odd(t)...),
		"many.pdf":  write(t, Info{Title: "", Producer: "p"}, many...),
	} {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, content, 0o600); err != nil {
			t.Fatal(err)
		}
		args = append(args, file)
	}
	out, err := exec.CommandContext(t.Context(), java, args...).CombinedOutput()
	t.Logf("veraPDF:\n%s", out)
	if passed := strings.Count(string(out), "PASS "); err != nil || passed != 3 {
		t.Errorf("%d of 3 files are PDF/A-2b: %v", passed, err)
	}
	// PDF/A-2u also wants a Unicode value for every character. The files do not
	// claim that level, which is all that may be found missing (6.6.4).
	args[slices.Index(args, "2b")] = "2u"
	out, _ = exec.CommandContext(t.Context(), java, args...).Output()
	if rules := strings.Count(string(out), "  FAIL "); rules != 3 || strings.Count(string(out), "  FAIL 6.6.4-3") != 3 {
		t.Errorf("judged as PDF/A-2u:\n%s", out)
	}
}
