package render

import (
	"bytes"
	"errors"
	"strings"
	"testing"
)

func TestSniff(t *testing.T) {
	t.Parallel()
	dicom := append(bytes.Repeat([]byte{0}, 128), "DICM\x02\x00"...)
	disguised := append([]byte("II*\x00\x08\x00\x00\x00"), dicom[8:]...)
	for name, c := range map[string]struct {
		head   string
		format string
		kind   Kind
		hint   string
	}{
		"pdf":                    {head: "%PDF-1.4\n", format: formatPDF},
		"pdf after junk":         {head: "junk\n%PDF-1.4\n", format: formatPDF},
		"pdf without its header": {head: "%XYZ\n1 0 obj\n<</Type/Catalog>>", format: formatPDF},
		"jpeg":                   {head: "\xff\xd8\xff\xe0\x00\x10JFIF", format: formatJPEG},
		"png":                    {head: "\x89PNG\r\n\x1a\n", format: formatPNG},
		"gif":                    {head: "GIF89a", format: formatGIF},
		"webp":                   {head: "RIFF\x10\x00\x00\x00WEBPVP8 ", format: formatWebP},
		"tiff":                   {head: "II*\x00\x08\x00\x00\x00", format: formatTIFF},
		"tiff, big endian":       {head: "MM\x00*\x00\x00\x00\x08", format: formatTIFF},
		"zip":                    {head: "PK\x03\x04", format: formatZip},
		"bmp":                    {head: "BM" + strings.Repeat("\x00", 12) + "\x28\x00\x00\x00" + strings.Repeat("\x00", 30), format: formatBMP},
		"nothing":                {head: "", kind: BadInput},
		"bigtiff":                {head: "II+\x00\x08\x00", kind: Unsupported, hint: "classic TIFF"},
		"dicom":                  {head: string(dicom), format: formatDICOM},
		"dicom under tiff":       {head: string(disguised), format: formatDICOM},
		"dicom without preamble": {head: "DICM\x02\x00\x00\x00UL\x04\x00", format: formatDICOM},
		"dicom, meta group":      {head: "\x02\x00\x00\x00UL\x04\x00\x1a\x00\x00\x00\x02\x00\x01\x00OB\x00\x00\x02\x00\x00\x00\x00\x01", format: formatDICOM},
		"dicom, explicit":        {head: "\x08\x00\x05\x00CS\x0a\x00ISO_IR 100\x08\x00\x16\x00UI\x02\x001\x00", format: formatDICOM},
		"dicom, implicit":        {head: "\x08\x00\x05\x00\x0a\x00\x00\x00ISO_IR 100\x08\x00\x16\x00\x02\x00\x00\x001\x00", format: formatDICOM},
		"not quite dicom":        {head: "\x08\x00\x05\x00\x0a\x00\x00\x00ISO_IR 100\x07\x00\x16\x00\x02\x00\x00\x001\x00", kind: Unsupported},
		"html":                   {head: " <!DOCTYPE html><html>", kind: Unsupported, hint: "print"},
		"text":                   {head: "BM is not always a bitmap", kind: Unsupported},
		"gzip":                   {head: "\x1f\x8b\x08", kind: Unsupported, hint: "unpack"},
		"noise":                  {head: "\x01\x02\x03\x04", kind: Unsupported},
	} {
		format, err := sniff([]byte(c.head))
		if format != c.format {
			t.Errorf("%s: format %q, want %q", name, format, c.format)
		}
		var e *Error
		if c.kind == "" && err != nil || c.kind != "" && (!errors.As(err, &e) || e.Kind != c.kind || !strings.Contains(e.Hint, c.hint)) {
			t.Errorf("%s: error %v, want kind %q and a hint with %q", name, err, c.kind, c.hint)
		}
	}
}

func TestMediaTypesAreComplete(t *testing.T) {
	t.Parallel()
	for _, s := range signatures {
		if s.format != "" && mediaTypes[s.format] == "" {
			t.Errorf("%s has no media type", s.format)
		}
		if (s.format == "") != (s.what != "" && s.hint != "") {
			t.Errorf("signature %q is neither read nor explained", s.bytes)
		}
	}
}

func FuzzSniff(f *testing.F) {
	f.Add([]byte("%PDF-1.4"))
	f.Add([]byte("BM0000000000000000000000000000"))
	f.Add([]byte("RIFF1234WEBP1234"))
	f.Add([]byte("%XYZ\n1 0 obj\n<</Type/Catalog>>"))
	f.Add([]byte(" <!DOCTYPE html><html>"))
	f.Add([]byte("\x08\x00\x05\x00CS" + strings.Repeat("\x00", 130)))
	for _, s := range signatures {
		f.Add([]byte(strings.Repeat("\x00", s.at) + s.bytes))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		format, err := sniff(b[:min(len(b), sniffBytes)])
		if (format == "") == (err == nil) {
			t.Fatalf("format %q and error %v", format, err)
		}
		if format != "" && mediaTypes[format] == "" {
			t.Fatalf("format %q has no media type", format)
		}
	})
}
