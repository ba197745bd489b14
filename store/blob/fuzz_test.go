package blob_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"palimpsest.dev/store/blob"
)

// Whatever a document is called, its folder is one plain name under documents/.
func FuzzFolder(f *testing.F) {
	for _, name := range []string{"scan.pdf", "../../etc/passwd", "a\x00b", "\xff", "", strings.Repeat("日", 100), "con", "-rf *"} {
		f.Add(name)
	}
	const id = "0198f2c4-0000-7000-8000-0000deadbeef"
	f.Fuzz(func(t *testing.T, name string) {
		folder, ok := strings.CutPrefix(blob.Folder(name, id), "documents/")
		if !ok || strings.ContainsAny(folder, "/\\\x00\n ") || strings.HasPrefix(folder, ".") || strings.HasPrefix(folder, "-") || !utf8.ValidString(folder) || len(folder) > 100 || !strings.HasSuffix(folder, "-deadbeef") {
			t.Errorf("Folder(%q) = %q", name, folder)
		}
	})
}
