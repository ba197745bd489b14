package jpegls

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"palimpsest.dev/render/internal/codectest"
)

const wide, high = codectest.Wide, codectest.High

// vectors reads testdata, encoded by CharLS, through dcmcjpls. It writes 16 bits of
// precision for some with 12.
func vectors(t testing.TB) map[string][]byte {
	t.Helper()
	return codectest.Vectors(t, "*.jls")
}

func TestDecodesWhatAnotherProgramEncoded(t *testing.T) {
	t.Parallel()
	for name, data := range vectors(t) {
		var bits, n, near int
		var how string
		if _, err := fmt.Sscanf(strings.NewReplacer("_", " ", ".jls", "").Replace(filepath.Base(name)), "sharp %dbit %d %s near%d", &bits, &n, &how, &near); err != nil {
			t.Fatal(name, err)
		}
		m, err := Decode(data, wide, high)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if m.Width != wide || m.Height != high || m.Components != n || m.Bits < bits {
			t.Errorf("%s: %d x %d, %d components of %d bits", name, m.Width, m.Height, m.Components, m.Bits)
		}
		for i, got := range m.Samples {
			want := int(codectest.Sharp(bits, i/n%wide, i/n/wide, i%n))
			if off := int(got) - want; off > near || off < -near {
				t.Errorf("%s: value %d is %d, want %d within %d", name, i, got, want, near)
				break
			}
		}
	}
}

// Every cut and every image of another size is an error, never a picture.
func TestRefusesCutImages(t *testing.T) {
	t.Parallel()
	data := vectors(t)["testdata/sharp_12bit_1_plane_near0.jls"]
	for n := range len(data) - 3 {
		if _, err := Decode(data[:n], wide, high); err == nil {
			t.Errorf("an image cut at byte %d of %d decodes", n, len(data))
		}
	}
	if _, err := Decode(data, wide, high+1); err == nil || !strings.Contains(err.Error(), "19 x 13 where 19 x 14") {
		t.Errorf("error %v, want both sizes", err)
	}
}

func FuzzDecode(f *testing.F) {
	for _, data := range vectors(f) {
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := Decode(data, wide, high)
		if err == nil && len(m.Samples) != wide*high*m.Components {
			t.Fatalf("%d values of %d components", len(m.Samples), m.Components)
		}
	})
}
