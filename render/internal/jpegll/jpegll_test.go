package jpegll

import (
	"bytes"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"palimpsest.dev/render/internal/codectest"
)

const wide, high = codectest.Wide, codectest.High

// vectors reads testdata, encoded by dcmcjpeg. It writes 16 bits of
// precision where there are more than 8.
func vectors(t testing.TB) map[string][]byte {
	t.Helper()
	return codectest.Vectors(t, "*.jpg")
}

func TestDecodesWhatAnotherProgramEncoded(t *testing.T) {
	t.Parallel()
	for name, data := range vectors(t) {
		var bits, n, k int
		var kind string
		if _, err := fmt.Sscanf(strings.ReplaceAll(filepath.Base(name), "_", " "), "sharp %dbit %d %s", &bits, &n, &kind); err != nil {
			t.Fatal(name, err)
		}
		fmt.Sscanf(kind, "shift%d", &k)
		m, err := Decode(data, wide, high)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if m.Width != wide || m.Height != high || m.Components != n || m.Bits < bits {
			t.Errorf("%s: %d x %d, %d components of %d bits", name, m.Width, m.Height, m.Components, m.Bits)
		}
		for i, got := range m.Samples {
			if want := codectest.Sharp(bits, i/n%wide, i/n/wide, i%n) >> k << k; got != want {
				t.Errorf("%s: value %d is %d, want %d", name, i, got, want)
				break
			}
		}
	}
}

// Every cut and every image of another size is an error, never a picture.
func TestRefusesCutImages(t *testing.T) {
	t.Parallel()
	data := vectors(t)["testdata/sharp_12bit_1_predictor4.jpg"]
	for n := range len(data) - 2 { // the end of image is not missed
		if _, err := Decode(data[:n], wide, high); err == nil {
			t.Errorf("an image cut at byte %d of %d decodes", n, len(data))
		}
	}
	if _, err := Decode(data, wide+1, high); err == nil || !strings.Contains(err.Error(), "19 x 13 where 20 x 13") {
		t.Errorf("error %v, want both sizes", err)
	}
	progressive := bytes.Replace(data, []byte{0xff, 0xc3}, []byte{0xff, 0xc2}, 1)
	if _, err := Decode(progressive, wide, high); err == nil || !strings.Contains(err.Error(), "unsupported: a frame of kind SOF2") {
		t.Errorf("error %v, want the kind named", err)
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
