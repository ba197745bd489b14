package render

import (
	"path/filepath"
	"strings"
	"testing"
)

func TestZZUpdate(t *testing.T) {
	*update = true
	dir, files := hostileFiles(t)
	table := readTable(t)
	fresh := map[string]string{}
	for _, h := range files {
		if strings.HasPrefix(h.File, "dicom/") || strings.HasPrefix(h.File, "made/dcm") {
			row, _ := tryHostile(t, filepath.Join(dir, h.File), h, robustnessLimits(table[h.File]), []string{t.TempDir()})
			fresh[h.File] = row
		}
	}
	writeTable(t, table, fresh)
}
