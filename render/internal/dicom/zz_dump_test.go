package dicom

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

func TestZZDump(t *testing.T) {
	dir := os.Getenv("ZZ_DIR")
	if dir == "" {
		t.Skip()
	}
	files, _ := filepath.Glob(filepath.Join(dir, "*"))
	for _, p := range files {
		data, err := os.ReadFile(p)
		if err != nil {
			continue
		}
		base := filepath.Base(p)
		f, err := Parse(data, Limits{1 << 19, 32, 1 << 18, 128 << 10, 512 << 20})
		if err != nil {
			fmt.Fprintf(os.Stderr, "%s\tOPEN\t%v\n", base, err)
			continue
		}
		for n := range f.Image.Frames {
			px, err := f.Frame(n)
			if err != nil {
				fmt.Fprintf(os.Stderr, "%s\t%d\tFRAME\t%v\n", base, n, err)
				continue
			}
			out := make([]byte, 0, 2*len(px.Samples))
			for _, v := range px.Samples {
				out = binary.LittleEndian.AppendUint16(out, v)
			}
			os.WriteFile(fmt.Sprintf("/tmp/dicom/cmp/%s.%d.raw", base, n), out, 0o644)
			img, err := f.Show(n, px)
			if err != nil {
				fmt.Fprintf(os.Stderr, "%s\t%d\tSHOW\t%v\n", base, n, err)
				continue
			}
			os.WriteFile(fmt.Sprintf("/tmp/dicom/cmp/%s.%d.rgba", base, n), img.Pix, 0o644)
			j, _ := json.Marshal(map[string]any{"w": px.Width, "h": px.Height, "c": px.Components, "p": px.Photometric})
			os.WriteFile(fmt.Sprintf("/tmp/dicom/cmp/%s.%d.json", base, n), j, 0o644)
			fmt.Fprintf(os.Stderr, "%s\t%d\tok %s %v\n", base, n, f.Syntax.Name, f.Notes)
		}
	}
}
