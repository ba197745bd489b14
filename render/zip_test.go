package render

import (
	"archive/zip"
	"bytes"
	"errors"
	"image"
	"strings"
	"testing"
)

// packed writes a zip of named members.
func packed(t testing.TB, members ...any) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for i := 0; i < len(members); i += 2 {
		f, err := w.Create(members[i].(string))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Write(members[i+1].([]byte)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestZipPages(t *testing.T) {
	t.Parallel()
	one := encodePNG(t, corners(32, 32))
	two := writeTIFF([]grayIFD{{w: 4, h: 4, fill: 1}, {w: 4, h: 4, fill: 2}})
	data := packed(t,
		"a/first.png", one, "../../etc/second.tif", two, "broken.png", one[:40], "notes.txt", []byte("hello"),
		"__MACOSX/._first.png", []byte("x"), "empty/", []byte{}, "zero.png", []byte{}, "C:\\last.png", one)
	d, err := openBytes(t, data, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if d.Format() != "zip" || d.NumPages() != 6 {
		t.Fatalf("%s with %d pages, want zip with 6: %v", d.Format(), d.NumPages(), d.Notes())
	}
	if n := d.Notes(); len(n) != 1 || n[0].Kind != "member" || !strings.Contains(n[0].Text, "notes.txt") {
		t.Errorf("notes %v, want one about notes.txt", n)
	}
	for n, want := range []string{"a/first.png", "../../etc/second.tif", "../../etc/second.tif", "", "", "C:\\last.png"} {
		p, err := d.Page(t.Context(), n+1)
		if want == "" {
			var e *Error
			if !errors.As(err, &e) || e.Kind != BadInput || e.Page != n+1 {
				t.Errorf("page %d: %v, want bad input with its number", n+1, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("page %d: %v", n+1, err)
		} else if p.Member != want || p.Number != n+1 {
			t.Errorf("page %d is %d of %q, want %q", n+1, p.Number, p.Member, want)
		}
	}
}

func TestZipLimits(t *testing.T) {
	t.Parallel()
	one := encodePNG(t, corners(32, 32))
	inner := packed(t, "p.png", one)
	nested := packed(t, "inner.zip", inner)
	d, err := openBytes(t, nested, Options{Limits: Limits{ArchiveDepth: 2}})
	if err != nil {
		t.Fatal(err)
	}
	if p, err := d.Page(t.Context(), 1); err != nil || p.Member != "inner.zip/p.png" {
		t.Errorf("nested page: %v", err)
	}
	d, err = openBytes(t, nested, Options{Limits: Limits{ArchiveDepth: 1}})
	if err != nil {
		t.Fatal(err)
	}
	_, err = d.Page(t.Context(), 1)
	wantLimit(t, err, "archive_depth")

	three := packed(t, "1.png", one, "2.png", one, "3.png", one)
	if _, err := openBytes(t, three, Options{Limits: Limits{ArchiveFiles: 3}}); err != nil {
		t.Error(err)
	}
	_, err = openBytes(t, three, Options{Limits: Limits{ArchiveFiles: 2}})
	wantLimit(t, err, "archive_files")
	_, err = openBytes(t, three, Options{Limits: Limits{Pages: 2}})
	wantLimit(t, err, "pages")
	if _, err := openBytes(t, three, Options{Limits: Limits{ArchiveBytes: int64(3 * len(one))}}); err != nil {
		t.Error(err)
	}
	_, err = openBytes(t, three, Options{Limits: Limits{ArchiveBytes: int64(3*len(one)) - 1}})
	wantLimit(t, err, "archive_bytes")

	for limit, want := range map[int64]string{int64(len(one)): "", int64(len(one)) - 1: "member_bytes"} {
		d, err := openBytes(t, packed(t, "1.png", one), Options{Limits: Limits{MemberBytes: limit}})
		if err != nil {
			t.Fatal(err)
		}
		if _, err = d.Page(t.Context(), 1); want != "" {
			wantLimit(t, err, want)
		} else if err != nil {
			t.Error(err)
		}
	}
}

// Zeroes pack a thousandfold: that much is a bomb above MinRatioBytes.
func TestZipBomb(t *testing.T) {
	t.Parallel()
	bomb := append(encodePNG(t, image.NewGray(image.Rect(0, 0, 8, 8))), make([]byte, MinRatioBytes+1<<20)...)
	d, err := openBytes(t, packed(t, "bomb.png", bomb), Options{Limits: Limits{ArchiveRatio: 100}})
	if err != nil {
		t.Fatal(err)
	}
	_, err = d.Page(t.Context(), 1)
	wantLimit(t, err, "archive_ratio")
	if d, err = openBytes(t, packed(t, "bomb.png", bomb), Options{Limits: Limits{ArchiveRatio: 2000}}); err != nil {
		t.Fatal(err)
	}
	if _, err = d.Page(t.Context(), 1); err != nil {
		t.Errorf("below the ratio: %v", err)
	}
}

func TestOfficeFilesAreNamed(t *testing.T) {
	t.Parallel()
	_, err := openBytes(t, packed(t, "[Content_Types].xml", []byte("<x/>"), "word/media/a.png", encodePNG(t, corners(8, 8))), Options{})
	var e *Error
	if !errors.As(err, &e) || e.Kind != Unsupported || !strings.Contains(e.Hint, "PDF") {
		t.Errorf("%v, want unsupported with a hint", err)
	}
}

func FuzzZip(f *testing.F) {
	small := encodePNG(f, image.NewGray(image.Rect(0, 0, 3, 3)))
	f.Add(packed(f, "a.png", small, "b.tif", writeTIFF([]grayIFD{{w: 2, h: 2}})))
	f.Add(packed(f, "in.zip", packed(f, "a.png", small)))
	f.Add(packed(f, "../../slip.png", small, "a/", []byte{}, "notes.txt", []byte("hello"), "__MACOSX/._a.png", []byte("x")))
	f.Add(packed(f, "[Content_Types].xml", []byte("<x/>")))
	f.Add(packed(f, "zeroes.bmp", make([]byte, 4096)))
	f.Fuzz(func(t *testing.T, b []byte) {
		m := &machine{limits: Limits{PagePixels: 1 << 16, MemberBytes: 1 << 20, ArchiveFiles: 50, Pages: 50}.withDefaults()}
		r, _, err := openZip(m, blob{bytes.NewReader(b), int64(len(b))}, new(archive))
		if err != nil {
			typed(t, err)
			return
		}
		defer r.close()
		for n := range min(r.count(), 3) {
			if _, err := r.render(n); err != nil {
				typed(t, err)
			}
		}
	})
}
