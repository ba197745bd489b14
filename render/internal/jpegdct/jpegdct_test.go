package jpegdct

import (
	"bytes"
	"image"
	"image/jpeg"
	"os"
	"strings"
	"testing"
)

// The files in testdata are an image of 19 x 13 computed by smooth, encoded by
// another program (dcmcjpeg) at its best quality.
const wide, high = 19, 13

// smooth computes a value of the image of 12 bits.
func smooth(x, y int) int { return (x + y) * 4095 / 30 }

func read(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestDecodesTwelveBits(t *testing.T) {
	t.Parallel()
	m, err := Decode(read(t, "smooth_12bit_1.jpg"), wide, high)
	if err != nil {
		t.Fatal(err)
	}
	if m.Bits != 12 || m.Components != 1 {
		t.Errorf("%d components of %d bits", m.Components, m.Bits)
	}
	for i, got := range m.Samples {
		if off := int(got) - smooth(i%wide, i/wide); off > 4 || off < -4 { // a quarter of one grey in 256
			t.Fatalf("value %d is off by %d of 4096", i, off)
		}
	}
}

// Images of 8 bits come out as the standard library decodes them, with chroma in
// full and in half the size.
func TestDecodesAsTheLibraryDoes(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"smooth_8bit_3ycc.jpg", "smooth_8bit_3ycc422.jpg"} {
		data := read(t, name)
		want, err := jpeg.Decode(bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		ref := want.(*image.YCbCr)
		m, err := Decode(data, wide, high)
		if err != nil {
			t.Fatal(err)
		}
		for i := range wide * high {
			x, y := i%wide, i/wide
			c := ref.COffset(x, y)
			for k, v := range []uint8{ref.Y[ref.YOffset(x, y)], ref.Cb[c], ref.Cr[c]} {
				if off := int(m.Samples[3*i+k]) - int(v); off > 1 || off < -1 {
					t.Fatalf("%s: component %d of pixel %d, %d is %d, want %d", name, k, x, y, m.Samples[3*i+k], v)
				}
			}
		}
	}
}

func TestRefusesCutImages(t *testing.T) {
	t.Parallel()
	data := read(t, "smooth_12bit_1.jpg")
	for n := range len(data) - 3 { // the end of image is not missed, nor is padding
		if _, err := Decode(data[:n], wide, high); err == nil {
			t.Errorf("an image cut at byte %d of %d decodes", n, len(data))
		}
	}
	if _, err := Decode(data, 8, 8); err == nil || !strings.Contains(err.Error(), "19 x 13 where 8 x 8") {
		t.Errorf("error %v, want both sizes", err)
	}
}

func FuzzDecode(f *testing.F) {
	for _, n := range []string{"smooth_12bit_1.jpg", "smooth_8bit_3ycc.jpg", "smooth_8bit_3ycc422.jpg"} {
		f.Add(read(f, n))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := Decode(data, wide, high)
		if err == nil && len(m.Samples) != wide*high*m.Components {
			t.Fatalf("%d values of %d components", len(m.Samples), m.Components)
		}
	})
}
