package ingest

import (
	"slices"
	"testing"

	"palimpsest.dev/store"
)

// Files that lie beside documents are counted and left alone: they become no
// documents and no failures, in the first scan and the second.
func TestSidecarsAreNoDocuments(t *testing.T) {
	t.Parallel()
	a := newArchive(t)
	a.scans(t, a.worker(), store.WorkerOptions{})
	for _, name := range []string{"1.tif", "1.xml", "1.txt", "1.tif.md5", "box/2.pdf", "box/2.mets.XML", "thumbs/1.tif", "notes.docx"} {
		a.write(t, name, "content of "+name, 2)
		a.put(t, "letters/"+name, "content of "+name+" in the bucket")
	}
	add := func(name, location string, include, exclude []string) {
		t.Helper()
		src, err := a.store.AddSource(t.Context(), store.NewScanSource{Name: name, Location: location, Cron: "0 0 29 2 *", Tasks: []string{"ocr"}, Include: include, Exclude: exclude})
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(src.Include, include) || !slices.Equal(src.Exclude, exclude) {
			t.Errorf("%s was stored with %q and %q", name, src.Include, src.Exclude)
		}
	}
	add("plain", a.dir, nil, nil)
	wants(t, "without patterns", a.scan(t, "plain"), store.ScanComplete, store.ScanCounts{Seen: 8, New: 4, Skipped: 4})
	wants(t, "again", a.scan(t, "plain"), store.ScanComplete, store.ScanCounts{Seen: 8, Unchanged: 4, Skipped: 4})
	add("chosen", "s3://archive/letters/", []string{"*.tif", "box/*.pdf"}, []string{"thumbs/"})
	wants(t, "with patterns", a.scan(t, "chosen"), store.ScanComplete, store.ScanCounts{Seen: 8, New: 2, Skipped: 6})
	wants(t, "again", a.scan(t, "chosen"), store.ScanComplete, store.ScanCounts{Seen: 8, Unchanged: 2, Skipped: 6})
	if n := a.count(t, allDocuments); n != 6 {
		t.Errorf("%d documents, want 6", n)
	}
	for _, wrong := range [][]string{{"["}, {""}, make([]string, 65)} {
		_, err := a.store.AddSource(t.Context(), store.NewScanSource{Name: "wrong", Location: a.dir, Cron: "@daily", Tasks: []string{"ocr"}, Exclude: wrong})
		if err == nil {
			t.Errorf("patterns %q are taken", wrong)
		}
	}
}
