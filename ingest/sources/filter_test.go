package sources

import (
	"strings"
	"testing"
)

func TestFilter(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		include, exclude, location string
		taken, left                string
	}{
		// Without patterns all is taken but what lies beside documents.
		{"", "", "/data", "a.pdf A.TIF sub/b.jpg noending", "a.xml a.txt a.PDF.md5 sub/METS.XML checksums.sha256 a.csv"},
		{"*.tif *.pdf", "", "/data", "a.tif deep/er/B.PDF", "a.jpg a.tif.xml tif"},
		{"*.txt", "", "/data", "a.txt", "a.pdf"}, // who asks for it gets it
		{"", "*_thumb.*", "/data", "a.jpg", "a_thumb.jpg sub/b_THUMB.png"},
		{"*.pdf", "drafts/", "/data", "a.pdf final/drafts.pdf", "drafts/a.pdf drafts/sub/b.pdf"},
		{"", "**/thumbs/*", "/data", "a.pdf thumbs.pdf", "thumbs/a.pdf x/thumbs/a.pdf x/y/thumbs/a.pdf"},
		{"189?/**/*.pdf", "", "/data", "1890/a.pdf 1895/x/y/a.pdf", "a.pdf 1900/a.pdf 1890/a.tif x/1890/a.pdf"},
		{"[ab]*/*", "", "/data", "a1/x.pdf b/x.pdf", "c/x.pdf a.pdf a/b/x.pdf"},
		// In a bucket paths begin behind the prefix's last slash.
		{"box1/*", "", "s3://archive/letters/", "letters/box1/a.pdf", "letters/box2/a.pdf"},
		{"box1/*", "", "s3://archive/letters/bo", "letters/box1/a.pdf", "letters/box2/a.pdf"},
		{"box1/*", "", "s3://archive", "box1/a.pdf", "letters/box1/a.pdf"},
		{strings.Repeat("**/", 40) + "*.x", "", "/data", strings.Repeat("d/", 40) + "a.x", strings.Repeat("d/", 40) + "a.pdf"},
		{strings.Repeat("**/d/", 30) + "e", "", "/data", "", strings.Repeat("d/", 60) + "a.pdf"},
	} {
		f := Filter{strings.Fields(c.include), strings.Fields(c.exclude)}
		for _, key := range strings.Fields(c.taken) {
			if why := f.Leave(c.location, Object{Key: key}); why != "" {
				t.Errorf("%+v leaves %s of %s: %s", f, key, c.location, why)
			}
		}
		for _, key := range strings.Fields(c.left) {
			if f.Leave(c.location, Object{Key: key}) == "" {
				t.Errorf("%+v takes %s of %s", f, key, c.location)
			}
		}
	}
	if why := (Filter{Include: []string{"*.pdf"}}).Leave("/data", Object{Key: "locked/", Folder: true}); why != "" {
		t.Errorf("a folder that cannot be listed is left alone: %s", why)
	}
}

// Whatever the pattern and the path, matching ends soon, and ** alone matches
// everything.
func FuzzFilter(f *testing.F) {
	f.Add("*.pdf", "a/b.pdf")
	f.Add("**/a/**/b", "x/a/y/b")
	f.Add("[", "[")
	f.Add("a/", "a/b")
	f.Fuzz(func(t *testing.T, pattern, key string) {
		match(pattern, key)
		if !match("**/"+"**", key) {
			t.Errorf("** does not match %q", key)
		}
	})
}
