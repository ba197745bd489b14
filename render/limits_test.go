package render

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"image"
	"os"
	"sort"
	"strings"
	"testing"
	"time"

	"palimpsest.dev/render/internal/dicomtest"
)

// limitTests go to both sides of each limit, by the name of its constant.
var limitTests = map[string]func(t *testing.T){
	"MaxFileBytes": func(t *testing.T) {
		data := encodePNG(t, corners(20, 20))
		n := int64(len(data))
		within(t, firstPage(t, data, Limits{FileBytes: n}))
		beyond(t, firstPage(t, data, Limits{FileBytes: n - 1}), "file_bytes")
	},
	"MaxPages": func(t *testing.T) {
		one := pdfPage{9, 9, "", ""}
		for _, data := range [][]byte{writePDF([]pdfPage{one, one, one}, ""), writeTIFF([]grayIFD{{w: 4, h: 4}, {w: 4, h: 4}, {w: 4, h: 4}}),
			dicomtest.File(dicomtest.Options{}, dicomtest.Image(2, 1, 16, make([]uint16, 6)).With(dicomtest.Set{0x00280008: "3"}))} {
			within(t, firstPage(t, data, Limits{Pages: 3}))
			beyond(t, firstPage(t, data, Limits{Pages: 2}), "pages")
		}
	},
	"MaxPagePixels": func(t *testing.T) {
		for name, data := range map[string][]byte{
			"png": encodePNG(t, corners(20, 20)), "dicom": dicomtest.File(dicomtest.Options{}, dicomtest.Image(20, 20, 16, make([]uint16, 400))), "tiff": writeTIFF([]grayIFD{{w: 20, h: 20}}),
			"image of a pdf": scanPDF(t, encodeJPEG(t, corners(40, 40)), 40, 40, 72, 72), // counts a quarter
			"bilevel image":  imagePDF(80, 40, "/ImageMask true/BitsPerComponent 1/Filter/CCITTFaxDecode/DecodeParms<</K -1/Columns 80/Rows 40>>", "\x00\x10\x01"),
		} {
			t.Log(name)
			within(t, firstPage(t, data, Limits{PagePixels: 400}))
			beyond(t, firstPage(t, data, Limits{PagePixels: 399}), "page_pixels")
		}
	},
	"MaxRasterPixels": func(t *testing.T) { // scaled down, not refused
		data := encodePNG(t, corners(100, 50))
		for limit, want := range map[int64]int{5000: 100, 4999: 99, 1250: 50} {
			if p := pageOf(t, data, Options{Limits: Limits{RasterPixels: limit}}, 1); p.Image.Rect.Dx() != want {
				t.Errorf("limit %d: %v, want a width of %d", limit, p.Image.Rect, want)
			}
		}
	},
	"MaxPageSide": func(t *testing.T) {
		l := Limits{}.withDefaults()
		within(t, l.checkSize("open", MaxPageSide, 1))
		beyond(t, named(l.checkSize("open", MaxPageSide+1, 1), "f", 0), "page_side")
	},
	"MaxPagePoints": func(t *testing.T) {
		within(t, firstPage(t, writePDF([]pdfPage{{MaxPagePoints, 100, "", ""}}, ""), Limits{RasterPixels: 1 << 20}))
		beyond(t, firstPage(t, writePDF([]pdfPage{{100, 2 * MaxPagePoints, "", ""}}, ""), Limits{}), "page_points")
	},
	"MaxFormDraws": func(t *testing.T) { // more are left out
		for _, n := range []int{MaxFormDraws, MaxFormDraws + 1} {
			draws := strings.Repeat("/F Do ", n-1) // and the form itself
			data := writePDF([]pdfPage{{9, 9, "/F Do", "/XObject<</F 12 0 R>>"}}, "", drawingForm(draws, "/F 13 0 R"), drawingForm("0 0 9 9 re f", ""))
			got, err := inspect(blob{bytes.NewReader(data), int64(len(data))}, "", Limits{}.withDefaults())
			within(t, err)
			if left := len(got.Leave.Forms) > 0; left != (n > MaxFormDraws) || left && !got.Leave.Lost {
				t.Errorf("a form that draws %d: %+v", n, got.Leave)
			}
		}
	},
	"MaxTextWords": func(t *testing.T) { // the rest is left out
		var w words
		for range MaxTextWords + 1 {
			w.text.WriteString("x")
			w.flush()
		}
		if len(w.list) != MaxTextWords {
			t.Errorf("%d words are kept, want %d", len(w.list), MaxTextWords)
		}
	},
	"MaxTextChars": func(t *testing.T) { // beyond it the pixels speak for the page
		for _, n := range []int{MaxTextChars, MaxTextChars + 1} {
			line := strings.Repeat("x", n/1000)
			content := "BT /F1 0.01 Tf 1 0 0 1 5 5 Tm " + strings.Repeat("("+line+") Tj ", 999) + "(" + strings.Repeat("x", n-999*(n/1000)) + ") Tj ET"
			p := pageOf(t, writePDF([]pdfPage{{20, 20, content, ""}}, ""), Options{DPI: 72}, 1)
			if got := len(p.Text) > 0; got != (n <= MaxTextChars) {
				t.Errorf("a page of %d characters has %d words", n, len(p.Text))
			}
		}
	},
	"MaxArchiveDepth": func(t *testing.T) {
		nested := packed(t, "in.zip", packed(t, "p.png", encodePNG(t, corners(8, 8))))
		within(t, firstPage(t, nested, Limits{ArchiveDepth: 2}))
		beyond(t, firstPage(t, nested, Limits{ArchiveDepth: 1}), "archive_depth")
	},
	"MaxArchiveFiles": func(t *testing.T) { // counted over all archives together
		one := encodePNG(t, corners(8, 8))
		for _, data := range [][]byte{packed(t, "1.png", one, "2.png", one, "3.png", one), packed(t, "1.png", one, "in.zip", packed(t, "2.png", one))} {
			within(t, firstPage(t, data, Limits{ArchiveFiles: 3}))
			beyond(t, firstPage(t, data, Limits{ArchiveFiles: 2}), "archive_files")
		}
	},
	"MaxArchiveBytes": func(t *testing.T) {
		one := encodePNG(t, corners(8, 8))
		inner := packed(t, "1.png", one, "2.png", one)
		all := int64(len(inner) + 2*len(one))
		within(t, firstPage(t, packed(t, "in.zip", inner), Limits{ArchiveBytes: all}))
		beyond(t, firstPage(t, packed(t, "in.zip", inner), Limits{ArchiveBytes: all - 1}), "archive_bytes")
	},
	"MaxMemberBytes": func(t *testing.T) {
		one := encodePNG(t, corners(8, 8))
		within(t, firstPage(t, packed(t, "1.png", one), Limits{MemberBytes: int64(len(one))}))
		beyond(t, firstPage(t, packed(t, "1.png", one), Limits{MemberBytes: int64(len(one)) - 1}), "member_bytes")
	},
	"MaxArchiveRatio": func(t *testing.T) {
		bomb := append(encodePNG(t, image.NewGray(image.Rect(0, 0, 8, 8))), make([]byte, MinRatioBytes+1<<20)...)
		within(t, firstPage(t, packed(t, "b.png", bomb), Limits{ArchiveRatio: 2000}))
		beyond(t, firstPage(t, packed(t, "b.png", bomb), Limits{ArchiveRatio: 100}), "archive_ratio")
	},
	"MinRatioBytes": func(t *testing.T) { // any ratio up to it
		small := encodePNG(t, image.NewGray(image.Rect(0, 0, 8, 8)))
		fill := MinRatioBytes - len(small)
		within(t, firstPage(t, packed(t, "b.png", append(small, make([]byte, fill)...)), Limits{ArchiveRatio: 2}))
		beyond(t, firstPage(t, packed(t, "b.png", append(small, make([]byte, fill+1)...)), Limits{ArchiveRatio: 2}), "archive_ratio")
	},
	"MaxStreamBytes": func(t *testing.T) {
		data := rawTIFF{w: 16, h: 16, bits: []int{4}, color: colorBlackIsZero, data: make([]byte, 128)}.bytes()
		within(t, firstPage(t, data, Limits{StreamBytes: 16 * 16 * 11 / 8}))
		beyond(t, firstPage(t, data, Limits{StreamBytes: 64}), "stream_bytes")
	},
	"MaxDecryptBytes": func(t *testing.T) {
		data := encrypted(t, "secret")
		b := blob{bytes.NewReader(data), int64(len(data))}
		_, err := decryptPDF(b, "secret", Limits{DecryptBytes: b.size}.withDefaults())
		within(t, err)
		_, err = decryptPDF(b, "secret", Limits{DecryptBytes: b.size - 1}.withDefaults())
		beyond(t, named(err, "f", 0), "decrypt_bytes")
	},
	"MaxIFDs": func(t *testing.T) {
		data := writeTIFF([]grayIFD{{w: 4, h: 4}, {w: 4, h: 4}, {w: 4, h: 4}})
		f, err := newTIFFFile(bytes.NewReader(data), int64(len(data)))
		within(t, err)
		at, _, err := f.directories(3)
		within(t, err)
		if _, _, err := f.directories(2); err == nil || len(at) != 3 {
			t.Errorf("%d directories of 3 within the limit, beyond it error %v", len(at), err)
		}
	},
	"MaxDICOMElements": func(t *testing.T) {
		for _, n := range []int{MaxDICOMElements, MaxDICOMElements + 1} { // empty ones behind the pixels
			data := dicomtest.File(dicomtest.Options{}, film())
			for range n - len(film()) - 1 {
				data = append(data, "\xfc\xff\xfc\xffUN\x00\x00\x00\x00\x00\x00"...)
			}
			if err := firstPage(t, data, Limits{}); n <= MaxDICOMElements {
				within(t, err)
			} else {
				beyond(t, err, "dicom_elements")
			}
		}
	},
	"MaxDICOMDepth": func(t *testing.T) {
		for _, n := range []int{MaxDICOMDepth, MaxDICOMDepth + 1} {
			nested := []dicomtest.Set{{}}
			for range n - 1 {
				nested = []dicomtest.Set{{0x00081140: nested}}
			}
			if err := firstPage(t, dicomtest.File(dicomtest.Options{Open: true}, film().With(dicomtest.Set{0x00081140: nested})), Limits{}); n <= MaxDICOMDepth {
				within(t, err)
			} else {
				beyond(t, err, "dicom_depth")
			}
		}
	},
	"MaxDICOMFragments": func(t *testing.T) {
		run := make([]byte, 64, 66) // one segment of a byte
		run[0], run[4] = 1, 64
		run = append(run, 0, 9)
		one := dicomtest.Image(1, 1, 8, nil)
		for _, n := range []int{MaxDICOMFragments, MaxDICOMFragments + 1} {
			pieces := append(make(dicomtest.Fragments, 1, n+1), run)
			pieces = append(pieces, make(dicomtest.Fragments, n-1)...)
			data := dicomtest.File(dicomtest.Options{Syntax: dicomtest.RLE}, one.With(dicomtest.Set{0x00280100: 8, dicomtest.PixelData: pieces}))
			if err := firstPage(t, data, Limits{}); n <= MaxDICOMFragments {
				within(t, err)
			} else {
				beyond(t, err, "dicom_fragments")
			}
		}
	},
	"MaxValueBytes": func(t *testing.T) {
		for _, n := range []int{MaxValueBytes, MaxValueBytes + 2} {
			table := dicomtest.Set{0x00283002: []int{0, 0, 16}, 0x00283006: make([]byte, n)}
			if err := firstPage(t, dicomtest.File(dicomtest.Options{}, film().With(dicomtest.Set{0x00283000: []dicomtest.Set{table}})), Limits{}); n <= MaxValueBytes {
				within(t, err)
			} else {
				beyond(t, err, "value_bytes")
			}
		}
	},
	"MaxStrips": func(t *testing.T) {
		for _, w := range []int{400, 401} { // tiles of one pixel
			err := firstPage(t, rawTIFF{w: w, h: MaxStrips / 400, bits: []int{4}, color: colorBlackIsZero, tile: 1, data: []byte{0xf0}}.bytes(), Limits{})
			if w == 400 {
				within(t, err)
			} else {
				beyond(t, err, "strips")
			}
		}
	},
	"MaxIFDEntries": func(t *testing.T) {
		for _, n := range []int{MaxIFDEntries, MaxIFDEntries + 1} {
			d := binary.LittleEndian.AppendUint16([]byte("II*\x00\x08\x00\x00\x00"), uint16(n))
			d = append(d, make([]byte, 12*n+4)...)
			f, err := newTIFFFile(bytes.NewReader(d), int64(len(d)))
			within(t, err)
			if _, err = f.directory(8); (err == nil) != (n <= MaxIFDEntries) {
				t.Errorf("%d entries: %v", n, err)
			}
		}
	},
	"MaxMemoryBytes": func(t *testing.T) {
		if raceEnabled {
			t.Skip("skipped: the race detector needs more memory than the limit")
		}
		data := encodePNG(t, image.NewGray(image.Rect(0, 0, 6000, 6000)))
		within(t, firstPageInChild(t, data, Limits{}))
		reached(t, firstPageInChild(t, data, Limits{MemoryBytes: 96 << 20}), limitMemory)
	},
	"MaxWasmPages": func(t *testing.T) {
		data := writePDF([]pdfPage{{5000, 5000, "0 g 0 0 99 99 re f", ""}}, "") // 100 MB of pixels
		for pages, ok := range map[uint32]bool{MaxWasmPages: true, 1024: false} {
			d, err := openBytes(t, data, Options{DPI: 72, Limits: Limits{WasmPages: pages}})
			if err == nil {
				_, err = d.Page(t.Context(), 1)
			}
			if ok {
				within(t, err)
			} else {
				beyond(t, err, limitMemory)
			}
		}
	},
	"MaxNotes": func(t *testing.T) {
		for _, n := range []int{MaxNotes, MaxNotes + 1} {
			got := trimNotes(make([]Note, n))
			if last := got[len(got)-1]; len(got) != MaxNotes || (last.Kind == "notes") != (n > MaxNotes) {
				t.Errorf("%d notes became %d, the last %+v", n, len(got), last)
			}
		}
	},
	"MaxNoteBytes": func(t *testing.T) {
		for _, n := range []int{MaxNoteBytes, MaxNoteBytes + 1} {
			if got := trimNotes([]Note{{Text: strings.Repeat("x", n)}})[0].Text; len(got) != MaxNoteBytes {
				t.Errorf("%d bytes became %d", n, len(got))
			}
		}
	},
	"StartTime": func(t *testing.T) { // no fault of the document's
		ask := func(limit time.Duration) error {
			f, err := os.Open(os.DevNull)
			within(t, err)
			defer f.Close()
			r, err := Options{CacheDir: cacheDir()}.request()
			within(t, err)
			r.Op = "start"
			c, err := start(f, r.Limits)
			within(t, err)
			if _, err = c.call(t.Context(), r, limit, "start_time"); err == nil {
				c.kill()
			}
			return err
		}
		within(t, ask(StartTime))
		reached(t, ask(1), "start_time")
	},
	"OpenTime": func(t *testing.T) {
		data := encodePNG(t, corners(8, 8))
		within(t, firstPageInChild(t, data, Limits{OpenTime: OpenTime}))
		reached(t, firstPageInChild(t, data, Limits{OpenTime: 1}), "open_time")
	},
	"InspectTime": func(t *testing.T) { // the document opens without the second look
		for limit, want := range map[time.Duration]string{5 * time.Minute: "link:", 1: "unlisted:inspect_time"} {
			d, err := openChild(t, writePDF([]pdfPage{{9, 9, "", "/Annots[<</Type/Annot/Subtype/Link/Rect[0 0 9 9]/A<</S/URI/URI(x)>>>>]"}}, ""), Options{Limits: Limits{InspectTime: limit}})
			within(t, err)
			wantNotes(t, d, []string{want})
		}
	},
	"PageTime": func(t *testing.T) {
		data := encodePNG(t, corners(8, 8))
		within(t, firstPageInChild(t, data, Limits{PageTime: PageTime}))
		reached(t, firstPageInChild(t, data, Limits{PageTime: 1}), "page_time")
	},
	"CPUTime": func(t *testing.T) {
		if raceEnabled {
			t.Skip("skipped: the race detector needs more than the limit to start")
		}
		data := writePDF([]pdfPage{{612, 792, heavy(), ""}, {72, 72, "", ""}}, "")
		within(t, firstPageInChild(t, encodePNG(t, corners(8, 8)), Limits{CPUTime: CPUTime}))
		d, err := openChild(t, data, Options{DPI: 600, Limits: Limits{CPUTime: 2 * time.Second, PageTime: 5 * time.Minute}})
		within(t, err)
		_, err = d.Page(t.Context(), 1)
		reached(t, err, "cpu_time")
		_, err = d.Page(t.Context(), 2)
		within(t, err)
	},
	"DocumentTime": func(t *testing.T) {
		data := encodePNG(t, corners(8, 8))
		d, err := openChild(t, data, Options{})
		within(t, err)
		_, err = d.Page(t.Context(), 1)
		within(t, err)
		d.src.(*host).open.Limits.DocumentTime = d.src.(*host).spent
		_, err = d.Page(t.Context(), 1)
		reached(t, err, "document_time")
	},
}

