package render

import (
	"bytes"
	"errors"
	"io"
)

// errWholeFile is said of a JBIG2 image that was put into a PDF with the header
// of its file. PDFium draws nothing of it.
var errWholeFile = errors.New("a whole file")

// jbig2FileHeader is the length of the header of a JBIG2 file of sequential
// organisation whose number of pages is known.
const jbig2FileHeader = 13

// jbig2Nothing takes the place of such a header: a segment of the same length,
// of the type for comments, that decoders pass over.
const jbig2Nothing = "\x7f\xff\xff\xff\x3e\x00\x00\x00\x00\x00\x02\x00\x00"

// Bounds of the search for such headers.
const (
	maxPatches = 10_000
	patchBlock = 1 << 20
)

// withoutFileHeaders makes comments of the file headers that JBIG2 streams of a
// PDF begin with; no offset changes. It returns false where there are none.
func withoutFileHeaders(b blob) (blob, bool) {
	var at []int64
	buf := make([]byte, patchBlock)
	const lead = len("stream\r\n")
	for off := int64(0); off < b.size && len(at) < maxPatches; off += patchBlock - jbig2FileHeader - int64(lead) {
		n, err := b.ReadAt(buf[:min(patchBlock, b.size-off)], off)
		if n == 0 && err != nil {
			break
		}
		for i := 0; ; i++ {
			k := bytes.Index(buf[i:n], []byte(jbig2Magic))
			if k < 0 {
				break
			}
			i += k
			const sequential, pagesUnknown = 1, 2
			begins := bytes.HasSuffix(buf[:i], []byte("stream\n")) || bytes.HasSuffix(buf[:i], []byte("stream\r\n"))
			if begins && i+jbig2FileHeader <= n && buf[i+len(jbig2Magic)]&(sequential|pagesUnknown) == sequential {
				at = append(at, off+int64(i))
			}
		}
	}
	if len(at) == 0 {
		return b, false
	}
	return blob{patches{b.ReaderAt, at}, b.size}, true
}

// patches reads as its file does, but for jbig2Nothing at some places.
type patches struct {
	io.ReaderAt
	at []int64
}

// ReadAt implements io.ReaderAt.
func (p patches) ReadAt(b []byte, off int64) (int, error) {
	n, err := p.ReaderAt.ReadAt(b, off)
	for _, at := range p.at {
		if from, to := max(at, off), min(at+jbig2FileHeader, off+int64(n)); from < to {
			copy(b[from-off:to-off], jbig2Nothing[from-at:])
		}
	}
	return n, err
}