func TestLimitsOnBothSides(t *testing.T) {
	t.Parallel()
	for name, test := range limitTests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t)
		})
	}
}

// Every constant that refuses or trims input has a test above.
func TestLimitsAreAllTested(t *testing.T) {
	t.Parallel()
	f, err := parser.ParseFile(token.NewFileSet(), "limits.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var missing []string
	for _, d := range f.Decls {
		if g, ok := d.(*ast.GenDecl); ok && g.Tok == token.CONST {
			for _, s := range g.Specs {
				for _, n := range s.(*ast.ValueSpec).Names {
					isLimit := strings.HasPrefix(n.Name, "M") || strings.HasSuffix(n.Name, "Time")
					if limitTests[n.Name] == nil && isLimit {
						missing = append(missing, n.Name)
					}
				}
			}
		}
	}
	sort.Strings(missing)
	if len(missing) > 0 {
		t.Errorf("no test goes to both sides of %v", missing)
	}
}

// firstPage opens generated bytes here and makes their first page.
func firstPage(t *testing.T, data []byte, l Limits) error {
	t.Helper()
	d, err := openBytes(t, data, Options{Limits: l})
	if err == nil {
		_, err = d.Page(context.Background(), 1)
	}
	return err
}

// firstPageInChild does so in a child.
func firstPageInChild(t *testing.T, data []byte, l Limits) error {
	t.Helper()
	d, err := openChild(t, data, Options{Limits: l})
	if err == nil {
		_, err = d.Page(context.Background(), 1)
	}
	return err
}

// within wants no error.
func within(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("within the limit: %v", err)
	}
}

// beyond wants the limit named, with a value over what is allowed, and what to
// do.
func beyond(t *testing.T, err error, limit string) {
	t.Helper()
	wantLimit(t, err, limit)
}

// reached wants the limit named; its value is where the work was stopped.
func reached(t *testing.T, err error, limit string) {
	t.Helper()
	var e *Error
	if !errors.As(err, &e) || e.Kind != TooLarge || e.Limit != limit || e.Hint == "" || !strings.Contains(err.Error(), "limit of") {
		t.Errorf("error %v, want the limit %s and a hint", err, limit)
	}
}

// imagePDF shows one image with the given dictionary entries on the whole page.
func imagePDF(w, h int, entries, data string) []byte {
	return writePDF([]pdfPage{{72, 72, "q 72 0 0 72 0 0 cm /I Do Q", "/XObject<</I 12 0 R>>"}}, "",
		fmt.Sprintf("<</Type/XObject/Subtype/Image/Width %d/Height %d%s/Length %d>>stream\n%s\nendstream", w, h, entries, len(data), data))
}
